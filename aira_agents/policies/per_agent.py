"""One network for each agent instead of one for all: a population in which individuals differ.

The networks are stacked; each agent remembers which of them is its own, so that children can inherit it.
"""

from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.policies.policy import Builder, Policy, select_rows
from aira_agents.types import Array, Bool, Float, Int, Key, Memory

Newborn = Literal["keep", "copy the parent", "start anew"]


class PerAgent(Policy):
    """Stacked networks, and a rule for the newborn.

    - `keep`: a newborn takes the network of the slot it is born into;
    - `copy the parent`: it takes its parent's;
    - `start anew`: it takes an untrained one, of which there is one for each slot.
    """

    networks: Policy  # every array stacked: [capacity, ...], or [2 * capacity, ...] where the newborn start anew
    capacity: int = eqx.field(static=True)
    newborn: Newborn = eqx.field(static=True, default="keep")

    @classmethod
    def build(
        cls, n_features: int, n_outputs: int, key: Key, *, inner: Builder, capacity: int, newborn: Newborn = "keep"
    ) -> "PerAgent":
        """Builds an untrained network for each of `capacity` agents."""
        count = 2 * capacity if newborn == "start anew" else capacity
        networks = eqx.filter_vmap(lambda own_key: inner(n_features, n_outputs, own_key))(jax.random.split(key, count))
        return cls(networks, capacity, newborn)

    def __call__(self, features: Float[Array, " features"], memory: Memory) -> tuple[Float[Array, " n"], Memory]:
        """Asks the agent's own network."""
        which, inner_memory = memory
        network = jax.tree.map(lambda leaf: leaf[which] if eqx.is_array(leaf) else leaf, self.networks)
        parameters, inner_memory = network(features, inner_memory)
        return parameters, (which, inner_memory)

    def initial_memories(self, capacity: int) -> Memory:
        """Each agent begins with the network of its slot."""
        return jnp.arange(capacity, dtype=jnp.int32), self._inner_memories(capacity)

    def renew(self, memories: Memory, fresh: Bool[Array, " capacity"], parent: Int[Array, " capacity"]) -> Memory:
        """Gives the newborn a network by the rule, and the memory of birth."""
        which, inner = memories
        slots = jnp.arange(self.capacity, dtype=jnp.int32)
        inherited: dict[Newborn, Any] = {
            "keep": slots,
            "copy the parent": jnp.where(parent >= 0, which[parent], slots),
            "start anew": slots + self.capacity,
        }
        which = jnp.where(fresh, inherited[self.newborn], which)
        return which, select_rows(fresh, self._inner_memories(self.capacity), inner)

    def _inner_memories(self, capacity: int) -> Memory:
        # The memory of birth is the same for all networks of one architecture.
        first = jax.tree.map(lambda leaf: leaf[0] if eqx.is_array(leaf) else leaf, self.networks)
        return first.initial_memories(capacity)
