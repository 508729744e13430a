"""Minibatches of recorded data: every item once an epoch.

What lies in a minibatch is settled once, at random; each epoch takes them in a new order. Drawing every row anew would
cost more than a gradient step (a permutation of a million rows is a sort), and a slice is read faster than a gather.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from aira_agents.arrays import random_orders
from aira_agents.types import Array, Int, Key


class Minibatches:
    """Cuts a tree of NumPy arrays `[n, ...]` into equal parts of at most `size`; the last is filled up with zeros."""

    def __init__(self, tree: Any, size: int) -> None:
        n_items = len(jax.tree.leaves(tree)[0])
        self.count = math.ceil(n_items / size)
        size = math.ceil(n_items / self.count)  # alike in size: in a small last one each item would count for more
        order = np.random.default_rng(0).permutation(n_items)

        def cut(leaf: np.ndarray) -> Array:
            parts = np.zeros((self.count * size, *leaf.shape[1:]), leaf.dtype)
            np.take(leaf, order, axis=0, out=parts[:n_items])
            return jnp.asarray(parts.reshape(self.count, size, *leaf.shape[1:]))

        self._parts = jax.tree.map(cut, tree)

    def __call__(self, key: Key, step: Int[Array, ""]) -> Any:
        """Returns the minibatch of gradient step `step`; `key` settles the order of all epochs."""
        epoch, place = step // self.count, step % self.count
        (order,) = random_orders(jax.random.fold_in(key, epoch), 1, self.count)
        return jax.tree.map(lambda leaf: leaf[order[place]], self._parts)
