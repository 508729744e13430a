"""Many small arrays as one: on a CPU, moving ten arrays of a few numbers costs ten times what moving one does.

A rollout stacks one array a step instead of one for each thing recorded, and a minibatch is one gather. Bits are moved,
never converted, so that what comes out is exactly what went in. Large arrays, which gain nothing, go on their own.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp

from aira_agents.types import Array

LARGE = 4096  # numbers in a row


class Packing:
    """Packs trees of one structure; static, it holds shapes and no arrays."""

    def __init__(self, example: Any, n_leading: int) -> None:
        """Learns the structure.

        Args:
            example: A tree of arrays or of shapes.
            n_leading: How many first axes all leaves share; they stay.
        """
        leaves, self._structure = jax.tree.flatten(example)
        self._shapes = [leaf.shape[n_leading:] for leaf in leaves]
        self._dtypes = [leaf.dtype for leaf in leaves]
        self._small = [_packs(dtype, shape) for dtype, shape in zip(self._dtypes, self._shapes, strict=True)]

    def pack(self, tree: Any) -> tuple[Array, ...]:
        """Returns the small leaves as one array of words, `[*leading, words]`, and then the others."""
        leaves = self._structure.flatten_up_to(tree)
        small = [_words(leaf, shape) for leaf, shape, own in zip(leaves, self._shapes, self._small, strict=True) if own]
        loose = [leaf for leaf, own in zip(leaves, self._small, strict=True) if not own]
        return (*([jnp.concatenate(small, axis=-1)] if small else []), *loose)

    def unpack(self, packed: tuple[Array, ...]) -> Any:
        """The inverse of `pack`, whatever the leading axes have become."""
        remaining = iter(packed)
        words = next(remaining) if any(self._small) else jnp.zeros(0)
        leaves, start = [], 0
        for shape, dtype, own in zip(self._shapes, self._dtypes, self._small, strict=True):
            if not own:
                leaves.append(next(remaining))
                continue
            stop = start + math.prod(shape)
            part = words[..., start:stop].reshape(*words.shape[:-1], *shape)
            leaves.append(part != 0 if jnp.issubdtype(dtype, jnp.bool_) else jax.lax.bitcast_convert_type(part, dtype))
            start = stop
        return jax.tree.unflatten(self._structure, leaves)


def _packs(dtype: Any, shape: tuple[int, ...]) -> bool:
    return dtype in (jnp.float32, jnp.int32, jnp.uint32, jnp.bool_) and math.prod(shape) <= LARGE


def _words(leaf: Array, shape: tuple[int, ...]) -> Array:
    leading = leaf.shape[: leaf.ndim - len(shape)]
    words = leaf.astype(jnp.uint32) if leaf.dtype == bool else jax.lax.bitcast_convert_type(leaf, jnp.uint32)
    return words.reshape(*leading, math.prod(shape))
