"""Series over time, and a quantity that grows beyond a threshold."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from viz.grid import COLOURS


def draw_series(ax: Axes, hours: np.ndarray, series: Mapping[str, np.ndarray], label: str) -> None:
    """Draws some series (`[n_steps]`, by name) over `hours`; `label` names their unit."""
    for (name, values), colour in zip(series.items(), COLOURS, strict=False):
        ax.plot(hours, values, color=colour, linewidth=1.2, label=name)
    ax.set_xlabel("hours")
    ax.set_ylabel(label)
    if len(series) > 1:
        ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=len(series))
    ax.spines[["top", "right"]].set_visible(False)


def draw_threshold(ax: Axes, x: np.ndarray, values: np.ndarray, threshold: float, labels: tuple[str, str]) -> None:
    """Draws what each seed measured (`[n_x, n_seeds]`) at every `x`, and where theory sees a change.

    Args:
        ax: Where to draw.
        x: `[n_x]`.
        values: `[n_x, n_seeds]`; every seed is drawn as a dot.
        threshold: In the units of `x`.
        labels: Of both axes, with units.
    """
    ax.plot(np.repeat(x, values.shape[1]), values.reshape(-1), ".", color=COLOURS[1], alpha=0.5, label="each seed")
    ax.plot(x, values.mean(axis=1), color=COLOURS[1], linewidth=1.2, label="mean")
    ax.axvline(threshold, linestyle="--", color=COLOURS[0], label="theory: gain x delay = π/2")
    ax.set_xlabel(labels[0])
    ax.set_ylabel(labels[1])
    ax.set_ylim(bottom=0)
    ax.legend(frameon=False, loc="upper left")
    ax.spines[["top", "right"]].set_visible(False)
