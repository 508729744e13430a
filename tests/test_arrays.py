"""Running sums, places by lot, lots, and turns: right, and even-handed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chi2, chisquare

from aira_agents.arrays import (
    FEW,
    FEW_SHUFFLED,
    lots,
    places_by_lot,
    random_orders,
    running_count,
    running_sum,
    shuffled,
)
from aira_agents.turns import ONE_BY_ONE, TOGETHER, acting, first_turns, next_turns

KEYS = jax.random.split(jax.random.key(0), 6000)
# Each a program: of its single operations each would be compiled by itself, anew for every length.
shuffled_once = jax.jit(shuffled, static_argnums=1)
orders_drawn = jax.jit(random_orders, static_argnums=(1, 2))
given_by_lot, turned, on_turn = jax.jit(places_by_lot), jax.jit(next_turns), jax.jit(acting)
LIKELY = 1e-3  # a fair lot falls below this once in a thousand seeds; the seed is fixed


@pytest.mark.parametrize("n", [1, 16, 17, 1000])
def test_a_running_sum_is_that_of_numpy(n):
    values = np.random.default_rng(0).integers(-5, 9, n)
    assert np.array_equal(jax.jit(running_sum)(jnp.asarray(values, jnp.int32)), np.cumsum(values))


@pytest.mark.parametrize("n", [1, 31, 32, 33, 700])
def test_a_running_count_is_that_of_numpy(n):
    chosen = np.random.default_rng(n).random((2, n)) < 0.4
    assert np.array_equal(jax.jit(jax.vmap(running_count))(chosen), np.cumsum(chosen, axis=1))


@pytest.mark.parametrize("n", [2, 3, FEW_SHUFFLED, FEW_SHUFFLED + 1, FEW, FEW + 1, 5000])
def test_a_shuffle_holds_every_number_once(n):
    order = shuffled_once(jax.random.key(1), n)
    assert sorted(order.tolist()) == [*range(order.size)]
    assert n <= order.size < n + n**0.5 + 64


@pytest.mark.parametrize("n", [1, 5, 128, FEW, FEW + 1])
def test_random_orders_hold_every_number_once_and_differ(n):
    orders = orders_drawn(jax.random.key(2), 3, n)
    assert orders.shape == (3, n) and orders.dtype == jnp.int32
    assert np.array_equal(np.sort(orders, axis=1), np.broadcast_to(np.arange(n), (3, n)))
    assert n == 1 or not np.array_equal(orders[0], orders[1])


def test_all_orders_of_three_are_as_likely():
    orders = np.asarray(orders_drawn(jax.random.key(3), 6000, 3))
    _, counts = np.unique(orders, axis=0, return_counts=True)
    assert len(counts) == 6 and chisquare(counts).pvalue > LIKELY


def test_any_two_places_are_as_likely_as_any_others():
    free, wants = jnp.ones(7, bool), jnp.array([True, False, True])
    first, nobody, second = np.asarray(jax.jit(jax.vmap(lambda key: places_by_lot(key, free, wants)))(KEYS)).T
    assert set(nobody) == {-1} and not np.any(first == second)
    counts = np.zeros((7, 7))
    np.add.at(counts, (first, second), 1)
    assert chisquare(counts[~np.eye(7, dtype=bool)]).pvalue > LIKELY


@pytest.mark.parametrize("n", [5, 6, 9, FEW_SHUFFLED + 1, 160])
def test_few_places_are_in_any_order_as_often(n):
    draws = 100_000
    orders = np.asarray(jax.jit(jax.vmap(lambda key: shuffled(key, n)))(jax.random.split(jax.random.key(3), draws)))
    m = orders.shape[1]
    for first, second in ((0, 1), (0, m - 1), (m // 2, m // 2 + 1)):
        pairs = np.bincount(orders[:, first] * m + orders[:, second], minlength=m * m).reshape(m, m)
        expected = draws / (m * (m - 1))
        surprise = ((pairs[~np.eye(m, dtype=bool)] - expected) ** 2).sum() / expected
        assert surprise < chi2.ppf(0.9999, m * (m - 1) - 1)


def test_a_drawn_set_of_places_has_as_many_neighbours_as_chance_gives():
    # Of 6 places in a ring of 16, how many have the next one taken, too: 6 * 5 / 15 = 2 on average.
    def neighbours(key):
        places = places_by_lot(key, jnp.ones(16, bool), jnp.ones(6, bool))
        taken = jnp.zeros(16, bool).at[places].set(True)
        return jnp.sum(taken & jnp.roll(taken, 1))

    found = np.asarray(jax.jit(jax.vmap(neighbours))(KEYS))
    rng = np.random.default_rng(0)
    known = np.zeros(6000)
    for draw in range(6000):
        taken = np.isin(np.arange(16), rng.choice(16, 6, replace=False))
        known[draw] = np.sum(taken & np.roll(taken, 1))
    assert abs(found.mean() - 2) < 4 * known.std() / np.sqrt(6000)
    assert found.var() == pytest.approx(known.var(), rel=0.1)


def test_only_free_places_are_given_and_some_get_none():
    free = jnp.array([False, True, False, True, False])
    places = given_by_lot(jax.random.key(0), free, jnp.ones(4, bool)).tolist()
    assert sorted(places) == [-1, -1, 1, 3]


def test_lots_differ_and_everybody_wins_as_often():
    drawn = np.asarray(jax.jit(jax.vmap(lambda key: lots(key, 5)))(KEYS))
    assert all(len(set(row)) == 5 for row in drawn[:100].tolist()) and drawn.min() > 0
    assert chisquare(np.bincount(drawn.argmax(axis=1), minlength=5)).pvalue > LIKELY


def test_one_by_one_everybody_alive_has_one_turn_a_round_in_a_new_order():
    alive = jnp.array([True, True, False, True])
    turns, rounds = first_turns(ONE_BY_ONE, 4, jax.random.key(0)), []
    for step in range(24):
        (who,) = np.flatnonzero(on_turn(turns, alive))
        rounds.append(int(who))
        turns = turned(turns, alive, jax.random.key(step + 1))
    orders = [tuple(rounds[start : start + 3]) for start in range(0, 24, 3)]
    assert all(sorted(order) == [0, 1, 3] for order in orders)
    assert len(set(orders)) > 2


def test_together_all_alive_act_always():
    alive = jnp.array([True, False])
    turns = first_turns(TOGETHER, 2, jax.random.key(0))
    assert on_turn(turned(turns, alive, jax.random.key(1)), alive).tolist() == [True, False]
