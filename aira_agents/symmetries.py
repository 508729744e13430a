"""Symmetries of a world: flips and turns after which it is a world like any other, seen from another side.

A world declares them as data (`Environment.symmetries`); sensors and effectors say what becomes of their numbers. A
symmetry is a matrix of whole numbers that moves displacements (x to the right, y upward): `new = matrix @ old`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Symmetry(NamedTuple):
    """A flip or a turn of the plane."""

    name: str
    matrix: tuple[tuple[int, int], tuple[int, int]]

    def moved(self, vectors: Sequence[tuple[int, int]] | np.ndarray) -> np.ndarray:
        """Returns where displacements (`[n, 2]`, x and y) go."""
        return np.asarray(vectors) @ np.asarray(self.matrix).T


MIRROR = Symmetry("flip left and right", ((-1, 0), (0, 1)))
UP_AND_DOWN = Symmetry("flip up and down", ((1, 0), (0, -1)))

FLIPS = (
    MIRROR,
    UP_AND_DOWN,
    Symmetry("half turn", ((-1, 0), (0, -1))),
)
"""What leaves a rectangle as it is."""

SQUARE = (
    *FLIPS,
    Symmetry("quarter turn left", ((0, -1), (1, 0))),
    Symmetry("quarter turn right", ((0, 1), (-1, 0))),
    Symmetry("flip over the diagonal", ((0, 1), (1, 0))),
    Symmetry("flip over the other diagonal", ((0, -1), (-1, 0))),
)
"""What leaves a square as it is."""


class Relabelling(NamedTuple):
    """What becomes of some numbers: `new[i] = sign[i] * old[order[i]]`; a `Discrete` action is one of n flags."""

    order: tuple[int, ...]
    sign: tuple[int, ...]

    @classmethod
    def unchanged(cls, size: int) -> "Relabelling":
        """Leaves `size` numbers as they are."""
        return cls(tuple(range(size)), (1,) * size)

    @classmethod
    def permuted(cls, vectors: Sequence[tuple[int, int]] | np.ndarray, symmetry: Symmetry) -> "Relabelling | None":
        """For numbers that each belong to a displacement (`[n, 2]`): `None` if these do not go over into each other."""
        places = {tuple(vector): i for i, vector in enumerate(np.asarray(vectors).tolist())}
        order = [-1] * len(places)
        for i, moved in enumerate(symmetry.moved(vectors).tolist()):
            if tuple(moved) not in places:
                return None
            order[places[tuple(moved)]] = i
        return cls(tuple(order), (1,) * len(order))

    @classmethod
    def turned(cls, n_vectors: int, symmetry: Symmetry) -> "Relabelling":
        """For numbers that are vectors, x and y of each in turn."""
        matrix = np.asarray(symmetry.matrix)
        axes = np.argmax(np.abs(matrix), axis=1)  # whole numbers that move axes to axes: one in each row
        order = [2 * i + int(axis) for i in range(n_vectors) for axis in axes]
        return cls(tuple(order), tuple(int(matrix[row, axis]) for row, axis in enumerate(axes)) * n_vectors)

    def of_numbers(self, values: np.ndarray) -> np.ndarray:
        """Relabels the last axis."""
        return values[..., list(self.order)] * np.asarray(self.sign, values.dtype)

    def of_flags(self, values: np.ndarray) -> np.ndarray:
        """Relabels the last axis of a mask."""
        return values[..., list(self.order)]

    def of_choices(self, values: np.ndarray) -> np.ndarray:
        """Relabels actions of a `Discrete` space."""
        return np.argsort(self.order)[values].astype(values.dtype)
