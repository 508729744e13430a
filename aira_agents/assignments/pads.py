"""Keeps hidden seeds hidden from whoever is handed keys: a key of a world gives its seed away by trying all of them.

Seeds are few (two thousand millions), and a world's keys follow from its seed alone. What a submission is handed in a
hidden world is therefore encrypted under a pad, which follows from all hidden seeds together: nobody tries out those.
Everybody still meets the same chance.
"""

import hashlib
from collections.abc import Collection, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from aira_agents.types import Array, Key


def pads_for(seeds: Sequence[int], hidden: Collection[int]) -> np.ndarray:
    """Returns a pad for each world, `[worlds, 2]`: zero where the seed is not hidden."""
    pads = np.zeros((len(seeds), 2), np.uint32)
    for row, seed in enumerate(seeds):
        if seed in hidden:
            told = f"{sorted(hidden)} {seed}".encode()
            pads[row] = np.frombuffer(hashlib.sha256(told).digest()[:8], "<u4")
    return pads


def padded(key: Key, pad: Array) -> Key:
    """Returns the key that is handed on in a world: encrypted under `pad` (`[2]`), or itself where that is zero."""
    words, impl = jax.random.key_data(key), jax.random.key_impl(key)
    own = jax.random.wrap_key_data(pad, impl=impl)
    for word in words:
        own = jax.random.fold_in(own, word)
    return jax.random.wrap_key_data(jnp.where(pad.any(), jax.random.key_data(own), words), impl=impl)
