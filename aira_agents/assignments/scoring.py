"""Points for what was earned, beside baselines on the same seeds; noise is never held against a student.

A test's way leads from `floor` to `goal` in equal steps. A step counts as reached unless the submission is below it for
certain: unless the whole interval of the mean difference, seed by seed, lies below. Whoever ties, reaches it.

Source: paired comparison on common random numbers: Law 2015, "Simulation modeling and analysis", section 11.2.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from aira_agents.assignments.spec import Test
from aira_agents.errors import InputError
from aira_agents.statistics import Interval, mean_interval

FLAT = 1e-9  # a difference that is none


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of one test."""

    name: str
    points: int
    most: int
    expected: str
    came: str
    hint: str
    seeds: str  # public or hidden


def judged(test: Test, means: np.ndarray, baselines: Mapping[str, np.ndarray], measure: str) -> Outcome:
    """Returns the points of a submission that acted to the end.

    Args:
        test: What is asked.
        means: The mean return of a life in each world, `[seeds]`.
        baselines: The same of each baseline, by its name in the test.
        measure: What a return is, in words.

    Raises:
        InputError: As `way_of` does.
    """
    own, way = mean_interval(means), way_of(test, baselines)
    if way is None:
        return _outcome(test, test.points, "acts to the end of every world", f"it does; {own} {measure}")
    floor, goal = (np.broadcast_to(one, means.shape) for one in way)
    way = goal - floor
    reached = 0
    for step in range(1, test.steps + 1):
        if not _is_below(means - (floor + way * step / test.steps)):
            reached = step
    points = test.points * reached // test.steps
    expected = f"{test.goal}: {goal.mean():.3g} {measure}"
    expected += f" ({test.floor}: {floor.mean():.3g})" if test.steps > 1 else ""
    share = (means.mean() - floor.mean()) / way.mean()
    return _outcome(test, points, expected, f"{own}, {share:.0%} of the way from {test.floor} to {test.goal}")


def way_of(test: Test, baselines: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray] | None:
    """Returns what floor and goal of a test earn, `[seeds]` or one number; `None`: it has none.

    Raises:
        InputError: The goal is no better than the floor on these seeds: no way leads from one to the other.
    """
    if test.goal is None or test.floor is None:
        return None
    floor, goal = (baselines[str(name)] for name in (test.floor, test.goal))
    if goal.mean() <= floor.mean():
        raise InputError(
            f"The test {test.name!r} leads nowhere: on the {test.seeds} seeds, `goal` {test.goal} earns "
            f"{goal.mean():.3g}, and `floor` {test.floor} {floor.mean():.3g}."
        )
    return floor, goal


def lost(test: Test, told: str, hint: str) -> Outcome:
    """Returns no points, why, and what to try: the test's own hint is for those who act to the end."""
    return dataclasses.replace(_outcome(test, 0, "acts to the end of every world", told), hint=hint)


def _outcome(test: Test, points: int, expected: str, came: str) -> Outcome:
    return Outcome(
        test.name, points, test.points, expected, came, test.hint if points < test.points else "", test.seeds
    )


def _is_below(differences: np.ndarray) -> bool:
    """Says whether the mean of `differences` (`[seeds]`) is below zero for certain."""
    interval: Interval = mean_interval(differences)
    high = interval.estimate if np.isnan(interval.high) else interval.high
    return high < -FLAT * max(1.0, float(np.abs(differences).max()))
