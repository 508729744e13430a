"""Points in a plane: what each has around it within a radius, periodic or not.

`all_pairs` looks at every pair; `plane_cells.py` only at those in cells that touch. Both give the same sums.
"""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.types import Array, Bool, Float

HIGHEST = jax.lax.Precision.HIGHEST  # accelerators would round the factors otherwise


class Plane(NamedTuple):
    """A rectangle from 0 to `width` and `height`; on a torus a radius is at most a quarter of the shorter side."""

    width: float
    height: float
    torus: bool


class Around(NamedTuple):
    """What is asked for: sums of some values over those within a radius."""

    radius: Float[Array, ""]
    values: Float[Array, "k points"]


class Near(eqx.Module):
    """Sums over those near each point, itself left out."""

    count: Float[Array, " points"]
    away: Float[Array, "2 points"]  # of the vectors to them
    values: Float[Array, "k points"]  # of what they carry


def all_pairs(
    places: Float[Array, "2 points"],
    alive: Bool[Array, " points"],
    asked: Sequence[Around],
    plane: Plane,
) -> list[Near]:
    """Looks at every pair: the fastest for some hundreds of points.

    The sums are products of matrices. On a torus coordinates count from the middle, and a second time from the border:
    whoever is near a border in one is near the middle in the other, so no vector has to be turned the shorter way.
    """
    sides = jnp.array([[plane.width], [plane.height]])
    dx, dy = (_apart(places[axis], side, plane.torus) for axis, side in enumerate((plane.width, plane.height)))
    # Squares added by hand: a sum over an axis of two goes through a kernel that takes 20 times as long.
    squares = dx * dx + dy * dy  # [of, around]
    frames = [places - sides / 2]
    if plane.torus:
        frames.append((places + sides / 2) % sides - sides / 2)
    inner = jnp.abs(frames[0]) < sides / 4
    found = []
    for radius, values in asked:
        near = (squares < radius**2).astype(jnp.float32)
        carried = jnp.concatenate([*frames, values, jnp.ones((1, places.shape[1]))]) * alive[None]
        sums = jnp.matmul(carried, near, precision=HIGHEST)
        count = sums[-1]
        away = [sums[2 * i : 2 * i + 2] - count[None] * frame for i, frame in enumerate(frames)]
        vectors = jnp.where(inner, away[0], away[1]) if plane.torus else away[0]
        found.append(Near(count - alive, vectors, sums[2 * len(frames) : -1] - values * alive[None]))
    return found


def _apart(coordinate: Float[Array, " points"], side: float, torus: bool) -> Float[Array, "points points"]:
    apart = coordinate[:, None] - coordinate[None, :]
    return apart - side * jnp.round(apart * (1 / side)) if torus else apart
