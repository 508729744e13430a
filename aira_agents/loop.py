"""The loop, the only one there is: sense, decide, act, let the world move, give feedback.

Training, viewing, grading and teaching all call `one_step`. It is one world and never resets; only `rollout` has an
axis of worlds, and only `auto_reset` renews them.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.environment import Environment, Feedback, Percept, Role
from aira_agents.keys import straight
from aira_agents.materialized import materialized
from aira_agents.populations import State
from aira_agents.types import Array, Bool, Float, Int, Key, Memory

if TYPE_CHECKING:  # policies stand above the loop: it calls their methods and never imports them
    from aira_agents.policies.policy import AbstractPolicy, Decision

    Policies = Mapping[str, AbstractPolicy]
else:
    Policies = Mapping[str, Any]


class Now(eqx.Module):
    """A running world: its state, what its agents remember, and the key of the step to come."""

    state: State
    memories: dict[str, Memory]
    key: Key


class Transition(eqx.Module):
    """What happened in one step, by role; the values have a leading axis of agents."""

    percepts: dict[str, Percept]
    decisions: "dict[str, Decision] | Any"
    feedback: dict[str, Feedback]
    fresh: dict[str, Bool[Array, "*worlds capacity"]]  # whose memory was renewed after this step
    memories: dict[str, Memory]  # what the agents remembered when they decided
    before: State | None = None  # the world as the step found it: for who records or shows what happened
    final: dict[str, Float[Array, "*worlds capacity features"]] | None = None  # seen last; only where a world ended
    final_valid: dict[str, dict[str, Bool[Array, "*worlds capacity _"]]] | None = None  # what was valid then


def start(environment: Environment, policies: Policies, key: Key) -> Now:
    """Resets a world and gives its agents the memory of birth."""
    reset_key, run_key = jax.random.split(straight(key))
    memories = {role.name: policies[role.name].initial_memories(role.capacity) for role in environment.roles}
    return Now(environment.reset(reset_key), memories, run_key)


def one_step(environment: Environment, policies: Policies, now: Now) -> tuple[Now, Transition]:
    """Sense, decide, act, let the world move, give feedback."""
    next_key, sense_key, act_key, world_key = jax.random.split(now.key, 4)
    percepts = environment.observe(now.state, sense_key)
    decisions, memories = decide(environment.roles, policies, percepts, now.memories, act_key)
    actions = {role: decision.actions for role, decision in decisions.items()}
    state, feedback = environment.step(now.state, actions, world_key)
    memories, fresh = renew_newborn(policies, memories, before=now.state, after=state)
    happened = Transition(percepts, decisions, feedback, fresh, now.memories, now.state)
    return Now(state, memories, next_key), happened


def decide(
    roles: tuple[Role, ...], policies: Policies, percepts: dict[str, Percept], memories: dict[str, Memory], key: Key
) -> "tuple[dict[str, Decision], dict[str, Memory]]":
    """Asks the policy of every role."""
    decisions, remembered = {}, {}
    role_keys = jax.random.split(key, len(roles)) if len(roles) > 1 else [key]  # a split costs as much as a draw
    for role, role_key in zip(roles, role_keys, strict=True):
        decision, remembered[role.name] = policies[role.name].decide(
            role, percepts[role.name], memories[role.name], role_key
        )
        # Else an action would be drawn anew for every array that it changes.
        decisions[role.name] = dataclasses.replace(decision, actions=materialized(decision.actions))
    return decisions, remembered


def renew_newborn(
    policies: Policies, memories: dict[str, Memory], *, before: State, after: State
) -> tuple[dict[str, Memory], dict[str, Array]]:
    """Gives the memory of birth to every row that changed hands; returns the memories and which rows these were."""
    renewed, fresh = {}, {}
    for role, agents in after.agents.items():
        fresh[role] = (agents.uid != before.agents[role].uid) & agents.alive
        renewed[role] = policies[role].renew(memories[role], fresh[role], agents.parent)
    return renewed, fresh


def unroll(
    environment: Environment,
    policies: Policies,
    now: Now,
    n_steps: int,
    keep: Callable[[Transition], Any] = lambda t: t,
) -> tuple[Now, Any]:
    """Runs one world for `n_steps` without ever resetting it: what a hosted model does, compiled.

    Returns:
        The world afterwards, and what `keep` returned for each step, stacked along a first axis `[n_steps, ...]`.
    """

    def body(now: Now, _: None) -> tuple[Now, Any]:
        now, transition = one_step(environment, policies, now)
        return now, keep(transition)

    return jax.lax.scan(body, now, None, n_steps)


def start_worlds(environment: Environment, policies: Policies, key: Key, n_worlds: int) -> Now:
    """Starts `n_worlds` worlds, each from a key of its own; every array gets a first axis of worlds."""
    return jax.vmap(lambda own_key: start(environment, policies, own_key))(jax.random.split(key, n_worlds))


def rollout(
    environment: Environment,
    policies: Policies,
    now: Now,
    n_steps: int,
    keep: Callable[[Transition], Any] = lambda t: t,
) -> tuple[Now, Any]:
    """Runs many worlds for `n_steps`, renewing each when it ends.

    Args:
        environment: One world for all.
        policies: Role to policy.
        now: Worlds from `start_worlds`, or where the last rollout left them.
        n_steps: Steps of each world.
        keep: What to keep of a transition; what it drops is never computed.

    Returns:
        The worlds afterwards, and what was kept, `[n_steps, n_worlds, ...]`.
    """

    def body(now: Now, _: None) -> tuple[Now, Any]:
        now, transition = jax.vmap(lambda one: one_step(environment, policies, one))(now)
        now, transition = auto_reset(environment, policies, now, transition)
        return now, keep(transition)

    return jax.lax.scan(body, now, None, n_steps)


def auto_reset(
    environment: Environment, policies: Policies, now: Now, transition: Transition
) -> tuple[Now, Transition]:
    """Renews the worlds that ended; says what their agents saw last, and that their memories are fresh.

    One unbatched `cond`: where no world ended, as in most steps, nothing is paid for resetting.
    """
    ended = jax.vmap(environment.ended)(now.state)

    def renew(now: Now) -> tuple[Now, dict[str, Percept]]:
        keys = jax.vmap(lambda key: jax.random.split(key, 2))(now.key)
        begun = jax.vmap(lambda key: start(environment, policies, key))(keys[:, 0])
        return where_worlds(ended, begun, now), jax.vmap(environment.observe)(now.state, keys[:, 1])

    def carry_on(now: Now) -> tuple[Now, dict[str, Percept]]:
        return now, jax.tree.map(jnp.zeros_like, transition.percepts)

    now, last = jax.lax.cond(jnp.any(ended), renew, carry_on, now)
    fresh = {role: rows | ended[:, None] for role, rows in transition.fresh.items()}
    return now, dataclasses.replace(
        transition,
        fresh=fresh,
        final={role: percept.features for role, percept in last.items()},
        final_valid={role: percept.valid for role, percept in last.items()},
    )


def in_first_episode(time: Int[Array, "steps worlds"]) -> Bool[Array, "steps worlds"]:
    """Says which steps of a rollout came before its worlds were renewed, by the times at which they began."""
    return time == jnp.arange(time.shape[0], dtype=time.dtype)[:, None]


def where_worlds(chosen: Bool[Array, " worlds"], new: Any, old: Any) -> Any:
    """Returns `new` for the worlds that are chosen, and `old` for the others; arrays are `[worlds, ...]`."""

    def pick(a: Array, b: Array) -> Array:
        return jnp.where(chosen.reshape(chosen.shape + (1,) * (b.ndim - chosen.ndim)), a, b)

    return jax.tree.map(pick, new, old)
