"""Does a policy fit a world? Asked before anything runs, so that the answer names the role and not a matrix."""

import inspect
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.environment import Environment, Percept, Role
from aira_agents.errors import AiraError, IncompatiblePolicyError, InputError, traced_hint, unknown_name
from aira_agents.policies.policy import AbstractPolicy, Builder, Policy
from aira_agents.policies.rule import Rule
from aira_agents.policies.usual import usual_policy
from aira_agents.types import Key


def a_world(given: Any) -> Environment:
    """Returns `given`; raises `InputError` where it is no world, but its class, its name or a model of it."""
    if isinstance(given, Environment):
        return given
    got, instead = type(given).__name__, "such as `Foraging()`"
    if isinstance(given, type):
        got = f"the class {given.__name__}"
        instead = f"`{given.__name__}()`" if issubclass(given, Environment) else instead
    elif isinstance(getattr(given, "environment", None), Environment):
        instead = "its `.environment`"
    raise InputError(f"This takes a world, {instead}; got {got}.")


def policies_for(environment: Environment, policy: Any, *, named: bool = False) -> dict[str, AbstractPolicy]:
    """Returns a checked policy for every role.

    Args:
        environment: The world to act in.
        policy: One for all roles, or a dictionary by role; each a policy, a plain function as `Rule` takes it, or
            `None` for who usually acts in this world, as in roles that a dictionary leaves out.
        named: A dictionary may leave out no role: for where nobody should be judged or recorded unnoticed.

    Raises:
        InputError: This is no world, a role does not exist, or a function is no rule.
        IncompatiblePolicyError: A policy does not fit its role, or is none.
    """
    names = [role.name for role in a_world(environment).roles]
    given = dict(policy) if isinstance(policy, Mapping) else dict.fromkeys(names, policy)
    for name in given:
        if name not in names:
            raise unknown_name("role", name, names)
    acting = [name for name in names if name in given or not named]
    policies = {name: _as_policy(given.get(name), name, environment) for name in acting}
    check_policies(environment, policies)
    return policies


def _as_policy(given: Any, role: str, environment: Environment) -> AbstractPolicy:
    if given is None:
        return usual_policy(environment)
    if isinstance(given, AbstractPolicy):
        return given
    if callable(given) and not isinstance(given, type):
        return Rule(given)
    raise IncompatiblePolicyError(
        f"The policy for {role!r} must be a policy, a function `act(observation, key)` or None (who usually acts); "
        f"got {type(given).__name__}."
    )


def check_policies(environment: Environment, policies: Mapping[str, AbstractPolicy]) -> None:
    """Raises `IncompatiblePolicyError` where a role has no policy, or one that cannot decide for it."""
    key = jax.eval_shape(lambda: jax.random.key(0))
    percepts = eqx.filter_eval_shape(_first_percepts, environment, key)
    for role in environment.roles:
        if role.name not in policies:
            raise IncompatiblePolicyError(f"A policy is needed for every role; there is none for {role.name!r}.")
        try:
            _check(role, policies[role.name], percepts[role.name], key)
        except AiraError:
            raise
        except Exception as error:
            raise _unfit(role, policies[role.name], error) from error


@eqx.filter_jit  # never run: a world of the same shapes is not traced again, most of what it takes to make a model
def _first_percepts(environment: Environment, key: Key) -> dict[str, Percept]:
    return environment.observe(environment.reset(key), key)


def fitting(role: Role, build: Builder) -> Builder:
    """Returns `build`, which now raises `IncompatiblePolicyError` for a network that does not fit `role`.

    Raises:
        InputError: It takes no numbers of features and outputs and a key: it is a network, say, or the class of one.
    """
    try:
        inspect.signature(build).bind("n_features", "n_outputs", "key")
    except TypeError as error:
        got = build.__name__ if isinstance(build, type) else type(build).__name__
        raise InputError(
            f"The network for {role.name!r} must be a builder `(n_features, n_outputs, key)`, such as "
            f"`MLPPolicy.build`; got {got}."
        ) from error

    def checked(n_features: int, n_outputs: int, key: Key) -> Policy:
        network = build(n_features, n_outputs, key)
        if not isinstance(network, Policy):
            raise IncompatiblePolicyError(
                f"The builder for {role.name!r} must return a `Policy`; got {type(network).__name__}."
            )
        features = jax.ShapeDtypeStruct((role.capacity, n_features), jnp.float32)
        memories = eqx.filter_eval_shape(lambda: network.initial_memories(role.capacity))
        try:
            _check_outputs(role, network, features, memories, n_outputs)
        except AiraError:
            raise
        except Exception as error:
            raise _unfit(role, network, error) from error
        return network

    return checked


def _unfit(role: Role, policy: AbstractPolicy, error: Exception) -> IncompatiblePolicyError:
    """Returns what is said of a policy that raised: of a plain rule the line, of a network the numbers that are due."""
    said = str(error).strip().splitlines()
    failed = f"failed with {type(error).__name__}: {said[0].rstrip('.') if said else 'no message'}"
    hint = traced_hint(type(error).__name__)
    if isinstance(policy, Rule):
        return IncompatiblePolicyError(f"The rule for {role.name!r} {failed}{_line_of(policy, error)}.{hint}")
    return IncompatiblePolicyError(
        f"The policy for {role.name!r} does not fit: a policy is given {role.n_features} numbers there and must answer "
        f"with {role.n_outputs}. It {failed}.{hint}"
    )


def _line_of(rule: Rule, error: Exception) -> str:
    file = getattr(getattr(rule.act, "__code__", None), "co_filename", None)
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f" ({Path(own[-1].filename).name}, line {own[-1].lineno}: {own[-1].line})" if own else ""


def _check(role: Role, policy: AbstractPolicy, percept: Percept, key: Any) -> None:
    memories = eqx.filter_eval_shape(lambda: policy.initial_memories(role.capacity))
    if isinstance(policy, Policy):
        _check_outputs(role, policy, percept.features, memories, role.n_outputs)
    _, after = eqx.filter_eval_shape(policy.decide, role, percept, memories, key)
    if jax.tree.map(_kind, after) != jax.tree.map(_kind, memories):
        raise IncompatiblePolicyError(
            f"The policy for {role.name!r} returns another kind of memory than it is given: expected "
            f"{jax.tree.map(_kind, memories)}, got {jax.tree.map(_kind, after)}."
        )


def _check_outputs(role: Role, policy: Policy, features: Any, memories: Any, n_outputs: int) -> None:
    outputs, _ = eqx.filter_eval_shape(policy.many, features, memories)
    if outputs.shape != (role.capacity, n_outputs):
        raise IncompatiblePolicyError(
            f"The policy for {role.name!r} answers with numbers of shape {outputs.shape[1:]}; expected "
            f"({n_outputs},): {', '.join(role.spaces)}."
        )


def _kind(leaf: Any) -> str:
    return f"{leaf.dtype}{list(leaf.shape)}"
