"""A multilayer perceptron as a policy.

Source: orthogonal initialisation, gain sqrt(2) for hidden layers and small for the policy's last: Andrychowicz et al.
2021, "What matters in on-policy reinforcement learning?", section 3.2.
"""

import itertools
from collections.abc import Callable, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.policies.dense import answers
from aira_agents.policies.policy import Policy
from aira_agents.types import Array, Float, Key, Memory


def orthogonal(key: Key, shape: tuple[int, int]) -> Float[Array, "rows columns"]:
    """Returns a random matrix with orthonormal rows or columns, whichever are fewer."""

    # Several batched factorisations in one program wait for each other for ever on two cores (LAPACK in JAX 0.10).
    @jax.custom_batching.sequential_vmap
    def draw(key: Key) -> Array:
        return jax.nn.initializers.orthogonal()(key, shape, jnp.float32)

    return draw(key)


def orthogonal_linear(n_in: int, n_out: int, scale: float, key: Key) -> eqx.nn.Linear:
    """Returns a layer with orthogonal weights times `scale`, and no bias to begin with."""
    layer = eqx.nn.Linear(n_in, n_out, key=key)
    weight = scale * orthogonal(key, (n_out, n_in))
    return eqx.tree_at(lambda linear: (linear.weight, linear.bias), layer, (weight, jnp.zeros(n_out)))


class MLPPolicy(Policy):
    """Layers of neurons, without memory."""

    layers: tuple[eqx.nn.Linear, ...]
    activation: Callable[[Array], Array] = eqx.field(static=True)

    @classmethod
    def build(
        cls,
        n_features: int,
        n_outputs: int,
        key: Key,
        *,
        hidden: Sequence[int] = (64, 64),
        activation: Callable[[Array], Array] = jnp.tanh,
        final_scale: float = 0.01,
    ) -> "MLPPolicy":
        """Builds an untrained network; a small `final_scale` makes its first actions nearly uniform."""
        sizes = [n_features, *hidden, n_outputs]
        scales = [2**0.5] * len(hidden) + [final_scale]
        keys = jax.random.split(key, len(scales))
        pairs = zip(itertools.pairwise(sizes), scales, keys, strict=True)
        return cls(tuple(orthogonal_linear(i, o, scale, k) for (i, o), scale, k in pairs), activation)

    def __call__(self, features: Float[Array, " features"], memory: Memory) -> tuple[Float[Array, " n"], Memory]:
        """Runs the layers."""
        for layer in self.layers[:-1]:
            features = self.activation(layer(features))
        return self.layers[-1](features), memory

    def many(self, features: Float[Array, "rows features"], memories: Memory) -> tuple[Float[Array, "rows n"], Memory]:
        """Runs the layers for all rows."""
        return answers(self.activation, self.layers, features), memories
