"""Points in a plane, looked for in cells: each sees those in its own cell and the eight around it.

The points are put in order of their cells, row by row, so that three cells side by side are one stretch of that order,
and a point looks through three stretches. The order is counted, not sorted. On a torus each row begins with a copy of
its last cell and ends with one of its first. What a point costs depends on the room of a stretch, not on how many
points there are.
"""

import functools
import itertools
from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.arrays import running_sum
from aira_agents.materialized import materialized
from aira_agents.neighbours.cell_lists import cell_lists
from aira_agents.neighbours.plane import Around, Near, Plane
from aira_agents.scattering import put, total
from aira_agents.types import Array, Bool, Float, Int

BLOCK = 2048  # points at a time: what they see then stays in the cache


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
    sights = [places[:, order.stretch], *(values[:, order.stretch] for _, values in asked)]
    n_blocks = -(-n_points // BLOCK)
    block = -(-n_points // n_blocks)

    def look(nth: Int[Array, " block"]) -> Float[Array, "block sums"]:
        own = order.points[jnp.minimum(nth, n_points - 1)]
        column, row = columns[own], rows[own]
        seen = [_stretch(order.starts, row + side, column, wide, plane, mesh) for side in (-1, 0, 1)]
        index, there = (jnp.concatenate(parts) for parts in zip(*seen, strict=True))
        dx, dy = (_apart(_read(sights[0][axis], index), places[axis, own], plane, axis) for axis in (0, 1))
        squares = dx * dx + dy * dy
        found = [
            _near(there & (squares < radius**2), dx, dy, values[:, own], sight, index)
            for (radius, values), sight in zip(asked, sights[1:], strict=True)
        ]
        return jnp.stack([row for near in found for row in (near.count, *near.away, *near.values)], axis=1)

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
    lists = cell_lists(cells, alive, mesh.up * mesh.across, mesh.room)
    before = running_sum(lists.count) - lists.count
    place = jnp.where(lists.slot < 0, n_points, before[cells] + lists.slot)
    points = put(place, all_points, n_points)
    ends = running_sum(_with_copies(lists.count.reshape(mesh.up, mesh.across), plane).reshape(-1))
    starts = jnp.pad(ends, (1, 0))
    most = n_points + min(n_points, 2 * mesh.up * mesh.room) if plane.torus else n_points
    copies = [(columns + 1, lists.slot >= 0)]
    if plane.torus:
        copies.append((columns * 0, (lists.slot >= 0) & (columns == mesh.across - 1)))
        copies.append((columns * 0 + wide - 1, (lists.slot >= 0) & (columns == 0)))
    where = [jnp.where(takes_part, starts[rows * wide + c] + lists.slot, most) for c, takes_part in copies]
    stretch = jnp.asarray(sum(put(places, all_points, most) for places in where))  # no two at the same
    return Order(points, place, stretch, starts)


def _stretch(starts: Array, row: Array, column: Array, wide: int, plane: Plane, mesh: Mesh) -> tuple[Array, Array]:
    """Returns the places of the three cells beside each point in `row`, `[room, points]`, and which are taken."""
    first = row % mesh.up * wide + column
    index = starts[first][None] + jnp.arange(mesh.room, dtype=jnp.int32)[:, None]
    there = index < starts[first + 3][None]
    if not plane.torus:
        there = there & ((row >= 0) & (row < mesh.up))[None]
    return index, there


def _read(values: Float[Array, " places"], index: Int[Array, "room points"]) -> Float[Array, "room points"]:
    # What is read beyond the end is left out later.
    return values.at[index].get(mode="clip", wrap_negative_indices=False)


def _apart(others: Array, own: Array, plane: Plane, axis: int) -> Float[Array, "places points"]:
    side = (plane.width, plane.height)[axis]
    apart = others - own[None]
    return apart - side * jnp.round(apart * (1 / side)) if plane.torus else apart


def _near(near: Array, dx: Array, dy: Array, own: Array, sight: Array, index: Array) -> Near:
    def total(values: Array) -> Array:
        return jnp.sum(jnp.where(near, values, 0.0), axis=0)

    # Everybody is among those near itself.
    carried = [total(_read(values, index)) for values in sight]
    values = jnp.stack(carried) - own if carried else own
    return Near(total(jnp.ones_like(dx)) - 1, jnp.stack([total(dx), total(dy)]), values)
