"""A recurrent network as a policy: what it saw before still counts.

Source: gated recurrent units: Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder".
"""

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.policies.mlp import orthogonal, orthogonal_linear
from aira_agents.policies.policy import Policy
from aira_agents.types import Array, Float, Key, Memory


class GRUPolicy(Policy):
    """One layer of neurons, a gated recurrent unit, and a linear layer; its memory is the unit's state."""

    encoder: eqx.nn.Linear
    cell: eqx.nn.GRUCell
    head: eqx.nn.Linear

    @classmethod
    def build(
        cls, n_features: int, n_outputs: int, key: Key, *, hidden: int = 64, final_scale: float = 0.01
    ) -> "GRUPolicy":
        """Builds an untrained network; a small `final_scale` makes its first actions nearly uniform."""
        encoder_key, cell_key, input_key, memory_key, head_key = jax.random.split(key, 5)
        cell = eqx.nn.GRUCell(hidden, hidden, key=cell_key)
        weights = [orthogonal(own, (3 * hidden, hidden)) for own in (input_key, memory_key)]
        cell = eqx.tree_at(lambda c: (c.weight_ih, c.weight_hh), cell, tuple(weights))
        encoder = orthogonal_linear(n_features, hidden, 2**0.5, encoder_key)
        return cls(encoder, cell, orthogonal_linear(hidden, n_outputs, final_scale, head_key))

    def initial_memory(self) -> Memory:
        """Zeros: nothing was seen yet."""
        return jnp.zeros(self.cell.hidden_size)

    def __call__(self, features: Float[Array, " features"], memory: Memory) -> tuple[Float[Array, " n"], Memory]:
        """Remembers, then decides from what it remembers."""
        memory = self.cell(jnp.tanh(self.encoder(features)), memory)
        return self.head(memory), memory
