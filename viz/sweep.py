"""What came of a sweep, as a picture: a measure against one parameter, a line for each value of another."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from aira_agents.results import unwritable
from aira_agents.sweeps.spec import Spec
from aira_agents.sweeps.summary import summed_up

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#F0E442")
MARKERS = "osD^vP*X"


def draw_sweep(table: pd.DataFrame, spec: Spec, measure: str, out: Path) -> Path:
    """Draws the mean over seeds with its 95 % interval; parameters beyond two are pooled. Returns the path."""
    x, lines = axes_of(spec)
    by = [name for name in (x, lines) if name]
    summary: Any = summed_up(table, by, measure)
    values = [None] if lines is None else list(dict.fromkeys(spec.varied[lines]))[: len(COLOURS)]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in spec.varied[x])
    places = {value: value if numbers else index for index, value in enumerate(spec.varied[x])}
    figure = Figure(figsize=(6.4, 4), layout="constrained")
    ax = figure.add_subplot()
    for index, value in enumerate(values):
        own: Any = summary if lines is None else summary[summary[lines] == value]
        at, mean = [places[setting] for setting in own[x]], own["mean"].to_numpy()
        reach = np.nan_to_num(np.abs(own[["low", "high"]].to_numpy().T - mean))
        label = None if lines is None else f"{lines} {value}"
        style = f"{MARKERS[index]}-" if numbers else MARKERS[index]
        ax.errorbar(at, mean, reach, fmt=style, color=COLOURS[index], capsize=2, markersize=4, label=label)
    if not numbers:
        ax.set_xticks(list(places.values()), [str(value) for value in places])
    ax.set(xlabel=x.replace("_", " "), ylabel=measure.replace("_", " "))
    runs = f"{int(summary['runs'].min())}" if summary["runs"].nunique() == 1 else "several"
    ax.set_title(f"mean and 95 % interval over {runs} runs each", fontsize=10)
    ax.spines[["top", "right"]].set_visible(False)
    if lines is not None:
        ax.legend(frameon=False, fontsize=8)
    try:
        figure.savefig(out, dpi=150)
    except OSError as error:
        raise unwritable(out, error) from error
    return out


def axes_of(spec: Spec) -> tuple[str, str | None]:
    """Returns the parameter along the picture, the one of most values, and the one that its lines are for."""
    several = sorted((n for n, v in spec.varied.items() if len(v) > 1), key=lambda n: -len(spec.varied[n]))
    return several[0], next((name for name in several[1:] if len(spec.varied[name]) <= len(COLOURS)), None)
