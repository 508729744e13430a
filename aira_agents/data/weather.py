"""Hourly outdoor temperatures: a real year that comes with a package, or anybody's own file."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from aira_agents.errors import InputError

TIME, TEMPERATURE = "time", "temperature_c"
COLDEST_C, HOTTEST_C = -90.0, 60.0  # beyond the coldest and the hottest ever measured near the ground
HOUR = pd.Timedelta(hours=1)


def seattle_temperatures() -> np.ndarray:
    """Returns the hourly temperatures of Seattle in 2010 in degrees Celsius, float32 `[8760]`.

    Source: the data set `seattle-temps` of the package `vega_datasets` (NOAA's hourly normals), in Fahrenheit. An hour
    that it lacks, that of the change to summer time, is given the mean of its neighbours.
    """
    # Here, since reading it takes a moment that no other world should pay.
    from vega_datasets import local_data  # noqa: PLC0415

    table: Any = local_data.seattle_temps()
    fahrenheit = table.set_index("date")["temp"]
    every_hour = pd.date_range(fahrenheit.index[0], fahrenheit.index[-1], freq=HOUR)
    filled = fahrenheit[~fahrenheit.index.duplicated()].reindex(every_hour).interpolate()
    return ((filled.to_numpy() - 32.0) / 1.8).astype(np.float32)


def read_weather(path: Path) -> np.ndarray:
    """Reads a CSV file with the columns `time` (one row an hour) and `temperature_c`.

    Args:
        path: The file; other columns are ignored.

    Returns:
        Degrees Celsius, float32 `[hours]`.

    Raises:
        InputError: It cannot be read, lacks a column, has fewer than two rows, a time or a number that is none, times
            that are not one hour apart, or degrees that no weather has.
    """
    try:
        table: Any = pd.read_csv(path)  # pandas' own types are too many to reason about
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path} cannot be read as a CSV file of weather: {reason}.") from error
    for column in (TIME, TEMPERATURE):
        if column not in table:
            there = ", ".join(map(str, table.columns))
            raise InputError(f"{path} needs the columns `{TIME}` and `{TEMPERATURE}`; it has {there}.")
    if len(table) < 2:
        raise InputError(f"{path} must hold at least two hours; got {len(table)} row(s).")
    _check_times(path, table[TIME])
    return _degrees(path, table)


def _check_times(path: Path, written: Any) -> None:
    times: Any = pd.to_datetime(written.astype(str), errors="coerce", utc=True, format="ISO8601")
    if times.isna().any():
        row = int(times.isna().to_numpy().argmax())
        raise InputError(f"{path}, line {row + 2}: '{written.iloc[row]}' is no time. Write times as 2024-01-31 14:00.")
    steps = times.diff().iloc[1:]
    wrong = (steps != HOUR).to_numpy()
    if wrong.any():
        row = int(wrong.argmax()) + 1
        before, after, step = written.iloc[row - 1], written.iloc[row], steps.iloc[row - 1]
        if step < pd.Timedelta(0):
            raise InputError(f"{path}, line {row + 2}: {after} comes after {before}. Sort the rows by time.")
        kind = "a gap" if step > HOUR else "not a step of an hour"
        raise InputError(
            f"{path}, line {row + 2}: one row an hour is expected; from {before} to {after} is {kind}. "
            f"Fill it or average it, for instance with pandas: `table.resample('1h').mean().interpolate()`."
        )


def _degrees(path: Path, table: Any) -> np.ndarray:
    degrees = np.asarray(pd.to_numeric(table[TEMPERATURE].astype(str), errors="coerce"), np.float64)
    wrong = ~((degrees >= COLDEST_C) & (degrees <= HOTTEST_C))  # not-a-number is neither
    if wrong.any():
        row = int(wrong.argmax())
        written = table[TEMPERATURE].iloc[row]
        hint = " Are these degrees Fahrenheit?" if degrees[row] > HOTTEST_C else ""
        raise InputError(
            f"{path}, line {row + 2}: `{TEMPERATURE}` must be a number in {COLDEST_C:g}..{HOTTEST_C:g}; "
            f"got {written}.{hint}"
        )
    return degrees.astype(np.float32)
