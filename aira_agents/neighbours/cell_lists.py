"""Who stands in which cell: a table of rows for every cell, made by lot instead of by sorting.

Each round every cell takes the highest of those not yet placed. A round costs two scatters, so a table of `room` rows
a cell costs the same for each agent however many there are.
"""

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.scattering import largest, total
from aira_agents.types import Array, Bool, Int


class CellLists(eqx.Module):
    """Cells with room for some agents each."""

    rows: Int[Array, "room cells"]  # -1: nobody
    slot: Int[Array, " agents"]  # the place within its cell; -1: none was left, or takes no part
    count: Int[Array, " cells"]  # of those who were placed

    @property
    def room(self) -> int:
        """How many a cell has room for."""
        return self.rows.shape[0]


def cell_lists(cells: Int[Array, " agents"], takes_part: Bool[Array, " agents"], n_cells: int, room: int) -> CellLists:
    """Lists who is in each cell; who finds no room has `slot` -1 (`overflow` counts them)."""
    n_agents = cells.shape[0]
    own = jnp.where(takes_part, jnp.arange(1, n_agents + 1, dtype=jnp.uint32), 0)
    slot = jnp.full(n_agents, -1, jnp.int32)
    rows = []
    for place in range(room):
        best = largest(cells, own, n_cells)
        placed = (own > 0) & (best[cells] == own)
        slot, own = jnp.where(placed, place, slot), jnp.where(placed, 0, own)
        rows.append(best.astype(jnp.int32) - 1)
    table = jnp.stack(rows)
    return CellLists(table, slot, jnp.sum(table >= 0, axis=0, dtype=jnp.int32))


def slots(
    cells: Int[Array, " agents"], takes_part: Bool[Array, " agents"], n_cells: int, room: int
) -> tuple[Int[Array, " agents"], Int[Array, " cells"]]:
    """Returns the `slot` and the `count` of `cell_lists`, in as many rounds as the fullest cell has agents."""
    n_agents = cells.shape[0]
    own = jnp.where(takes_part, jnp.arange(1, n_agents + 1, dtype=jnp.uint32), 0)

    def left(carry: tuple[Array, Array, Array]) -> Array:
        place, _, own = carry
        return (place < room) & jnp.any(own > 0)

    def place_one_a_cell(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        place, slot, own = carry
        placed = (own > 0) & (largest(cells, own, n_cells)[cells] == own)
        return place + 1, jnp.where(placed, place, slot), jnp.where(placed, 0, own)

    begun = jnp.zeros((), jnp.int32), jnp.full(n_agents, -1, jnp.int32), own
    _, slot, _ = jax.lax.while_loop(left, place_one_a_cell, begun)
    return slot, jnp.minimum(total(cells, takes_part.astype(jnp.int32), n_cells), room)


def overflow(cells: Int[Array, " agents"], takes_part: Bool[Array, " agents"], n_cells: int, room: int) -> Array:
    """Returns how many find no room in their cell."""
    count = total(cells, takes_part.astype(jnp.int32), n_cells)
    return jnp.sum(jnp.maximum(count - room, 0), dtype=jnp.int32)
