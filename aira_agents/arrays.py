"""Arrays in order: running sums, and things put in places drawn by lot.

Sorting is the dear operation on a CPU: of 10,000 numbers `argsort` takes 1,500 us, `cumsum` 60, `running_sum` 12 and a
scatter 10 (measured on one core). Nothing here sorts but `random_orders`, of a few.
"""

import math

import jax
import jax.numpy as jnp

from aira_agents.materialized import materialized
from aira_agents.scattering import put
from aira_agents.types import Array, Bool, Int, Key, UInt32

CHUNK = 16
LOT_ROUNDS = 2
FEISTEL_ROUNDS = 8
LANES, LANES_OF_FEW = 64, 8  # a row is a multiple of it: of an odd number two cores do not get equal shares
FEW_SHUFFLED = 128  # of 100 numbers and more, two million draws tell its orders from chance no longer
FEW = 1024  # numbers of which 22 bits and more are left to chance: of equal ones the lower goes first


def running_sum(values: Int[Array, " n"]) -> Int[Array, " n"]:
    """Returns the sum of all values up to each, itself included; the same as `cumsum`, in a fifth of the time.

    The columns of `CHUNK` are added one to the next, whole vectors at a time, and then what came before each row.
    """
    n = values.shape[0]
    if n <= CHUNK:
        return jnp.cumsum(values)
    rows = jnp.pad(values, (0, -n % CHUNK)).reshape(-1, CHUNK)
    columns = [rows[:, 0]]
    for column in range(1, CHUNK):
        columns.append(columns[-1] + rows[:, column])
    before = running_sum(columns[-1]) - columns[-1]
    return (jnp.stack(columns, axis=1) + before[:, None]).reshape(-1)[:n]


def running_count(chosen: Bool[Array, " n"]) -> Int[Array, " n"]:
    """Returns how many are chosen up to each, itself included; the running sum of a mask, in half of its time.

    Words of 32 bits hold 32 rows each: within a word, bits are counted.
    """
    n, bit = chosen.shape[0], jax.lax.iota(jnp.uint32, 32)[None]
    rows = jnp.pad(chosen, (0, -n % 32)).reshape(-1, 32).astype(jnp.uint32)
    words = jnp.sum(rows << bit, axis=1, dtype=jnp.uint32)
    ends = materialized(running_sum(jax.lax.population_count(words).astype(jnp.int32)))
    # Numbers are shifted by `bit` itself: a mask would be worked out before the loop around this, and read one by one.
    from_here = jax.lax.population_count(words[:, None] >> bit)
    return (ends[:, None] - from_here.astype(jnp.int32) + rows.astype(jnp.int32)).reshape(-1)[:n]


def shuffled(key: Key, n: int) -> Int[Array, " n_or_more"]:
    """Returns `0 .. m - 1` in random order, with m from `n` up, by less than a row of a square of `n`.

    A Feistel network: numbers stand in rows and columns, and in turn each is moved along its column by a hash of the
    column, and along its row by one of the row, round the end, which maps `m` numbers one to one whatever the hash.
    Source: Luby and Rackoff 1988, "How to construct pseudorandom permutations". Of few numbers, where rows are too
    short to mix well, `n` are sorted by chance instead.
    """
    if n <= FEW_SHUFFLED:
        return random_orders(key, 1, n)[0]
    lanes = LANES_OF_FEW if n <= FEW else LANES
    n_columns = lanes * math.ceil(math.sqrt(n) / lanes)
    n_rows = math.ceil(n / n_columns)

    def mix(place: tuple[Array, Array], words: Array) -> tuple[tuple[Array, Array], None]:
        row, column = place
        row = _moved(row, _hash(column, words[0]), n_rows)
        return (row, _moved(column, _hash(row, words[1]), n_columns)), None

    numbers = jax.lax.iota(jnp.uint32, n_rows * n_columns)
    words = jax.random.bits(key, (FEISTEL_ROUNDS // 2, 2), jnp.uint32)
    # A loop, though a short one: written out, the compiler works each round out anew for every use of its result.
    (row, column), _ = jax.lax.scan(mix, (numbers // n_columns, numbers % n_columns), words)
    return (row * n_columns + column).astype(jnp.int32)


def _moved(number: UInt32[Array, " n"], by: UInt32[Array, " n"], size: int) -> UInt32[Array, " n"]:
    """Moves numbers below `size` on by a share of it that the high bits of `by` say, round its end."""
    moved = number + ((by >> 16) * size >> 16)
    return jnp.minimum(moved, moved - size)  # below zero is beyond all numbers


def _hash(numbers: UInt32[Array, " n"], word: UInt32[Array, ""]) -> UInt32[Array, " n"]:
    """Mixes all bits of `numbers` and `word` into the high half of the result (as MurmurHash3 does)."""
    mixed = (numbers ^ word) * jnp.uint32(0x85EBCA6B)
    return (mixed ^ (mixed >> 13)) * jnp.uint32(0xC2B2AE35)


def random_orders(key: Key, count: int, n: int) -> Int[Array, "count n"]:
    """Returns `0 .. n - 1` in `count` random orders.

    Few numbers lie in the low bits of what is sorted: a sort of one array is compiled for it, `argsort` moves two by
    calls (4.6 us against 31 for 4 times 128).
    """
    bits = jax.random.bits(key, (count, n), jnp.uint32)
    if n > FEW:
        return jnp.argsort(bits, axis=1).astype(jnp.int32)
    low = 2 ** (n - 1).bit_length() - 1
    numbered = (bits & jnp.uint32(~low % 2**32)) | jax.lax.iota(jnp.uint32, n)[None]
    return (jnp.sort(numbered, axis=1) & low).astype(jnp.int32)


def places_by_lot(key: Key, free: Bool[Array, " places"], wants: Bool[Array, " agents"]) -> Int[Array, " agents"]:
    """Gives everybody who wants one a free place, no two the same; -1 for who wants none, or where none is left."""
    n_places, n_agents = free.shape[0], wants.shape[0]
    order = shuffled(key, n_places)
    offered = materialized(free.at[order].get(mode="fill", fill_value=False))
    # Whoever is the k-th to want a place gets the k-th that is offered.
    rank = jnp.where(offered, running_count(offered) - 1, n_agents)
    offers = put(jnp.minimum(rank, n_agents), order + 1, n_agents) - 1
    turn = running_count(wants) - 1
    return jnp.where(wants, offers[jnp.maximum(turn, 0)], -1)


def lots(key: Key, n: int) -> UInt32[Array, " n"]:
    """Returns `n` different numbers above zero, in random order: whoever draws the highest wins, and nobody ties.

    The finaliser of MurmurHash3 over the row numbers, which maps all numbers of 32 bits one to one, with a random
    number added before each of two rounds. A fifth of the price of `n` random numbers.
    """
    numbers = jax.lax.iota(jnp.uint32, n)
    words = jax.random.bits(key, (LOT_ROUNDS,), jnp.uint32)
    for turn in range(LOT_ROUNDS):
        numbers = numbers + words[turn]
        numbers = (numbers ^ (numbers >> 16)) * jnp.uint32(0x85EBCA6B)
        numbers = (numbers ^ (numbers >> 13)) * jnp.uint32(0xC2B2AE35)
        numbers = numbers ^ (numbers >> 16)
    return jnp.maximum(numbers, 1)
