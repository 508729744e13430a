"""A signal belongs to the steps that a person can have meant, by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from aira_agents.errors import InputError
from aira_agents.human.credit import CreditWindow, steps_back, traced
from aira_agents.human.signals import Moments, Signals, lessons

STEP_S = jnp.asarray(0.2)
credit_of, trace = jax.jit(CreditWindow.credit), jax.jit(traced)
told = jax.jit(lessons, static_argnums=(1, 5))


def test_credit_is_the_chance_that_the_delay_fell_into_the_step():
    window = CreditWindow(low_s=0.2, high_s=0.8)
    age_s = jnp.asarray([0.1, 0.3, 0.5, 0.8, 0.9, 1.1, -0.5])
    third, credit = 1 / 3, credit_of(window, age_s, STEP_S)
    np.testing.assert_allclose(credit, [0, third / 2, third, third, third / 2, 0, 0], atol=1e-6)


@pytest.mark.parametrize("time_s", [2.0, 2.05, 2.19])
def test_a_signal_is_spent_once(time_s):
    age_s = jnp.asarray(time_s - 0.2 * np.arange(11), jnp.float32)
    assert float(np.sum(credit_of(CreditWindow(), age_s, STEP_S))) == pytest.approx(1.0, abs=1e-5)


def test_without_a_window_all_goes_to_the_step_that_is_shown():
    credit = credit_of(CreditWindow(low_s=0, high_s=0), jnp.asarray([-0.01, 0.0, 0.19, 0.21]), STEP_S)
    np.testing.assert_allclose(credit, [0, 1, 1, 0])


def test_a_trace_lets_credit_trail_off_into_the_past():
    np.testing.assert_allclose(trace(jnp.asarray([[0.0, 1.0, 0.0, 0.0]]), 0.5), [[0, 1, 0.5, 0.25]])
    np.testing.assert_allclose(trace(jnp.asarray([[0.2, 0.8]]), 0.0), [[0.2, 0.8]])


def test_a_trace_ends_where_a_life_or_what_is_remembered_does():
    at_once = CreditWindow(low_s=0, high_s=0)
    assert credited(four_steps(), 0.3, window=at_once, trace_decay=0.5) == {3: 1.0, 2: 0.5, 1: 0.25, 0: 0.125}
    assert credited(four_steps(life=(0, 0, 1, 1)), 0.3, life=1, window=at_once, trace_decay=0.5) == {3: 1.0, 2: 0.5}
    late = jnp.zeros(1, jnp.int32)
    signal = Signals(jnp.asarray([-0.3]), late, late, late, jnp.ones(1), jnp.ones(1, bool))
    found = told(four_steps(), 2, signal, at_once, STEP_S, 4, 0.5)  # about the first of all
    np.testing.assert_allclose(found.credit, [[1, 0, 0, 0]])


def test_a_delay_beyond_what_is_remembered_is_refused():
    assert steps_back(0.8, 0.2, 8) == 6
    with pytest.raises(InputError, match="reaches back over 12 steps"):
        steps_back(2.0, 0.2, 8)


def four_steps(life=(0, 0, 0, 0), active=(True, True, True, True)):
    """Two of the window before and two of this one, of a single agent; step `i` shows the number `i`."""

    def column(values, dtype):
        return jnp.asarray(np.asarray(values, dtype)[:, None, None])

    number = column([0, 1, 2, 3], np.int32)
    return Moments(
        jnp.asarray(np.arange(4, dtype=np.float32).reshape(4, 1, 1, 1)),
        {},
        {"choose": number},
        column(active, bool),
        column(life, np.int32),
        column([1, 2, 3, 4], np.int32),
    )


def credited(moments, time_s, life=0, window=None, trace_decay=None):
    zero = jnp.zeros(1, jnp.int32)
    signal = Signals(jnp.asarray([time_s]), zero, zero, zero + life, jnp.ones(1), jnp.ones(1, bool))
    found = told(moments, 2, signal, window or CreditWindow(low_s=0.2, high_s=0.4), STEP_S, 4, trace_decay)
    return {int(a): round(float(c), 3) for a, c in zip(found.actions["choose"][0], found.credit[0], strict=True) if c}


def test_a_signal_is_about_steps_of_this_window_and_of_the_one_before():
    assert credited(four_steps(), 0.3) == {1: 0.5, 2: 0.5}
    assert credited(four_steps(), 0.1, window=CreditWindow(low_s=0, high_s=0)) == {2: 1.0}


def test_who_was_in_the_row_before_or_is_dead_gets_nothing_of_it():
    assert credited(four_steps(life=(0, 0, 1, 1)), 0.3, life=1) == {2: 0.5}
    assert credited(four_steps(active=(True, True, False, False)), 0.3) == {1: 0.5}
    assert credited(four_steps(), 0.3, life=7) == {}


def test_what_is_no_longer_remembered_is_nobodys():
    assert credited(four_steps(), -0.15) == {0: 0.25}
    assert credited(four_steps(), -0.35) == {}
    assert credited(four_steps(), -9.0) == {}
