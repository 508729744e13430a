"""Training as part of a sweep's program: a learner for each run, at its setting and from its seed."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax

from aira_agents.environment import Environment
from aira_agents.errors import InputError
from aira_agents.keys import looped
from aira_agents.learning.learner import Learner, partners
from aira_agents.policies.networks import Network
from aira_agents.policies.policy import AbstractPolicy
from aira_agents.registry import find_learner
from aira_agents.types import Key

Trainer = Callable[[Environment, Key], dict[str, AbstractPolicy]]


def trainer(environment: Environment, name: str, n_steps: int) -> Trainer:
    """Returns what trains policies for a world by the learner `name`, with its usual hyperparameters.

    Args:
        environment: A world of the shapes that are to be trained in.
        name: Of an installed learner that learns from a world.
        n_steps: Environment steps, rounded up to whole updates.

    Raises:
        InputError: There is no such learner, it learns from data or people, or `n_steps` is below 1.
    """
    if n_steps < 1:
        raise InputError(f"Training takes at least 1 environment step; got {n_steps}.")
    record = find_learner(name)()

    def learner(world: Environment) -> Learner:
        return record.learner(world, Network().builders(world))

    if partners(record):
        raise InputError(f"{name!r} learns from data or people; a sweep trains by learners that learn from a world.")
    steps_per_update = learner(environment).steps_per_update

    def train(world: Environment, key: Key) -> dict[str, AbstractPolicy]:
        own = learner(world)
        begun, static = eqx.partition(own.init(looped(jax.random.fold_in(key, 1))), eqx.is_array)

        def update(_: Any, state: Any) -> Any:
            return eqx.filter(own.update(eqx.combine(state, static))[0], eqx.is_array)

        state = jax.lax.fori_loop(0, -(-n_steps // steps_per_update), update, begun)
        return own.policies(eqx.combine(state, static))

    return train
