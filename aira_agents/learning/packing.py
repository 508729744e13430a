"""Many small arrays as one: on a CPU, moving ten arrays of a few numbers costs ten times what moving one does.

A rollout stacks one array a step instead of one for each thing recorded, and a minibatch is one gather. Bits are moved,
never converted, so that what comes out is exactly what went in; yes-and-no arrays of a shape share words, a bit each.
Large arrays, which gain nothing, go on their own.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from aira_agents.types import Array

LARGE = 4096  # numbers in a row
BITS = 32


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
        small = [i for i in range(len(leaves)) if _packs(self._dtypes[i], self._shapes[i])]
        self._loose = [i for i in range(len(leaves)) if i not in small]
        self._sharing = _sharing(small, self._shapes, self._dtypes)

    def pack(self, tree: Any) -> tuple[Array, ...]:
        """Returns the small leaves as one array of words, `[*leading, words]`, and then the others."""
        leaves = self._structure.flatten_up_to(tree)
        words = [_words([leaves[i] for i in own], self._shapes[own[0]]) for own in self._sharing]
        return (*([jnp.concatenate(words, axis=-1)] if words else []), *(leaves[i] for i in self._loose))

    def unpack(self, packed: tuple[Array, ...]) -> Any:
        """The inverse of `pack`, whatever the leading axes have become."""
        leaves: dict[int, Array] = dict(zip(self._loose, packed[1 if self._sharing else 0 :], strict=True))
        start = 0
        for own in self._sharing:
            shape = self._shapes[own[0]]
            stop = start + math.prod(shape)
            part = packed[0][..., start:stop].reshape(*packed[0].shape[:-1], *shape)
            for bit, i in enumerate(own):
                leaves[i] = _leaf(part, bit, self._dtypes[i])
            start = stop
        return jax.tree.unflatten(self._structure, [leaves[i] for i in range(len(leaves))])


def _packs(dtype: Any, shape: tuple[int, ...]) -> bool:
    return dtype in (jnp.float32, jnp.int32, jnp.uint32, jnp.bool_) and math.prod(shape) <= LARGE


def _sharing(small: Sequence[int], shapes: Sequence[tuple[int, ...]], dtypes: Sequence[Any]) -> list[tuple[int, ...]]:
    """Returns which leaves share words: numbers with nobody, bits with others of their shape."""
    bits: dict[tuple[int, ...], list[int]] = {}
    for i in small:
        if dtypes[i] == jnp.bool_:
            bits.setdefault(shapes[i], []).append(i)
    alone = [(i,) for i in small if dtypes[i] != jnp.bool_]
    return [*alone, *(tuple(own[k : k + BITS]) for own in bits.values() for k in range(0, len(own), BITS))]


def _words(leaves: Sequence[Array], shape: tuple[int, ...]) -> Array:
    """Returns `[*leading, words]`: the bits of one leaf of numbers, or one bit from each leaf."""
    leading = leaves[0].shape[: leaves[0].ndim - len(shape)]
    if leaves[0].dtype == jnp.bool_:
        words = functools.reduce(jnp.bitwise_or, (leaf.astype(jnp.uint32) << bit for bit, leaf in enumerate(leaves)))
    else:
        words = jax.lax.bitcast_convert_type(leaves[0], jnp.uint32)
    return words.reshape(*leading, math.prod(shape))


def _leaf(words: Array, bit: int, dtype: Any) -> Array:
    return (words >> bit) & 1 != 0 if dtype == jnp.bool_ else jax.lax.bitcast_convert_type(words, dtype)
