"""A recurrent policy: a gated recurrent unit between two layers, for worlds that do not show all that matters.

Source: Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder", section 2.3.
"""

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.policies.mlp import orthogonal_linear
from aira_agents.policies.policy import Policy
from aira_agents.types import Array, Float, Key, Memory


class GRUPolicy(Policy):
    """Remembers a vector of `hidden` numbers, zero at birth."""

    encoder: eqx.nn.Linear
    cell: eqx.nn.GRUCell
    head: eqx.nn.Linear

    @classmethod
    def build(
        cls, n_features: int, n_outputs: int, key: Key, *, hidden: int = 64, final_scale: float = 0.01
    ) -> "GRUPolicy":
        """Builds an untrained network; a small `final_scale` makes its first actions nearly uniform."""
        encoder_key, cell_key, head_key = jax.random.split(key, 3)
        return cls(
            orthogonal_linear(n_features, hidden, 2**0.5, encoder_key),
            eqx.nn.GRUCell(hidden, hidden, key=cell_key),
            orthogonal_linear(hidden, n_outputs, final_scale, head_key),
        )

    def __call__(self, features: Float[Array, " features"], memory: Memory) -> tuple[Float[Array, " n"], Memory]:
        """Reads the features into memory, then decides from it."""
        memory = self.cell(jnp.tanh(self.encoder(features)), memory)
        return self.head(memory), memory

    def initial_memory(self) -> Memory:
        """Zeros, `[hidden]`."""
        return jnp.zeros(self.cell.hidden_size)
