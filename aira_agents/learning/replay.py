"""A ring of experience: fixed arrays in which the oldest is overwritten first.

Source: Lin 1992, "Self-improving reactive agents based on reinforcement learning, planning and teaching" (experience
replay); Mnih et al. 2015, "Human-level control through deep reinforcement learning", methods.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.types import Array, Bool, Int, Key


class Replay(eqx.Module):
    """Rows of experience, packed (`Packing`)."""

    packed: tuple[Array, ...]  # [size, ...]
    next_row: Int[Array, ""]  # where the next one goes
    count: Int[Array, ""]  # rows that hold something

    @classmethod
    def empty(cls, rows: tuple[Any, ...], size: int) -> "Replay":
        """Returns a ring of `size` rows, each of the shape and dtype of a row of `rows` (`[n, ...]`)."""
        zero = jnp.zeros((), jnp.int32)
        return cls(tuple(jnp.zeros((size, *own.shape[1:]), own.dtype) for own in rows), zero, zero)

    @property
    def size(self) -> int:
        """How many rows there is room for."""
        return self.packed[0].shape[0]

    def including(self, rows: tuple[Array, ...], kept: Bool[Array, " n"]) -> "Replay":
        """Adds those of `rows` (`[n, ...]`, at most `size`) that are `kept`, one after the other."""
        place = jnp.cumsum(kept, dtype=jnp.int32)
        # Whatever is not kept goes past the end, each to a place of its own, and is dropped there.
        outside = self.size + jnp.arange(kept.shape[0], dtype=jnp.int32)
        places = jnp.where(kept, (self.next_row + place - 1) % self.size, outside)
        packed = tuple(
            ring.at[places].set(own, mode="drop", unique_indices=True)
            for ring, own in zip(self.packed, rows, strict=True)
        )
        count = jnp.minimum(self.count + place[-1], self.size)
        return Replay(packed, (self.next_row + place[-1]) % self.size, count)

    def draw(self, key: Key, shape: tuple[int, ...]) -> Int[Array, "..."]:
        """Returns the numbers of rows, each as likely as any other that holds something; 0 where none does."""
        return jax.random.randint(key, shape, 0, jnp.maximum(self.count, 1))

    def take(self, rows: Int[Array, " n"]) -> tuple[Array, ...]:
        """Returns the rows of these numbers."""
        return tuple(jnp.take(own, rows, axis=0, mode="clip") for own in self.packed)
