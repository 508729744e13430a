"""Learning curves: what a training run measured, as a picture."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from aira_agents.errors import InputError
from aira_agents.learning.metrics import FIXED, read_rows
from aira_agents.results import unwritable

PANELS = (
    ("reward", "reward per agent and step"),
    ("return", "return per episode"),
)
WINDOW = 50  # a smooth line averages over one part in so many of the run


def draw_metrics(metrics_csv: Path, out: Path) -> Path:
    """Draws reward and return over environment steps; returns `out`.

    Args:
        metrics_csv: The `metrics.csv` of a training run.
        out: The picture to write; its suffix says the format (png, svg, pdf).

    Raises:
        InputError: A file cannot be read or written, or there is nothing in it to draw.
        CorruptFileError: It is not a table of metrics.
    """
    columns, rows = read_rows(metrics_csv)
    if not rows:
        raise InputError(f"{metrics_csv} has no rows yet: there is nothing to draw.")
    table = np.array([[float(cell) if cell else np.nan for cell in row] for row in rows])
    steps = table[:, columns.index("steps")]
    panels = [(name, label, _curves(columns, table, name)) for name, label in PANELS]
    panels = [panel for panel in panels if panel[2]]
    # Without pyplot: no global state, and no window, whatever machine this runs on.
    figure = Figure(figsize=(8, 3.2 * len(panels)), dpi=150, layout="constrained")
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for ax, (_, label, curves) in zip(axes, panels, strict=True):
        _panel(ax, steps, label, curves)
    axes[-1].set_xlabel("environment steps, over all worlds")
    axes[0].set_title(f"Learning curve: {metrics_csv.parent.name}")
    with mpl.rc_context({"svg.hashsalt": "aira"}):
        try:
            figure.savefig(out)
        except OSError as error:
            raise unwritable(out, error) from error
    return out


def _curves(columns: list[str], table: np.ndarray, name: str) -> dict[str, np.ndarray]:
    """Returns the columns of one kind that hold anything: by role where there are several, else the total."""
    of_roles = [column for column in columns if column.startswith(f"{name}/")]
    chosen = of_roles if len(of_roles) > 1 else [name]
    found = {c: table[:, columns.index(c)] for c in chosen if c in columns and c not in FIXED}
    return {column: values for column, values in found.items() if np.any(np.isfinite(values))}


def _panel(ax: Axes, steps: np.ndarray, label: str, curves: dict[str, np.ndarray]) -> None:
    for name, values in curves.items():
        known = np.isfinite(values)
        x, y = steps[known], values[known]
        width = max(1, len(y) // WINDOW)
        (line,) = ax.plot(x, y, linewidth=0.6, alpha=0.35)
        smooth = np.convolve(y, np.ones(width) / width, mode="valid")
        ax.plot(x[len(x) - len(smooth) :], smooth, color=line.get_color(), linewidth=2, label=name.split("/")[-1])
    ax.set_ylabel(label)
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    ax.grid(alpha=0.3)
    ax.spines[["top", "right"]].set_visible(False)
    if len(curves) > 1:
        ax.legend(frameon=False)
