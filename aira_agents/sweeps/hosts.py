"""Several machines as one mesh of devices: each runs the same command, and the first of them writes the table.

Each host compiles the same program and runs its own share of every batch; nothing is exchanged but rows.
"""

from collections.abc import Callable, Iterable
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from aira_agents.errors import AiraError, InputError


def join(coordinator: str, count: int, index: int) -> None:
    """Joins `count` hosts, as the `index`th, at the address of the first; must come before anything starts JAX.

    Raises:
        InputError: `index` is none of them, or they did not all come.
    """
    if not 0 <= index < count:
        raise InputError(f"`--host` must be in 0..{count - 1} of `--hosts {count}`; got {index}.")
    try:
        jax.distributed.initialize(coordinator, count, index, initialization_timeout=60)
    except (RuntimeError, ValueError) as error:
        raise InputError(f"The {count} hosts did not meet at {coordinator}: {str(error).splitlines()[0]}") from error


def is_first() -> bool:
    """Says whether this host writes the table."""
    return jax.process_index() == 0


def agreed(value: Any) -> Any:
    """Returns what the first host has for `value`, an array or a number."""
    return value if jax.process_count() == 1 else multihost_utils.broadcast_one_to_all(np.asarray(value))


def placed(tree: Any, sharding: jax.sharding.Sharding) -> Any:
    """Puts arrays that every host has onto the devices of all, each its part."""

    def put(leaf: Any) -> jax.Array:
        own = np.asarray(leaf)
        return jax.make_array_from_callback(own.shape, sharding, lambda part: own[part])

    return jax.tree.map(put, tree)


def gathered(tree: Any) -> Any:
    """Returns arrays that are spread over all hosts, whole."""
    return jax.device_get(tree) if jax.process_count() == 1 else multihost_utils.process_allgather(tree, tiled=True)


def told_by_first(act: Callable[[], Iterable[int]], most: int) -> frozenset[int]:
    """Calls `act` on the first host, and returns on each the numbers below `most` that it returned there.

    Raises:
        AiraError: `act` did; on the other hosts an `InputError` that says so.
    """
    told, fault = np.zeros(most + 1, bool), None
    if is_first():
        try:
            told[[*act()]] = True
        except AiraError as error:
            told[most], fault = True, error
    told = np.asarray(agreed(told))
    if fault is not None:
        raise fault
    if told[most]:
        raise InputError("The first host refused this sweep; what it said tells why.")
    return frozenset(np.flatnonzero(told).tolist())
