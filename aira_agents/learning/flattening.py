"""All the learned numbers of a network as one flat vector.

One vector, because on a CPU the optimizer's dozens of tiny operations would cost more than the gradients.
"""

import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.errors import IncompatiblePolicyError
from aira_agents.types import Array, Float, Key


class Flattener:
    """Turns one kind of module into a vector and back; static, it holds shapes and no arrays."""

    def __init__(self, build: Callable[[Key], Any]) -> None:
        self.build = build
        shapes = eqx.filter_eval_shape(build, jax.eval_shape(lambda: jax.random.key(0)))
        learned, self.rest = eqx.partition(
            shapes, lambda x: hasattr(x, "dtype") and jnp.issubdtype(x.dtype, jnp.inexact)
        )
        leaves, self.structure = jax.tree.flatten(learned)
        self.shapes = [leaf.shape for leaf in leaves]
        if any(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in jax.tree.leaves(self.rest)):
            raise IncompatiblePolicyError(
                "A learner trains networks whose arrays are all of floats; this one holds others. "
                "Make what is not learned a static field, or compute it in `__call__`."
            )

    def flatten(self, module: Any) -> Float[Array, " parameters"]:
        """Returns all learned numbers of a module, or of its gradient, as one vector."""
        learned = jax.tree.leaves(eqx.filter(module, eqx.is_inexact_array))
        return jnp.concatenate([leaf.reshape(-1) for leaf in learned])

    def restore(self, vector: Float[Array, " parameters"]) -> Any:
        """The inverse of `flatten`."""
        leaves, start = [], 0
        for shape in self.shapes:
            leaves.append(vector[start : start + math.prod(shape)].reshape(shape))
            start += math.prod(shape)
        return eqx.combine(jax.tree.unflatten(self.structure, leaves), self.rest)

    def matrices(self, vector: Float[Array, " parameters"]) -> Any:
        """Returns `restore(vector)` without what has fewer than two axes, for a loop of gradient steps to carry.

        Cut out at the end of a step, they are few beginnings; at its start they join all others, and of more than
        eight the CPU's runtime (JAX 0.10) wakes a second thread for half of them: 9 us of a step of 80.
        """
        return eqx.filter(self.restore(vector), lambda leaf: eqx.is_array(leaf) and leaf.ndim > 1)
