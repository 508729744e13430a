"""A simulated teacher has the faults it is given, and no others."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from aira_agents.errors import InputError
from aira_agents.human.signals import Moments
from aira_agents.human.teacher import Teacher

SHAPE = (50, 4, 10)
RIGHT = jnp.zeros(SHAPE, bool).at[:25].set(True)
PERFECT = {"rate": 1.0, "mistakes": 0.0, "low_s": 0.0, "high_s": 0.0}


def judged(right=RIGHT, active=None, competence=0.0, n_given=0.0, **values):
    whole = jnp.zeros(SHAPE, jnp.int32)
    active = jnp.ones(SHAPE, bool) if active is None else active
    moments = Moments(jnp.zeros((*SHAPE, 1)), {}, {}, active, whole, whole)
    teacher = Teacher(**PERFECT | values)
    return teacher.judge(
        moments, right, jnp.asarray(competence), jnp.asarray(n_given), jnp.asarray(0.2), jax.random.key(0)
    )


def share(signals, value):
    return float(np.mean(np.asarray(signals.value)[np.asarray(signals.given)] == value))


def test_a_perfect_teacher_judges_every_step_at_once():
    signals = judged()
    assert bool(signals.given.all())
    np.testing.assert_array_equal(signals.value.reshape(SHAPE), np.where(RIGHT, 1.0, -1.0))
    np.testing.assert_allclose(signals.time_s.reshape(SHAPE)[:, 0, 0], np.arange(50) * 0.2, rtol=1e-5)


def test_rate_mistakes_and_leniency_are_what_they_say():
    assert float(judged(rate=0.3).given.mean()) == pytest.approx(0.3, abs=0.05)
    assert share(judged(mistakes=0.2, right=jnp.ones(SHAPE, bool)), -1.0) == pytest.approx(0.2, abs=0.05)
    lenient = judged(leniency=1.0)
    assert share(lenient, 1.0) == 1.0 and float(lenient.given.mean()) == pytest.approx(0.5)


def test_signals_come_as_late_as_they_may():
    delay_s = judged(low_s=0.2, high_s=0.8).time_s.reshape(SHAPE) - jnp.arange(50)[:, None, None] * 0.2
    assert 0.2 <= float(delay_s.min()) < 0.23 and 0.77 < float(delay_s.max()) <= 0.8 + 1e-5


def test_the_dead_are_not_judged():
    assert not bool(judged(active=jnp.zeros(SHAPE, bool)).given.any())


def test_a_budget_is_never_exceeded_and_the_first_come_first():
    signals = judged(budget=100, n_given=40.0)
    assert int(signals.given.sum()) == 60
    assert bool(signals.given[:60].all())
    assert int(judged(budget=100, n_given=100.0).given.sum()) == 0


def test_the_tired_give_half_as_many():
    assert float(judged(fatigue=500, n_given=500.0).given.mean()) == pytest.approx(0.5, abs=0.05)


def test_improvement_is_praised_only_as_far_as_it_is_news():
    signals = judged(standard="improvement", competence=0.75)
    values = set(np.asarray(signals.value).round(3).tolist())
    assert values == {0.25, -0.75}


def test_nonsense_is_refused():
    with pytest.raises(InputError, match="may not exceed"):
        Teacher(low_s=0.9, high_s=0.1)
    with pytest.raises(InputError, match="`mistakes` must be"):
        Teacher(mistakes=1.5)
