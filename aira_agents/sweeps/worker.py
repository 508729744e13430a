"""What a process that runs batches remembers between them: the programs of the sweep it is busy with."""

import pandas as pd

from aira_agents.sweeps.runner import Runner
from aira_agents.sweeps.spec import Outline, Spec

_busy: dict[tuple[str, int], Runner] = {}


def outline(spec: Spec, at_once: int, skipping: frozenset[int]) -> Outline:
    """Cuts a sweep into batches; see `Runner.outline`."""
    return _runner(spec, at_once).outline(skipping)


def execute(spec: Spec, at_once: int, runs: list[int]) -> pd.DataFrame:
    """Returns the rows of some runs; see `Runner.execute`."""
    return _runner(spec, at_once).execute(runs)


def _runner(spec: Spec, at_once: int) -> Runner:
    which = (spec.identity, at_once)
    if which not in _busy:
        _busy.clear()
        _busy[which] = Runner(spec, at_once)
    return _busy[which]
