"""Writing to places given by number, so that many worlds side by side cost no more for each number than one does.

Under `vmap` JAX makes a scatter with a second index for the world, which costs twice as much (26 us against 13 for 64
worlds of 200 numbers, one core). Here the worlds are laid end to end instead, and written as one.
"""

import functools
from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp

from aira_agents.types import Array, Int, Shaped, UInt32

How = Literal["max", "max of near", "set", "add"]
WIDEST = 2**31  # places an index can number
LARGE = 2**16  # places; fewer are copied from a cache
BEYOND = 16  # places for who is nowhere: of an odd number of places a core gives up its vectors
FAR = 2**20  # places; fewer are read again from a cache
BLOCK = 8192  # values written between two looks ahead
AHEAD = 60_000  # places: further than neighbours in memory stand apart, and near enough to be in the cache still


def largest(
    places: Int[Array, " n"], values: UInt32[Array, " n"], size: int, *, near: bool = False
) -> UInt32[Array, " size"]:
    """Returns the largest of the values at each of `size` places; 0 where there is none.

    Where those near in memory have places near each other in most cases, `near` says so: a tenth of a large world's
    time.
    """
    return _scatter("max of near" if near else "max", size)(places, values)


def put(places: Int[Array, " n"], values: Shaped[Array, " n"], size: int) -> Shaped[Array, " size"]:
    """Puts each value at its place, no two at the same; 0 elsewhere. A place of `size` is nowhere."""
    return _scatter("set", size)(places, values)


def total(places: Int[Array, " n"], values: Shaped[Array, " n"], size: int) -> Shaped[Array, " size"]:
    """Returns the sum of the values at each of `size` places. A place of `size` is nowhere."""
    return _scatter("add", size)(places, values)


@functools.cache
def _scatter(how: How, size: int) -> Callable[[Array, Array], Array]:
    def one(places: Array, values: Array) -> Array:
        # Of zeros it knows the compiler makes one array and copies it for each use: twice the bytes.
        zero = jnp.any(_never(places[:1])) if size >= LARGE else False
        if how == "set":
            # Who is nowhere is written beyond the end: to leave out one here and one there is a question that a
            # processor guesses wrong, 3 ns each.
            beyond = jnp.full(size + BEYOND, zero, values.dtype).at[jnp.minimum(places, size)]
            return beyond.set(values, mode="promise_in_bounds", wrap_negative_indices=False)[:size]
        empty = jnp.full(size, zero, values.dtype)
        if how == "max of near" and size >= FAR and places.size >= BLOCK:
            return jax.lax.platform_dependent(empty, places, values, cpu=_read_ahead, default=_write("max"))
        return _write("max" if how == "max of near" else how)(empty, places, values)

    scatter = jax.custom_batching.custom_vmap(one)

    @scatter.def_vmap
    def many(n_worlds: int, batched: list[bool], places: Any, values: Any) -> tuple[Array, bool]:
        places, values = (
            array if has_worlds else jnp.broadcast_to(array, (n_worlds, *array.shape))
            for array, has_worlds in zip((places, values), batched, strict=True)
        )
        whole = n_worlds * size
        if whole >= WIDEST:
            return jax.vmap(one)(places, values), True
        first = jnp.arange(n_worlds, dtype=jnp.int32)[:, None] * size
        places = jnp.where(places < size, places + first, whole)
        return _scatter(how, whole)(places.reshape(-1), values.reshape(-1)).reshape(n_worlds, size), True

    return scatter


def _write(how: str) -> Callable[[Array, Array, Array], Array]:
    def write(land: Array, places: Array, values: Array) -> Array:
        return getattr(land.at[places], how)(values, mode="drop", wrap_negative_indices=False)

    return write


def _read_ahead(land: Array, places: Array, values: Array) -> Array:
    """Writes the largest in blocks, and before each of them reads what lies ahead in one go.

    A processor that meets place after place in no order waits for each from memory: 4 ns a value; read in order, it
    fetches them before they are asked for: 2 ns.
    """
    n_blocks = -(-places.size // BLOCK)
    width = -(-land.size // n_blocks)

    def write(number: Array, land: Array) -> Array:
        # The last block begins early enough to be whole: what is written twice is no larger for it.
        here, new = (jax.lax.dynamic_slice(a, (number * BLOCK,), (BLOCK,)) for a in (places, values))
        ahead = jax.lax.dynamic_slice(land, (number * width + AHEAD,), (width,))
        new = jnp.where(_never(here[0]) & (jnp.max(ahead) == 0), 0, new)  # so it must have been read
        return _write("max")(land, here, new)

    return jax.lax.fori_loop(0, n_blocks, write, land)


def _never(place: Array) -> Array:
    """Is false, which the compiler cannot know: no place has the number `-WIDEST`."""
    return place == -WIDEST
