"""What came of a sweep, setting by setting: means over seeds with their intervals."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from aira_agents.errors import InputError, unknown_name
from aira_agents.statistics import mean_interval
from aira_agents.sweeps.spec import Spec

NOT_MEASURED = ("run", "seed", "step", "error")


def measures_in(table: pd.DataFrame, spec: Spec) -> list[str]:
    """Returns the names of what was measured, the world's own first."""
    return [name for name in table if name not in (*NOT_MEASURED, *spec.varied)]


def summed_up(table: pd.DataFrame, by: Sequence[str], measure: str) -> pd.DataFrame:
    """Returns for each setting the mean of a measure at the end of its runs.

    Args:
        table: Rows of a sweep.
        by: Parameters that make a setting; seeds and all other parameters are pooled.
        measure: The name of a column.

    Returns:
        The columns of `by`, `mean`, `low` and `high` (95 % bootstrap interval; not-a-number for one run), `runs`.

    Raises:
        InputError: There is no such measure, or no run has a number for it.
    """
    if measure not in table:
        raise unknown_name("measure", measure, [name for name in table if name not in NOT_MEASURED])
    ends: Any = table[table["error"] == ""].groupby("run").tail(1)
    ends = ends.dropna(subset=[measure])
    if ends.empty:
        raise InputError(f"No run has a number for {measure!r}.")
    rows = []
    for setting, own in ends.groupby(list(by), sort=False) if by else [((), ends)]:
        interval = mean_interval(own[measure].to_numpy())
        rows.append((*setting, interval.estimate, interval.low, interval.high, interval.count))
    return pd.DataFrame(rows, columns=[*by, "mean", "low", "high", "runs"])
