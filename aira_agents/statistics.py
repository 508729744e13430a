"""Means that say how sure they are.

Source: bootstrap intervals: Efron 1987, "Better bootstrap confidence intervals"; those of few values are too narrow:
Hesterberg 2015, "What teachers should know about the bootstrap", section 3; the interquartile mean over seeds: Agarwal
et al. 2021, "Deep reinforcement learning at the edge of the statistical precipice", section 4.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from aira_agents.errors import InputError

RESAMPLES, AT_ONCE = 2000, 200  # AT_ONCE are held together, however many values there are


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


def normalized_interval(values: Any, top: Any, bottom: Any, *, confidence: float = 0.95, seed: int = 0) -> Interval:
    """Returns `(mean(values) - mean(bottom)) / (mean(top) - mean(bottom))` with its bootstrap interval.

    The three are paired, such as by seed, and resampled together. Where resamples have no `top` above `bottom`, the
    interval reaches infinity: the scale itself is uncertain.

    Raises:
        InputError: There is no value, or one is not finite.
    """
    paired = [np.asarray(sample, np.float64).reshape(-1) for sample in (values, top, bottom)]
    size = paired[0].size
    if size == 0 or not all(np.all(np.isfinite(sample)) for sample in paired):
        raise InputError(f"An interval needs at least one value, all finite; got {paired[0].tolist()[:10]}.")
    estimate = float(_normalized(*paired))
    if size == 1:
        return Interval(estimate, math.nan, math.nan, 1)
    draws = np.random.default_rng(seed).integers(size, size=(RESAMPLES, size))
    found = _normalized(*(sample[draws] for sample in paired))
    tail = (1 - confidence) / 2
    # Without interpolation: there is nothing between a number and infinity.
    bounds = np.quantile(found, tail, method="lower"), np.quantile(found, 1 - tail, method="higher")
    return Interval(estimate, *_of_few(bounds, estimate, size, confidence), size)


def _normalized(values: Any, top: Any, bottom: Any) -> Any:
    low = np.mean(bottom, axis=-1)
    scale = np.mean(top, axis=-1) - low
    return np.where(scale > 0, (np.mean(values, axis=-1) - low) / np.where(scale > 0, scale, 1.0), np.inf)


def _ratio(sums: Any, counts: Any, axis: int = -1) -> Any:
    return np.sum(sums, axis=axis) / np.sum(counts, axis=axis)


def _interquartile_mean(values: Any, axis: int = -1) -> Any:
    cut = values.shape[axis] // 4
    return np.mean(np.sort(values, axis=axis).take(range(cut, values.shape[axis] - cut), axis=axis), axis=axis)


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
    # Percentiles, since "BCa" is not defined for some resamples of few values. `scipy.stats.bootstrap` says the same,
    # but half a second later: so long takes its import, and whoever checks ten lines waits for it.
    rng, found = np.random.default_rng(seed), []
    for _ in range(RESAMPLES // AT_ONCE):
        drawn = rng.integers(size, size=(AT_ONCE, size))
        found.append(statistic(*(sample[drawn] for sample in paired), axis=-1))
    bounds = np.quantile(np.concatenate(found), [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(estimate, *_of_few(bounds, estimate, size, confidence), size)


def _of_few(bounds: Any, estimate: float, size: int, confidence: float) -> tuple[float, float]:
    """Moves percentiles away from the estimate as far as `size` values ask for: eight by 29 %, a hundred by 2 %.

    Resamples vary less than values do, by `(n - 1) / n`, and percentiles do not know that the deviation is a guess,
    which is why Student's t is wider than the normal distribution. Of eight normal values, they hold the mean 89 times
    of 100; so moved 95 times.
    """
    from scipy.special import ndtri, stdtrit  # noqa: PLC0415  who needs no interval does not wait for it

    if not math.isfinite(estimate):
        return float(bounds[0]), float(bounds[1])
    quantile = (1 + confidence) / 2
    wider = float(stdtrit(size - 1, quantile) / ndtri(quantile)) * math.sqrt(size / (size - 1))
    low, high = (estimate + wider * (float(bound) - estimate) for bound in bounds)
    return low, high
