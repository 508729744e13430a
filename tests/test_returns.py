"""What followed each step, against a loop in float64; and the ring in which it is remembered."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from aira_agents.learning.annealing import annealed, steps_done
from aira_agents.learning.replay import Replay
from aira_agents.learning.returns import n_step_returns, seen_after


def by_hand(rewards, terminated, truncated, discount, n):
    total, weight, last = (np.zeros(rewards.shape, kind) for kind in (np.float64, np.float64, np.int64))
    for start, row in np.ndindex(rewards.shape):
        factor = 1.0
        for step in range(start, min(start + n, len(rewards))):
            total[start, row] += factor * rewards[step, row]
            factor *= discount
            last[start, row] = step
            if terminated[step, row]:
                factor = 0.0
            if terminated[step, row] or truncated[step, row]:
                break
        weight[start, row] = factor
    return total, weight, last


@pytest.mark.parametrize("n", [1, 3, 40])
def test_n_step_returns_equal_a_float64_loop(n):
    rng = np.random.default_rng(n)
    rewards = rng.normal(size=(20, 50))
    terminated, truncated = rng.random((20, 50)) < 0.1, rng.random((20, 50)) < 0.1
    found = n_step_returns(jnp.asarray(rewards, jnp.float32), jnp.asarray(terminated), jnp.asarray(truncated), 0.9, n)
    total, weight, last = by_hand(rewards, terminated, truncated, 0.9, n)
    assert np.allclose(found[0], total, atol=1e-5) and np.allclose(found[1], weight, atol=1e-6)
    assert np.array_equal(found[2], last)
    swapped = by_hand(rewards, truncated, terminated, 0.9, n)
    assert not np.allclose(found[1], swapped[1], atol=1e-6)


def test_after_a_step_comes_the_next_one_or_the_last_look_at_a_world_whose_time_ran_out():
    seen, final = jnp.arange(3.0).reshape(3, 1, 1), jnp.full((3, 1, 1), 7.0)
    truncated = jnp.asarray([False, True, False]).reshape(3, 1, 1)
    assert seen_after(seen, jnp.full((1, 1), 9.0), final, truncated)[:, 0, 0].tolist() == [1.0, 7.0, 9.0]


def test_the_ring_keeps_the_newest_of_those_who_count():
    ring = Replay.empty((jnp.zeros((1, 2)),), 5)
    add = jax.jit(Replay.including)
    for first, kept in ((1, [True, False, True]), (4, [False, False, False]), (7, [True, True, True])):
        rows = np.repeat(np.arange(first, first + 3, dtype=np.float32)[:, None], 2, axis=1)
        ring = add(ring, (jnp.asarray(rows),), jnp.asarray(kept))
    told = [1.0, 3.0, 7.0, 8.0, 9.0]
    assert ring.packed[0][:, 0].tolist() == told and int(ring.count) == 5 and int(ring.next_row) == 0
    ring = add(ring, (jnp.full((3, 2), 4.0),), jnp.asarray([False, True, True]))
    assert ring.packed[0][:, 1].tolist() == [4.0, 4.0, 7.0, 8.0, 9.0] and int(ring.count) == 5


def test_only_rows_that_hold_something_are_drawn_and_all_of_them_alike():
    empty = Replay.empty((jnp.zeros((1, 2)),), 50)
    ring = jax.jit(Replay.including)(empty, (jnp.ones((20, 2)),), jnp.asarray(np.arange(20) % 2 == 0))
    draw = jax.jit(Replay.draw, static_argnums=2)
    drawn = np.bincount(np.asarray(draw(ring, jax.random.key(0), (10_000,))), minlength=50)
    assert np.all(drawn[:10] > 850) and not drawn[10:].any()
    assert np.asarray(ring.take(jnp.arange(10))[0]).all()


@pytest.mark.parametrize(("n_updates", "expected"), [(0, 1.0), (5, 0.55), (10, 0.1), (99, 0.1)])
def test_a_value_falls_in_a_straight_line_and_stays(n_updates, expected):
    n = jnp.asarray(n_updates, jnp.int32)
    value = jax.jit(lambda n_steps, n: annealed(1.0, 0.1, n_steps, n, 10))
    assert float(value(jnp.asarray(100.0), n)) == pytest.approx(expected)
    assert float(value(jnp.asarray(0.0), n)) == pytest.approx(0.1)


def test_steps_are_counted_beyond_what_whole_numbers_hold():
    # 128 steps an update: the next whole number of 32 bits would be minus two thousand million.
    assert float(steps_done(jnp.asarray(2**31 // 128, jnp.int32), 128)) == 2.0**31
    assert float(steps_done(jnp.asarray(3, jnp.int32), 2**40)) == 3 * 2.0**40
