"""What each term is worth: Shapley values over the eight cells, and the whole sum against every other cell.

The Shapley value of a term is what it adds to the cells without it, averaged over all orders in which the terms can
come together. The values add up to what all terms earn minus what none earns (local accuracy).

Source: Shapley 1953, "A value for n-person games", eq. 13; correction for many comparisons: Holm 1979, "A simple
sequentially rejective multiple test procedure".
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from aira_agents.errors import InputError
from aira_agents.statistics import Interval, mean_interval

TERMS = ("ML", "TD", "HITL")


def cell_name(terms: Sequence[str]) -> str:
    """Returns the name of a combination of terms, in the order of the equation: `ML+HITL`; `none` for no term."""
    return "+".join(term for term in TERMS if term in terms) or "none"


CELLS = tuple(cell_name(terms) for n in range(4) for terms in itertools.combinations(TERMS, n))
ALL = CELLS[-1]


def shapley(scores: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns the Shapley value of each term for each seed, from the scores `[seeds]` of all cells.

    Raises:
        InputError: A cell is missing.
    """
    missing = [name for name in CELLS if name not in scores]
    if missing:
        raise InputError(f"Shapley values need all eight cells; there is no {', '.join(missing)}.")
    orders = list(itertools.permutations(TERMS))
    values = {}
    for term in TERMS:
        gains = []
        for order in orders:
            before = order[: order.index(term)]
            gains.append(np.asarray(scores[cell_name((*before, term))]) - np.asarray(scores[cell_name(before)]))
        values[term] = np.mean(gains, axis=0)
    return values


class Difference(NamedTuple):
    """All terms minus one other cell, paired by seed."""

    cell: str
    difference: Interval
    p: float  # of a paired t-test, two-sided, corrected by Holm; not-a-number where all differences are equal

    @property
    def clear(self) -> bool:
        """Whether it is told from zero at the 5 % level, all seven taken together."""
        return self.p < 0.05


def differences(scores: Mapping[str, np.ndarray]) -> list[Difference]:
    """Returns what all terms earn more than each other cell, from the scores `[seeds]` of all cells."""
    others = [name for name in CELLS if name != ALL]
    apart = {name: np.asarray(scores[ALL]) - np.asarray(scores[name]) for name in others}
    single = [_p_value(own) for own in apart.values()]
    corrected = holm(single)
    return [Difference(name, mean_interval(apart[name]), p) for name, p in zip(others, corrected, strict=True)]


def _p_value(apart: np.ndarray) -> float:
    if len(apart) < 2 or np.ptp(apart) == 0:
        return np.nan
    from scipy import stats  # noqa: PLC0415  takes longer to import than all else here, and the page needs none of it

    found: Any = stats.ttest_1samp(apart, 0.0)  # SciPy's own type does not know its fields
    return float(found.pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Returns p-values corrected for being many, in the order given; what is not-a-number stays so and counts too."""
    p = np.asarray(p_values, np.float64)
    order = np.argsort(p)  # not-a-number last
    raised = p[order] * (len(p) - np.arange(len(p)))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(np.maximum.accumulate(raised), 1.0)
    return corrected.tolist()
