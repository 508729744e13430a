import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from aira_agents.errors import InputError
from aira_agents.populations import (
    LAST_UID,
    Population,
    State,
    clocks,
    founders,
    give_birth,
    release_dead,
    with_columns,
)
from aira_agents.types import Array, Int


class Animals(Population):
    energy: Int[Array, " capacity"]


def meadow(capacity=6, count=3):
    animals = Animals(**founders(capacity, count), energy=jnp.arange(capacity, dtype=jnp.int32))
    return State(agents={"animal": animals}, **clocks(count + 1))


def bear(state, rows):
    animals = state.agents["animal"]
    bears = jnp.zeros(animals.capacity, bool).at[jnp.array(rows, jnp.int32)].set(True) & animals.alive
    child = eqx.tree_at(lambda a: a.energy, animals, animals.energy + 100)
    return jax.jit(give_birth, static_argnums=1)(state, "animal", bears, child)


def column(state, name):
    return np.asarray(getattr(state.agents["animal"], name)).tolist()


def test_founders_live_in_the_first_rows_under_ids_from_one():
    state = meadow()
    assert column(state, "alive") == [True, True, True, False, False, False]
    assert column(state, "uid") == [1, 2, 3, -1, -1, -1]


def test_a_child_takes_a_free_row_under_a_new_uid_and_knows_its_parent():
    state = bear(meadow(), [0, 2])
    assert column(state, "uid") == [1, 2, 3, 4, 5, -1]
    assert column(state, "parent") == [-1, -1, -1, 0, 2, -1]
    assert column(state, "energy")[3:5] == [100, 102]
    assert int(state.next_uid) == 6 and int(state.refused_births) == 0


def test_children_are_spread_over_the_free_rows_in_the_order_of_their_parents():
    state = meadow(capacity=12, count=4)
    state = bear(state, [1, 3])
    assert column(state, "parent") == [-1] * 4 + [1, -1, -1, -1, 3, -1, -1, -1]
    assert column(state, "uid") == [1, 2, 3, 4, 5, -1, -1, -1, 6, -1, -1, -1]


def test_founders_may_leave_room_between_them():
    animals = founders(7, 3, 5, every=2)
    assert animals["uid"].tolist() == [5, -1, 6, -1, 7, -1, -1]
    assert animals["alive"].tolist() == (animals["uid"] > 0).tolist()


def test_births_without_room_are_counted_and_change_nobody():
    state = bear(bear(meadow(), [0, 1, 2]), [0, 1])
    assert column(state, "uid") == [1, 2, 3, 4, 5, 6]
    assert int(state.refused_births) == 2 and int(state.next_uid) == 7


def test_some_are_born_when_there_is_room_for_some():
    state = bear(meadow(capacity=4), [0, 1, 2])
    assert column(state, "uid") == [1, 2, 3, 4] and int(state.refused_births) == 2


def test_the_row_of_the_dead_is_free_only_after_the_next_step_begins():
    state = meadow(capacity=3)
    dead = with_columns(state, "animal", alive=jnp.array([True, False, True]))
    refused = bear(dead, [0])
    assert column(refused, "uid") == [1, 2, 3] and int(refused.refused_births) == 1
    reused = bear(release_dead(dead), [0])
    assert column(reused, "uid") == [1, 4, 3] and column(reused, "alive") == [True] * 3


def test_columns_of_other_roles_and_rows_are_left_alone():
    state = with_columns(meadow(), "animal", energy=jnp.full(6, 9, jnp.int32))
    assert column(state, "energy") == [9] * 6 and column(state, "uid") == [1, 2, 3, -1, -1, -1]


def test_a_capacity_below_one_is_refused():
    with pytest.raises(InputError, match="capacity of at least 1; got -2"):
        founders(-2)


def test_ids_that_run_out_are_not_used_again():
    state = eqx.tree_at(lambda s: s.next_uid, meadow(capacity=8), jnp.asarray(LAST_UID - 1, jnp.int32))
    after = bear(state, [0, 1, 2])
    assert sorted(uid for uid in column(after, "uid") if uid >= 0) == [1, 2, 3, LAST_UID - 1]
    assert int(after.refused_births) == 2 and int(after.next_uid) == LAST_UID
