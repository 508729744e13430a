"""What can be seen of a grid of yes and no, as bits: worked out once a step, for all agents.

Cut out of a grid of numbers, a patch is gathered cell by cell. As bits a row of it is one number, and rows side by side
in one word are taken apart in whole vectors: of a step of 1,000 foragers who see 5 x 5 cells a third is saved, of a
million a twentieth.
"""

import functools
from collections.abc import Iterable, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.errors import InputError
from aira_agents.materialized import materialized
from aira_agents.types import Array, Bool, Float, Int, UInt

WORD = 32  # bits


class Strips(eqx.Module):
    """From each cell the strip of `2 * radius + 1` cells beside it, a bit for each cell and layer, round a torus."""

    words: UInt[Array, "words height width"]  # as many layers in a word as fit, rows padded by `radius`
    n_layers: int = eqx.field(static=True)
    radius: int = eqx.field(static=True)

    @classmethod
    def of(cls, layers: Sequence[Bool[Array, "height width"]], radius: int) -> "Strips":
        """Looks along all rows.

        Raises:
            InputError: A strip does not fit into a word.
        """
        side = 2 * radius + 1
        if side > WORD:
            raise InputError(f"Strips: `radius` must be at most {WORD // 2 - 1}; got {radius}. Use `padded_scene`.")
        n_bits = side * min(WORD // side, len(layers))
        kind = next(kind for kind in (jnp.uint8, jnp.uint16, jnp.uint32) if jnp.iinfo(kind).bits >= n_bits)
        width = layers[0].shape[1]
        words = []
        for group in _in_words([layer.astype(kind) for layer in layers], side):
            around = jnp.pad(_side_by_side(group, side), radius, mode="wrap")
            words.append(_side_by_side((around[:, dx : dx + width] for dx in range(side)), 1))
        return cls(jnp.stack(words), len(layers), radius)

    def patch(self, y: Int[Array, ""], x: Int[Array, ""]) -> Float[Array, " features"]:
        """Returns what is around one cell, 0 or 1: layer by layer, in each the rows from below, flattened."""
        side = 2 * self.radius + 1
        per_word, one_strip = WORD // side, (1 << side) - 1
        found = jax.lax.dynamic_slice(self.words, (0, y, x), (self.words.shape[0], side, 1))[..., 0].astype(jnp.uint32)
        strips = [
            (found[layer // per_word, row] >> layer % per_word * side) & one_strip
            for layer in range(self.n_layers)
            for row in range(side)
        ]
        # Else a word would be put together anew for each of its bits.
        words = materialized([_side_by_side(group, side) for group in _in_words(strips, side)], least=0)
        bits = jnp.stack(words)[:, None] >> jax.lax.iota(jnp.uint32, per_word * side)[None] & 1
        return bits.astype(jnp.float32).reshape(-1)[: len(strips) * side]


def _in_words(strips: Sequence[Array], side: int) -> list[Sequence[Array]]:
    per_word = WORD // side
    return [strips[first : first + per_word] for first in range(0, len(strips), per_word)]


def _side_by_side(strips: Iterable[Array], side: int) -> Array:
    return functools.reduce(jnp.bitwise_or, (strip << place * side for place, strip in enumerate(strips)))
