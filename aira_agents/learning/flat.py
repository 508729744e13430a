"""A network whose weights are one vector, so that an optimizer works on one array instead of dozens of small ones."""

import itertools
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.errors import IncompatiblePolicyError
from aira_agents.types import Array, Float


class Flat:
    """Takes the weights of networks of one structure apart and puts them together again; holds no array itself."""

    def __init__(self, like: Any):
        """Learns the structure of `like`, a module, or the result of `eqx.filter_eval_shape`."""
        shapes, self._static = eqx.partition(like, _is_array)
        leaves, self._structure = jax.tree.flatten(shapes)
        for leaf in leaves:
            if not jnp.issubdtype(leaf.dtype, jnp.floating):
                raise IncompatiblePolicyError(
                    f"A policy that learns holds arrays of floats only; {type(like).__name__} has one of {leaf.dtype}. "
                    "Make it a static field, or keep it in memory."
                )
        self._shapes = [leaf.shape for leaf in leaves]
        self._stops = [*itertools.accumulate(math.prod(shape) for shape in self._shapes)]

    @property
    def size(self) -> int:
        """How many weights there are."""
        return self._stops[-1]

    def weights(self, network: Any) -> Float[Array, " weights"]:
        """Returns the weights of a network as one vector."""
        leaves = jax.tree.leaves(eqx.filter(network, eqx.is_array))
        return jnp.concatenate([leaf.reshape(-1) for leaf in leaves])

    def network(self, weights: Float[Array, " weights"]) -> Any:
        """Returns the network that has these weights."""
        starts = [0, *self._stops[:-1]]
        parts = zip(starts, self._stops, self._shapes, strict=True)
        leaves = [weights[start:stop].reshape(shape) for start, stop, shape in parts]
        return eqx.combine(jax.tree.unflatten(self._structure, leaves), self._static)


def _is_array(leaf: Any) -> bool:
    return eqx.is_array(leaf) or isinstance(leaf, jax.ShapeDtypeStruct)
