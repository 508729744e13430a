"""Means that say how sure they are.

Source: bootstrap intervals: Efron 1987, "Better bootstrap confidence intervals"; the interquartile mean over seeds:
Agarwal et al. 2021, "Deep reinforcement learning at the edge of the statistical precipice", section 4.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from aira_agents.errors import InputError


class Interval(NamedTuple):
    """An estimate, and the interval that holds the truth with the confidence asked for."""

    estimate: float
    low: float  # not-a-number, like `high`, where there is one value (or group) only
    high: float
    count: int  # values it stands on

    def __str__(self) -> str:
        if math.isnan(self.low):
            return f"{self.estimate:.3g} (one value: no interval)"
        return f"{self.estimate:.3g} [{self.low:.3g}, {self.high:.3g}]"


def mean_interval(values: Sequence[float] | Any, *, confidence: float = 0.95, seed: int = 0) -> Interval:
    """Returns the mean of `values` with its bootstrap interval.

    Args:
        values: Independent values: returns of episodes or, better, one figure a seed.
        confidence: The share of such intervals that hold the truth, between 0 and 1.
        seed: For the resampling, so that the same values give the same interval.

    Raises:
        InputError: No value, or one that is not finite.
    """
    return _bootstrap((values,), np.mean, confidence, seed)


def interquartile_mean_interval(values: Sequence[float] | Any, *, confidence: float = 0.95, seed: int = 0) -> Interval:
    """Returns the mean of the middle half of `values` with its bootstrap interval; few outliers cannot move it."""
    return _bootstrap((values,), _interquartile_mean, confidence, seed)


def ratio_interval(sums: Any, counts: Any, *, confidence: float = 0.95, seed: int = 0) -> Interval:
    """Returns `sum(sums) / sum(counts)` with its bootstrap interval: a mean over members of groups.

    Whole groups are resampled, since members of one group (agents of one episode) are not independent.

    Args:
        sums: The sum over the members of each group.
        counts: The number of members of each group.
        confidence: As in `mean_interval`.
        seed: As in `mean_interval`.

    Raises:
        InputError: No group has a member, or a sum is not finite.
    """
    totals, members = np.asarray(sums, np.float64).reshape(-1), np.asarray(counts, np.float64).reshape(-1)
    totals, members = totals[members > 0], members[members > 0]
    interval = _bootstrap((totals, members), _ratio, confidence, seed)
    return interval._replace(count=int(members.sum()))


def _ratio(sums: Any, counts: Any, axis: int = -1) -> Any:
    return np.sum(sums, axis=axis) / np.sum(counts, axis=axis)


def _interquartile_mean(values: Any, axis: int = -1) -> Any:
    return stats.trim_mean(values, 0.25, axis=axis)


def _bootstrap(samples: Any, statistic: Callable[..., Any], confidence: float, seed: int) -> Interval:
    paired = tuple(np.asarray(sample, np.float64).reshape(-1) for sample in samples)
    size = paired[0].size
    if size == 0 or not all(np.all(np.isfinite(sample)) for sample in paired):
        raise InputError(f"An interval needs at least one value, all finite; got {paired[0].tolist()[:10]}.")
    if not 0 < confidence < 1:
        raise InputError(f"`confidence` must be between 0 and 1, such as 0.95; got {confidence}.")
    estimate = float(statistic(*paired, axis=-1))
    if size == 1:
        return Interval(estimate, math.nan, math.nan, 1)
    if all(np.ptp(sample) == 0 for sample in paired):  # every resample is the same
        return Interval(estimate, estimate, estimate, size)
    # Percentiles, since "BCa" is not defined for some resamples of few values.
    interval = stats.bootstrap(
        paired,
        statistic,
        confidence_level=confidence,
        n_resamples=2000,
        batch=200,  # resamples held at once, whatever the number of values
        method="percentile",
        paired=True,
        vectorized=True,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(estimate, float(interval.low), float(interval.high), size)
