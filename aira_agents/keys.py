"""The generator behind fast worlds: JAX's own threefry, bit for bit, without its inner loop; and a key for every agent.

On a CPU, JAX compiles each draw as a loop of five rounds, each of sixteen tiny operations. In a world of a few agents
these cost more than the world itself, and in one of a million each round goes through memory: written out, a number
costs 1.5 ns instead of 8 (a million at a time, one core).

Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", section 4.2 (threefry-2x32, 20 rounds).
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import random as jax_random

from aira_agents.errors import InputError
from aira_agents.types import Array

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = 0x1BD11BDA


def checked_seed(seed: Any, name: str = "seed", otherwise: str = "") -> int:
    """Returns `seed`; raises `InputError` if it is none. JAX would take some twice, -1 and 4294967295 for one."""
    whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool)
    if not (whole and 0 <= seed < 2**32):
        raise InputError(f"`{name}` must be a whole number in 0..{2**32 - 1}{otherwise}; got {seed!r}.")
    return int(seed)


def straight(keys: Array) -> Array:
    """Returns keys (`[*batch]`) that draw the same numbers, by straight-line code."""
    return jax.random.wrap_key_data(jax.random.key_data(keys), impl=_straight_threefry)


def looped(keys: Array) -> Array:
    """Returns keys (`[*batch]`) of JAX's default generator; the inverse of `straight`."""
    return jax.random.wrap_key_data(jax.random.key_data(keys), impl="threefry2x32")


def for_agents(key: Array, n: int) -> Array:
    """Returns a key for each of `n` agents (`[n]`), which costs nothing where `split` costs a draw for each.

    The first word of the key counts the agents, as a counter would: threefry mixes words of its key as well as those of
    its counter.
    """
    words = jax.random.key_data(key)
    columns = [words[0] + jax.lax.iota(jnp.uint32, n), *(jnp.broadcast_to(word, (n,)) for word in words[1:])]
    return jax.random.wrap_key_data(jnp.stack(columns, axis=-1), impl=jax.random.key_impl(key))


@jax.jit  # traced once for each shape, not once for each draw; the compiler writes it out all the same
def _threefry(key: Array, low: Array) -> tuple[Array, Array]:
    """Hashes the counters `(0, low)` under `key` (`[2]`)."""
    schedule = (key[0], key[1], key[0] ^ key[1] ^ jnp.uint32(PARITY))
    x, y = jnp.broadcast_to(schedule[0], low.shape), low + schedule[1]
    for block in range(5):
        for turn in ROTATIONS[block % 2]:
            x = x + y
            y = x ^ ((y << turn) | (y >> (32 - turn)))
        x = x + schedule[(block + 1) % 3]
        y = y + schedule[(block + 2) % 3] + jnp.uint32(block + 1)
    return x, y


def _counters(shape: tuple[int, ...]) -> Array:
    return jax.lax.iota(jnp.uint32, math.prod(shape)).reshape(shape)


def _split(key: Array, shape: tuple[int, ...]) -> Array:
    # The barrier keeps the compiler from working out each key again wherever it is used.
    return jax.lax.optimization_barrier(jnp.stack(_threefry(key, _counters(shape)), axis=-1))


def _random_bits(key: Array, bit_width: int, shape: tuple[int, ...]) -> Array:
    if bit_width == 64:
        return jax_random.threefry_prng_impl.random_bits(key, bit_width, shape)
    high, low = _threefry(key, _counters(shape))
    return (high ^ low).astype(f"uint{bit_width}")


_straight_threefry = jax_random.define_prng_impl(
    key_shape=(2,),
    seed=jax_random.threefry_prng_impl.seed,
    split=_split,
    random_bits=_random_bits,
    fold_in=jax_random.threefry_prng_impl.fold_in,
    name="straight_threefry2x32",
    tag="straight",
)
