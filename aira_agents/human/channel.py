"""How a person who watches steps in: what they do for an agent, what is written down, and what is learned from that."""

import dataclasses
from abc import abstractmethod
from typing import ClassVar, final

import equinox as eqx
import jax.numpy as jnp

from aira_agents.data.samples import Samples
from aira_agents.environment import Role
from aira_agents.human.overseer import Attention, Overseer
from aira_agents.learning.pairs import Remembered
from aira_agents.policies.policy import AbstractPolicy, Policy
from aira_agents.types import Array, Bool, Float, Int, Memory, Number


class Accompanied(eqx.Module):
    """What the agents of a role remember, and what the person who watches them has in mind."""

    own: Memory
    attention: Attention

    def with_keys(self, keys: Int[Array, "*worlds"]) -> "Accompanied":
        """Gives the person of each world so many keystrokes; where a world ends, they look away."""
        return eqx.tree_at(lambda m: m.attention.keys_left, self, jnp.asarray(keys, jnp.int32))


class AccompaniedPolicy(AbstractPolicy):
    """Decides as `policy` does while `person` watches; memories are `Accompanied`."""

    policy: eqx.AbstractVar[AbstractPolicy]
    person: eqx.AbstractVar[Overseer]

    @final
    def initial_memories(self, capacity: int) -> Accompanied:
        """The policy's, and nobody watches."""
        return Accompanied(self.policy.initial_memories(capacity), self.person.away(capacity))

    @final
    def renew(
        self, memories: Accompanied, fresh: Bool[Array, " capacity"], parent: Int[Array, " capacity"]
    ) -> Accompanied:
        """The policy's own way; the person forgets where the newborn's row was before."""
        own = self.policy.renew(memories.own, fresh, parent)
        seen = jnp.where(fresh, 0, memories.attention.seen)
        return Accompanied(own, dataclasses.replace(memories.attention, seen=seen))


class Channel(eqx.Module):
    """A way to step in."""

    extends_lookup: ClassVar[bool]  # whether what is written down says what to do: else it says what not to do
    narrows: ClassVar[bool]  # whether decisions say among which actions they chose

    budget: eqx.AbstractVar[Number]  # keystrokes, in all lessons together
    per_lesson: eqx.AbstractVar[Number]  # keystrokes in one life of the world
    weight: eqx.AbstractVar[Number]  # of the loss

    @abstractmethod
    def accompanied(self, policy: AbstractPolicy, person: Overseer) -> AbstractPolicy:
        """Returns who decides with the person present: memories are `Accompanied`, decisions `Remembered`."""

    @abstractmethod
    def written(self, decision: Remembered) -> tuple[Bool[Array, "*batch capacity"], dict[str, Array]]:
        """Returns where a key was pressed, and the actions that it was about."""

    @abstractmethod
    def loss(self, network: Policy, role: Role, table: Samples) -> Float[Array, ""]:
        """Returns what learning from the table of what was written makes small, averaged over it."""
