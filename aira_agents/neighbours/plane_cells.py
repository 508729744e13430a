"""Points in a plane, looked for in cells: each sees those in its own cell and the eight around it.

The points are put in order of their cells, row by row, so that three cells side by side are one stretch of that order,
and a point looks through three stretches. The order is counted, not sorted. On a torus each row begins with a copy of
its last cell and ends with one of its first. What a point costs depends on the room of a stretch, not on how many
points there are.
"""

import functools
import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.arrays import running_sum
from aira_agents.materialized import materialized
from aira_agents.neighbours.cell_lists import slots
from aira_agents.neighbours.plane import Around, Near, Plane
from aira_agents.scattering import put, total
from aira_agents.types import Array, Bool, Float, Int

BLOCK = 16_384  # points at a time: what they see then stays in the cache


class Mesh(NamedTuple):
    """Cells over a plane, none narrower than the longest radius, with room for some points in three side by side."""

    across: int
    up: int
    room: int

    def fits(self, plane: Plane) -> bool:
        """Says whether no cell touches another on two sides, as on a torus of fewer than three."""
        return not plane.torus or min(self.across, self.up) >= 3


class Order(eqx.Module):
    """The points in order of their cells."""

    points: Int[Array, " points"]  # in order, no copies
    place: Int[Array, " points"]  # of each in `points`; out of range where its cell had no room, or it is dead
    stretch: Int[Array, " places"]  # in order, with the copies
    starts: Int[Array, " cells_and_end"]  # where each cell begins in `stretch`, the copies of cells included


def in_cells(
    places: Float[Array, "2 points"],
    alive: Bool[Array, " points"],
    asked: Sequence[Around],
    plane: Plane,
    mesh: Mesh,
) -> list[Near]:
    """Looks at those in cells that touch; whom a stretch has no room for (`crowded` counts them) is not seen.

    The answers are those of `all_pairs`, whose arguments are the same but for the mesh.
    """
    # On a CPU worlds side by side take turns: what one looks at stays in the cache.
    in_turn = jax.custom_batching.sequential_vmap if jax.default_backend() == "cpu" else lambda look: look
    sums = in_turn(functools.partial(_sums, plane=plane, mesh=mesh))(places, alive, tuple(asked))
    ends = list(itertools.accumulate(3 + len(values) for _, values in asked))
    return [Near(own[0], own[1:3], own[3:]) for own in jnp.split(materialized(sums).T, ends[:-1])]


