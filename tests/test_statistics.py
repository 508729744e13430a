"""Intervals hold the truth as often as they say, and stand still for the same values."""

import functools

import numpy as np
import pytest
from scipy import stats

from aira_agents.errors import InputError
from aira_agents.statistics import interquartile_mean_interval, mean_interval


def test_an_interval_of_a_mean_holds_the_truth_about_as_often_as_it_says():
    samples = np.random.default_rng(0).normal(3.0, 1.0, (60, 30))
    held = [low <= 3.0 <= high for _, low, high, _ in map(mean_interval, samples)]
    assert 0.85 <= np.mean(held) <= 1.0


@pytest.mark.parametrize("size", [3, 5, 8, 16])
def test_intervals_of_few_values_hold_the_truth_as_often_as_they_say(size):
    samples = np.random.default_rng(size).normal(3.0, 1.0, (1000, size))
    held = [low <= 3.0 <= high for _, low, high, _ in map(mean_interval, samples)]
    assert 0.92 <= np.mean(held) <= 0.97


def test_an_interval_of_a_mean_is_as_wide_as_theory_says():
    values = np.random.default_rng(1).normal(0.0, 2.0, 400)
    interval = mean_interval(values)
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)
    assert interval.estimate == pytest.approx(values.mean())


def test_an_outlier_moves_the_mean_and_not_the_interquartile_mean():
    values = [*range(1, 9), 1000]
    assert mean_interval(values).estimate > 100
    assert interquartile_mean_interval([1, 2, 3, 4, 5, 6, 7, 1000]).estimate == pytest.approx(4.5)


@pytest.mark.parametrize("size", [2, 5, 24])
def test_an_interval_is_scipys_but_for_what_few_values_ask(size):
    values = np.random.default_rng(size).normal(3.0, 1.0, size)
    trimmed = functools.partial(stats.trim_mean, proportiontocut=0.25)
    for ours, statistic in ((mean_interval, np.mean), (interquartile_mean_interval, trimmed)):
        theirs = stats.bootstrap(
            (values,), statistic, n_resamples=2000, batch=200, method="percentile", rng=np.random.default_rng(4)
        ).confidence_interval
        estimate, low, high, _ = ours(values, seed=4)
        wider = stats.t.ppf(0.975, size - 1) / stats.norm.ppf(0.975) * np.sqrt(size / (size - 1))
        assert (low, high) == pytest.approx([estimate + wider * (bound - estimate) for bound in theirs], rel=1e-9)
        assert ours(values).estimate == pytest.approx(statistic(values), rel=1e-12)


def test_the_same_values_give_the_same_interval():
    assert mean_interval([1.0, 2.0, 4.0]) == mean_interval([1.0, 2.0, 4.0])


def test_one_value_has_no_interval_and_equal_values_a_point():
    assert np.isnan(mean_interval([2.0]).low)
    assert mean_interval([2.0, 2.0])[:3] == (2.0, 2.0, 2.0)


@pytest.mark.parametrize("values", [[], [1.0, float("nan")]])
def test_no_values_or_blown_up_ones_are_refused(values):
    with pytest.raises(InputError, match="at least one value, all finite"):
        mean_interval(values)
