"""A sweep from Python, asked for as Mesa's `batch_run` is, and run as few compiled programs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from aira_agents.engines import Engine, Local
from aira_agents.errors import InputError
from aira_agents.sweeps.engines import outlined, rows_of
from aira_agents.sweeps.spec import Spec
from aira_agents.sweeps.table import marked


def sweep(
    model_cls: type[Any],
    parameters: Mapping[str, Any],
    *,
    rng: int | Iterable[int] | None = None,
    iterations: int = 1,
    data_collection_period: int = -1,
    max_steps: int = 1000,
    number_processes: int | None = None,
    display_progress: bool = False,
    policy: Any = None,
    keep: Sequence[str] = (),
    engine: Engine | None = None,
) -> pd.DataFrame:
    """Runs a world at all combinations of parameters, with all seeds; takes what `mesa.batch_run` takes.

    What is collected is the world's own (`Environment.measures`) and the means of all columns; reporters of a Mesa
    model are Python functions, and no part of a compiled program. Row for row, a run is what
    `model_cls(rng=seed, **parameters)` does.

    Args:
        model_cls: A hosted model such as `ForagingModel`, or an `Environment` class.
        parameters: Name to value, or to several; `policy` may be among them, one for all.
        rng: The seeds, or one.
        iterations: Seeds 0, 1, ... where `rng` is not given.
        data_collection_period: A row every so many steps; -1: one at the end.
        max_steps: Steps of each run; one that ends before stands still.
        number_processes: Taken for Mesa's sake; one process uses all of the machine. `engine` takes several.
        display_progress: Taken for Mesa's sake.
        policy: A policy or a rule, for all roles or by role, or a name as `aira evaluate` takes it; `None`: who
            usually acts there.
        keep: Names of what to measure, where not all is wanted: what is left out costs nothing.
        engine: Who runs it; this process, unless told otherwise.

    Returns:
        A row for each run and collected step: `run`, the parameters, `seed`, `step`, what was measured, `error`.

    Raises:
        InputError: A parameter is unknown, or a range makes no sense.
    """
    del number_processes, display_progress
    several = {name: _several(value) for name, value in parameters.items()}
    policies = several.pop("policy", (policy,))
    if len(policies) != 1:
        raise InputError("A sweep takes one policy; call `sweep` once for each and join the tables.")
    spec = Spec(
        getattr(model_cls, "environment_class", model_cls),
        several,
        tuple(range(iterations)) if rng is None else _several(rng),
        max_steps,
        every=max(data_collection_period, 0),
        policy=policies[0],
        keep=tuple(keep),
    )
    engine = engine or Local()
    outline = outlined(engine, spec, 0, frozenset())
    rows = [*rows_of(engine, spec, 0, outline.batches), *([marked(spec, outline.faults)] if outline.faults else [])]
    return pd.concat(rows).sort_values(["run", "step"], ignore_index=True)


def _several(value: Any) -> tuple[Any, ...]:
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        return (value,)
    return tuple(v.item() if isinstance(v, np.generic) else v for v in value)
