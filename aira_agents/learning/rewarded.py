"""Other rewards than the world pays: what learners learn from, whichever they are.

All that learn by living meet their rewards in one place, `collect`, which asks here. What is reported stays what the
world pays.
"""

import dataclasses
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp

from aira_agents.environment import Environment, Role
from aira_agents.loop import Transition
from aira_agents.populations import Population, State
from aira_agents.symmetries import Symmetry
from aira_agents.types import Actions, Array, Bool, Float, Int, Key


class Judgement(eqx.Module):
    """Says what a step of an agent is worth in learning."""

    @abstractmethod
    def __call__(
        self, features: Float[Array, "*batch features"], actions: dict[str, Array], reward: Float[Array, "*batch"]
    ) -> Float[Array, "*batch"]:
        """Returns what is learned from, given what was perceived, done, and paid by the world."""


class Rewarded(Environment):
    """A world in every way but one: learners see the rewards that `judgements` give the roles they name."""

    world: Environment
    judgements: dict[str, Judgement]
    max_steps: Int[Array, ""]

    def __init__(self, world: Environment, judgements: Mapping[str, Judgement]) -> None:
        """Wraps `world`; roles that are not named keep their rewards."""
        self.world, self.judgements, self.max_steps = world, dict(judgements), world.max_steps

    @property
    def populations(self) -> Mapping[str, type[Population]]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The world's."""
        return self.world.populations

    @property
    def roles(self) -> tuple[Role, ...]:
        """The world's."""
        return self.world.roles

    @property
    def symmetries(self) -> tuple[Symmetry, ...]:
        """The world's."""
        return self.world.symmetries

    def reset(self, key: Key) -> State:
        """Begins as the world does."""
        return self.world.reset(key)

    def scene(self, state: State) -> Any:
        """The world's."""
        return self.world.scene(state)

    def dynamics(self, state: State, key: Key) -> State:
        """Moves as the world does."""
        return self.world.dynamics(state, key)

    def rewards(self, before: State, actions: Actions, after: State) -> dict[str, Float[Array, " capacity"]]:
        """What the world pays."""
        return self.world.rewards(before, actions, after)

    def terminated(self, state: State) -> Bool[Array, ""]:
        """Ends as the world does."""
        return self.world.terminated(state)


def as_learned(environment: Environment, happened: Transition) -> Transition:
    """Returns what happened with the rewards that learners see; leading axes may be any."""
    if not isinstance(environment, Rewarded):
        return happened
    feedback = dict(happened.feedback)
    for name, judgement in environment.judgements.items():
        paid = feedback[name]
        seen = judgement(happened.percepts[name].features, happened.decisions[name].actions, paid.reward)
        feedback[name] = eqx.tree_at(lambda own: own.reward, paid, jnp.where(paid.active, seen, 0.0))
    return dataclasses.replace(happened, feedback=feedback)
