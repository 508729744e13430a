"""Several machines as one mesh of devices: each runs the same command, and the first of them writes the files.

Every host must make the same calls of this module in the same order, for most are exchanges. Alone, a host exchanges
nothing: each function then returns what it was given.
"""

import contextlib
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import NamedSharding, PartitionSpec

from aira_agents.array_files import is_key, restored, stored
from aira_agents.errors import AiraError, InputError
from aira_agents.meeting import SECONDS_TO_MEET


def join(coordinator: str, count: int, index: int) -> None:
    """Joins `count` hosts, as the `index`th, at the address of the first; must come before anything starts JAX.

    Raises:
        InputError: They did not all come, or one has more devices than another.
    """
    try:
        jax.distributed.initialize(coordinator, count, index, initialization_timeout=int(SECONDS_TO_MEET))
    except (RuntimeError, ValueError) as error:
        raise InputError(f"The {count} hosts did not meet at {coordinator}: {str(error).splitlines()[0]}") from error
    each = sorted(Counter(device.process_index for device in jax.devices()).values())
    if each[0] != each[-1]:
        raise InputError(f"All hosts must have equally many devices; they have {', '.join(map(str, each))}.")


def several() -> bool:
    """Says whether there are others."""
    return jax.process_count() > 1


def is_first() -> bool:
    """Says whether this host writes the files."""
    return jax.process_index() == 0


def agreed(tree: Any) -> Any:
    """Returns what the first host has for `tree`, of arrays and numbers of the same shapes on all, bit for bit."""
    if not several():
        return tree
    leaves, structure = jax.tree.flatten(tree)
    arrays = [stored(leaf) for leaf in leaves]
    told = multihost_utils.broadcast_one_to_all(np.frombuffer(b"".join(map(np.ndarray.tobytes, arrays)), np.uint8))
    ends = np.cumsum([array.nbytes for array in arrays])
    parts = np.split(np.asarray(told), ends[:-1])
    taken = [part.view(array.dtype).reshape(array.shape) for part, array in zip(parts, arrays, strict=True)]
    return jax.tree.unflatten(structure, [restored(*pair) for pair in zip(leaves, taken, strict=True)])


def most(*numbers: int) -> tuple[int, ...]:
    """Returns of each number what the host with the largest has."""
    if not several():
        return numbers
    told = multihost_utils.process_allgather(np.asarray(numbers, np.int32))
    return tuple(np.asarray(told).max(axis=0).tolist())


def placed(tree: Any, sharding: Any) -> Any:
    """Puts arrays that every host has onto the devices of all, each its part.

    Args:
        tree: Of arrays, the same on every host.
        sharding: Of all arrays, or a tree of one for each.
    """
    if not several():
        return jax.device_put(tree, sharding)

    def put(leaf: Any, where: jax.sharding.Sharding) -> jax.Array:
        if is_key(leaf):
            return jax.random.wrap_key_data(put(jax.random.key_data(leaf), where), impl=jax.random.key_impl(leaf))
        own = np.asarray(leaf)
        return jax.make_array_from_callback(own.shape, where, lambda part: own[part])

    if isinstance(sharding, jax.sharding.Sharding):
        return jax.tree.map(lambda leaf: put(leaf, sharding), tree)
    return jax.tree.map(put, tree, sharding)


def gathered(tree: Any) -> Any:
    """Returns arrays that are spread over devices as ones that a single device of this host has whole."""
    arrays, rest = eqx.partition(tree, lambda leaf: isinstance(leaf, jax.Array) and len(leaf.sharding.device_set) > 1)
    spread = jax.tree.leaves(arrays)
    if not spread:
        return tree
    if not several():
        return eqx.combine(jax.device_put(arrays, spread[0].sharding.mesh.devices.flat[0]), rest)
    everywhere = NamedSharding(spread[0].sharding.mesh, PartitionSpec())
    whole = jax.jit(_itself, out_shardings=everywhere)(arrays)
    return eqx.combine(jax.tree.map(lambda leaf: leaf.addressable_data(0), whole), rest)


def _itself(tree: Any) -> Any:
    return tree


def told_by_first(record: Any) -> Any:
    """Returns what the first host has for `record`, which JSON can hold."""
    own = np.frombuffer(json.dumps(record).encode(), np.uint8) if is_first() else np.zeros(0, np.uint8)
    (length,) = most(own.size)
    return json.loads(agreed(np.resize(own, length)).tobytes())


def same_on_all(text: str, what: str) -> None:
    """Raises `InputError` on every host if `text`, such as its settings, or JAX's version differs on one of them."""
    digest = np.frombuffer(hashlib.sha256(f"{jax.__version__} {text}".encode()).digest(), np.uint8)
    (differs,) = most(int(not np.array_equal(digest, agreed(digest))))
    if differs:
        raise InputError(f"All hosts must be given the same {what}, and run the same versions; they were not.")


@contextlib.contextmanager
def together(what: str) -> Iterator[None]:
    """Raises on every host if one refuses what is done here: none may wait for another that has left.

    Raises:
        AiraError: It was raised here; on the other hosts an `InputError` that says so.
    """
    fault = None
    try:
        yield
    except AiraError as error:
        fault = error
    (refused,) = most(fault is not None)
    if fault is not None:
        raise fault
    if refused:
        raise InputError(f"Another host refused {what}; what it said tells why.")
