"""Acting at random: the floor under every comparison."""

import jax
import jax.numpy as jnp

from aira_agents.environment import Percept, Role
from aira_agents.keys import for_agents
from aira_agents.policies.policy import AbstractPolicy, Decision
from aira_agents.types import Array, Key, Memory


class RandomPolicy(AbstractPolicy):
    """Draws every action uniformly from those that are valid, or within the bounds."""

    def decide(self, role: Role, percept: Percept, memories: Memory, key: Key) -> tuple[Decision, Memory]:
        """Draws for every row."""
        names = sorted(role.spaces)

        def draw(own_key: Key, valid: dict[str, Array]) -> dict[str, Array]:
            keys = jax.random.split(own_key, len(names))
            return {n: role.spaces[n].sample(k, valid.get(n)) for n, k in zip(names, keys, strict=True)}

        actions = jax.vmap(draw)(for_agents(key, role.capacity), percept.valid)
        return Decision(actions, jnp.zeros(role.capacity)), memories
