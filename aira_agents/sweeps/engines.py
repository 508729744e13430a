"""The batches of a sweep as calls, for whatever engine makes them; the rows are the same.

Nothing here imports JAX, so that who only hands out work never starts it.
"""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from aira_agents.engines import Engine
from aira_agents.sweeps.spec import Outline, Spec


def outlined(engine: Engine, spec: Spec, at_once: int, skipping: frozenset[int]) -> Outline:
    """Cuts a sweep into batches, without the runs in `skipping`."""
    ((_, outline),) = engine.calls(_outline, [(spec, at_once, skipping)])
    return outline


def rows_of(engine: Engine, spec: Spec, at_once: int, batches: list[list[int]]) -> Iterator[pd.DataFrame]:
    """Yields the rows of each batch as it is done, in any order."""
    for _, rows in engine.calls(_execute, [(spec, at_once, runs) for runs in batches]):
        yield rows


def _worker() -> Any:
    from aira_agents.sweeps import worker  # noqa: PLC0415  imports JAX

    return worker


def _outline(spec: Spec, at_once: int, skipping: frozenset[int]) -> Outline:
    return _worker().outline(spec, at_once, skipping)


def _execute(spec: Spec, at_once: int, runs: list[int]) -> pd.DataFrame:
    return _worker().execute(spec, at_once, runs)
