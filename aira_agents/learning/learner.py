"""The contract of a learner: two pure functions, and what the host loop must know of them.

A hyperparameter record such as `PPO(...)` makes a `Learner` for a world: `PPO().learner(environment, networks)`.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax

from aira_agents.environment import Environment
from aira_agents.errors import InputError, unknown_name
from aira_agents.policies.checking import a_world, fitting
from aira_agents.policies.policy import AbstractPolicy, Builder
from aira_agents.types import Array, Key

Metrics = dict[str, Array]
"""What an update measured: name to scalar. `reward` (mean per active agent-step) and `return` (mean over the episodes
that ended in this update; not-a-number where none did) are always there, as `return/<role>` for each role too. A
learner that runs no world reports the reward of its data, and no return."""


class Learner(NamedTuple):
    """Two pure functions. A learner state is a pytree of arrays, owns every one of them, and holds no environment."""

    init: Callable[[Key], Any]  # key -> LearnerState
    update: Callable[[Any], tuple[Any, Metrics]]  # LearnerState -> (LearnerState, Metrics)
    policies: Callable[[Any], dict[str, AbstractPolicy]]  # copies the policies of all roles out of a LearnerState
    steps_per_update: int  # environment steps, over all worlds, of one update; decisions, if it learns from data
    spread: "Callable[[Sequence[Any]], Learner] | None" = None  # devices -> the same learner over them, if it can be
    placed: Callable[[Any], Any] = lambda state: state  # LearnerState -> itself, on the devices where it is computed


COUNTED = 2**31 - 1
"""The last whole number of 32 bits, which updates, and the steps of each, are counted in."""


def most_steps(learner: Learner) -> int:
    """Returns how many environment steps can be counted."""
    return COUNTED * learner.steps_per_update


def updates_for(learner: Learner, n_steps: int) -> int:
    """Returns how many updates hold `n_steps` environment steps; raises `InputError` if they cannot be counted."""
    each = learner.steps_per_update
    if each > COUNTED:
        raise InputError(
            f"An update takes at most {COUNTED:,} environment steps; got {each:,}. Use fewer worlds, or fewer steps of "
            "each."
        )
    if not 1 <= n_steps <= most_steps(learner):
        raise InputError(
            f"Training takes 1 to {most_steps(learner):,} environment steps (at {each:,} an update); got {n_steps:,}."
        )
    return int(-(-n_steps // each))


def partners(record: Any) -> set[str]:
    """Returns what the `learner` function of a record takes beside the world and the networks: data, people, others."""
    return set(inspect.signature(record.learner).parameters) - {"self", "environment", "networks"}


def builders(environment: Environment, networks: Builder | Mapping[str, Builder]) -> dict[str, Builder]:
    """Returns a builder for every role that learns, which refuses to build what does not fit the role.

    Raises:
        InputError: This is no world, a role does not exist, or what is to build a network is no function.
    """
    roles = {role.name: role for role in a_world(environment).roles}
    if not isinstance(networks, Mapping):
        networks = dict.fromkeys(roles, networks)
    for name in networks:
        if name not in roles:
            raise unknown_name("role", name, roles)
    return {name: fitting(roles[name], build) for name, build in networks.items()}


def copied(tree: Any) -> Any:
    """Copies every array, so that a donated learner state never takes somebody else's with it."""
    return jax.tree.map(lambda leaf: leaf.copy() if isinstance(leaf, jax.Array) else leaf, tree)