def _sums(
    places: Array, alive: Array, asked: Sequence[Around], plane: Plane, mesh: Mesh
) -> Float[Array, "points sums"]:
    """Returns all sums of a point side by side, so that they are one read from afar."""
    n_points, wide = places.shape[1], mesh.across + 2
    columns, rows = cells_of(places, plane, mesh)
    order = _in_order(columns, rows, alive, plane, mesh)
    # Room behind the last place: a stretch is read as a whole, which takes half of what reading its places does.
    in_order = [jnp.pad(values[:, order.stretch], ((0, 0), (0, mesh.room))) for values in (places, *_carried(asked))]
    n_blocks = -(-n_points // BLOCK)
    block = -(-n_points // n_blocks)

    def look(nth: Int[Array, " block"]) -> Float[Array, "block sums"]:
        own = order.points[jnp.minimum(nth, n_points - 1)]
        column, row, here = columns[own], rows[own], places[:, own]
        seen = []
        for side in (-1, 0, 1):
            first = (row + side) % mesh.up * wide + column
            start = order.starts[first]
            taken = order.starts[first + 3] - start
            if not plane.torus:
                taken = jnp.where((row + side >= 0) & (row + side < mesh.up), taken, 0)
            others, *values = (_stretches(one, start, mesh.room) for one in in_order)
            seen.append(_seen(others, values, here, taken, asked, plane))
        sums = [_summed(sum(sides, start=jnp.zeros(()))) for sides in zip(*seen, strict=True)]
        # Everybody is among those near itself.
        itself = [itself for values in _carried(asked) for itself in (1.0, 0.0, 0.0, *values[:, own])]
        return jnp.stack([found - mine for found, mine in zip(sums, itself, strict=True)], axis=1)

    nth = jnp.arange(n_blocks * block, dtype=jnp.int32).reshape(n_blocks, block)
    sums = jax.lax.map(look, nth).reshape(n_blocks * block, -1)
    return sums.at[order.place].get(mode="fill", fill_value=0)


def crowded(places: Float[Array, "2 points"], alive: Bool[Array, " points"], plane: Plane, mesh: Mesh) -> Array:
    """Returns how many points look through a stretch of three cells that has no room for all of its points."""
    columns, rows = cells_of(places, plane, mesh)
    counts = total(rows * mesh.across + columns, alive.astype(jnp.int32), mesh.up * mesh.across)
    wide = _with_copies(counts.reshape(mesh.up, mesh.across), plane)
    full = wide[:, :-2] + wide[:, 1:-1] + wide[:, 2:] > mesh.room
    beside = jnp.pad(full, ((1, 1), (0, 0)), mode="wrap" if plane.torus else "constant")
    return jnp.sum((beside[:-2] | full | beside[2:])[rows, columns] & alive, dtype=jnp.int32)


def cells_of(places: Float[Array, "2 points"], plane: Plane, mesh: Mesh) -> tuple[Array, Array]:
    """Returns the column and the row of the cell that each point is in."""
    # On the far border a coordinate may be rounded up to the side itself.
    column = (places[0] * (mesh.across / plane.width)).astype(jnp.int32)
    row = (places[1] * (mesh.up / plane.height)).astype(jnp.int32)
    return materialized((jnp.clip(column, 0, mesh.across - 1), jnp.clip(row, 0, mesh.up - 1)))


def _with_copies(counts: Int[Array, "up across"], plane: Plane) -> Int[Array, "up wide"]:
    return jnp.pad(counts, ((0, 0), (1, 1)), mode="wrap" if plane.torus else "constant")


def _in_order(columns: Array, rows: Array, alive: Array, plane: Plane, mesh: Mesh) -> Order:
    n_points, wide = columns.shape[0], mesh.across + 2
    cells, all_points = materialized(rows * mesh.across + columns), jnp.arange(n_points, dtype=jnp.int32)
    slot, count = slots(cells, alive, mesh.up * mesh.across, mesh.room)
    place = jnp.where(slot < 0, n_points, (running_sum(count) - count)[cells] + slot)
    points = put(place, all_points, n_points)
    ends = running_sum(_with_copies(count.reshape(mesh.up, mesh.across), plane).reshape(-1))
    starts = jnp.pad(ends, (1, 0))
    most = n_points + min(n_points, 2 * mesh.up * mesh.room) if plane.torus else n_points
    copies = [(columns + 1, slot >= 0)]
    if plane.torus:
        copies.append((columns * 0, (slot >= 0) & (columns == mesh.across - 1)))
        copies.append((columns * 0 + wide - 1, (slot >= 0) & (columns == 0)))
    where = [jnp.where(takes_part, starts[rows * wide + c] + slot, most) for c, takes_part in copies]
    stretch = jnp.asarray(sum(put(places, all_points, most) for places in where))  # no two at the same
    return Order(points, place, stretch, starts)


def _carried(asked: Sequence[Around]) -> list[Array]:
    return [values for _, values in asked]


def _stretches(values: Float[Array, "axes places"], start: Int[Array, " points"], room: int) -> list[Array]:
    """Returns what lies from `start` on, `[points, room]` for each axis."""
    return [jax.vmap(lambda first, own=own: jax.lax.dynamic_slice(own, (first,), (room,)))(start) for own in values]


def _seen(
    others: Sequence[Array], values: Sequence[Sequence[Array]], here: Array, taken: Array, asked: Any, plane: Plane
) -> list[Float[Array, "points room"]]:
    """Returns what each place adds to each sum: 1, the vector to it and its values, where it is near, and else 0."""
    sides = (plane.width, plane.height)
    dx, dy = (other - own[:, None] for other, own in zip(others, here, strict=True))
    if plane.torus:
        dx, dy = (apart - side * jnp.round(apart * (1 / side)) for apart, side in zip((dx, dy), sides, strict=True))
    there = jnp.arange(dx.shape[1], dtype=jnp.int32)[None] < taken[:, None]
    squares = dx * dx + dy * dy
    return [
        jnp.where(there & (squares < radius**2), one, 0.0)
        for (radius, _), own in zip(asked, values, strict=True)
        for one in (jnp.ones_like(dx), dx, dy, *own)
    ]


def _summed(values: Float[Array, "points room"]) -> Float[Array, " points"]:
    # A product is summed many at a time; a sum over so short an axis is not.
    return jnp.dot(values, jnp.ones(values.shape[1]), precision="highest")
