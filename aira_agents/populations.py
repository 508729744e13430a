"""The arrays that are the truth: populations of agents in fixed slots, births into them and deaths out of them.

A row belongs to one uid for a whole step: who dies keeps the row until the next step begins, so that a death is always
reported to the agent that died, never to one born into its place.
"""

from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.arrays import running_count
from aira_agents.errors import InputError
from aira_agents.materialized import materialized
from aira_agents.scattering import put
from aira_agents.types import Array, Bool, Int

LAST_UID = 2**31 - 1


class Population(eqx.Module):
    """The agents of one role, a row each; a world adds columns by subclassing."""

    alive: Bool[Array, " capacity"]
    uid: Int[Array, " capacity"]  # -1: a free slot; ids start at 1 and are never used twice
    parent: Int[Array, " capacity"]  # slot of the parent during the step of birth; -1: a founder

    @property
    def capacity(self) -> int:
        """How many agents there is room for."""
        return self.alive.shape[0]


class State(eqx.Module):
    """All there is to know of a world at one moment; a world adds arrays by subclassing."""

    agents: dict[str, Any]
    time: Int[Array, ""]  # steps since the reset
    next_uid: Int[Array, ""]
    refused_births: Int[Array, ""]  # births since the reset for which there was no free slot


_State = TypeVar("_State", bound=State)


def founders(
    capacity: int, count: int | Array | None = None, first_uid: int | Array = 1, *, every: int = 1
) -> dict[str, Array]:
    """Returns `alive`, `uid` and `parent` of a new population: of `capacity` rows the first `count` live.

    Where only each of so many lives (`every`), there is room for children between the rows.
    """
    if capacity < 1:
        raise InputError(f"A population needs a capacity of at least 1; got {capacity}.")
    rows = jnp.arange(capacity, dtype=jnp.int32)
    nth = rows // every
    alive = (rows % every == 0) & (nth < (capacity if count is None else count))
    return {
        "alive": alive,
        "uid": jnp.where(alive, nth + first_uid, -1).astype(jnp.int32),
        "parent": jnp.full(capacity, -1, jnp.int32),
    }


def clocks(next_uid: int | Array) -> dict[str, Array]:
    """Returns the fields `time`, `next_uid` and `refused_births` of a world that was just reset."""
    zero = jnp.zeros((), jnp.int32)
    return {"time": zero, "next_uid": jnp.asarray(next_uid, jnp.int32), "refused_births": zero}


def with_columns(state: _State, role: str, **columns: Array) -> _State:
    """Returns `state` with some columns of one role replaced."""
    names = list(columns)
    return eqx.tree_at(lambda s: [getattr(s.agents[role], name) for name in names], state, [*columns.values()])


def release_dead(state: _State) -> _State:
    """Frees the rows of those who died in the step before; the first thing a step does."""
    freed = {
        name: eqx.tree_at(lambda p: p.uid, population, jnp.where(population.alive, population.uid, -1))
        for name, population in state.agents.items()
    }
    return eqx.tree_at(lambda s: s.agents, state, freed)


def give_birth(state: _State, role: str, bears: Bool[Array, " capacity"], child: Population) -> _State:
    """Gives every agent of `role` that `bears` one child, in a free slot under a new uid.

    Children are spread over all free slots in the order of their parents, so that rows of those who live near each
    other stay near in memory: in large worlds a read from far costs ten times as much.

    Args:
        state: The world before the births.
        role: The role of parent and child.
        bears: Who gives birth.
        child: The columns of the newborn, each at its parent's row; `alive`, `uid` and `parent` are set here.

    Returns:
        The world after the births. Those that found no free slot, or no id, are counted in `refused_births`.
    """
    population = state.agents[role]
    capacity = population.capacity
    # One scatter of parents into the order of free slots, and all else is read from them.
    free, n_wanted = population.uid < 0, jnp.sum(bears, dtype=jnp.int32)
    n_spare = jnp.maximum(jnp.sum(free, dtype=jnp.int32) - n_wanted, 0)
    rank, nth = jnp.maximum(running_count(free) - 1, 0), running_count(bears) - 1
    spread = materialized(n_spare / jnp.maximum(n_wanted, 1))
    skipped = jnp.minimum((nth * spread).astype(jnp.int32), n_spare)
    numbered = nth < LAST_UID - state.next_uid  # an id is never used twice, so they run out at last
    order = jnp.where(bears & numbered, nth + skipped, capacity)
    parents = put(order, jnp.arange(1, capacity + 1, dtype=jnp.int32), capacity)
    parent = materialized(jnp.where(free, parents[rank], 0) - 1)  # of whom a row is the child; -1: of nobody
    settles = parent >= 0

    def settle(column: Array, newborn: Array) -> Array:
        return jnp.where(settles.reshape(-1, *[1] * (column.ndim - 1)), newborn[jnp.maximum(parent, 0)], column)

    born = jax.tree.map(settle, population, child)
    born = eqx.tree_at(
        lambda p: (p.alive, p.uid, p.parent),
        born,
        (
            population.alive | settles,
            jnp.where(settles, state.next_uid + running_count(settles) - 1, population.uid),
            jnp.where(settles, parent, population.parent),
        ),
    )
    n_placed = jnp.sum(settles, dtype=jnp.int32)
    return eqx.tree_at(
        lambda s: (s.agents[role], s.next_uid, s.refused_births),
        state,
        (born, state.next_uid + n_placed, state.refused_births + n_wanted - n_placed),
    )
