"""Populations over time, and how one follows the other."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from viz.grid import COLOURS


def draw_populations(ax: Axes, counts: Mapping[str, np.ndarray]) -> None:
    """Draws how many live of each role (`[n_steps]`) over time."""
    for (role, numbers), colour in zip(counts.items(), COLOURS, strict=False):
        ax.plot(np.arange(1, len(numbers) + 1), numbers, color=colour, linewidth=1.4, label=role)
    ax.set_xlabel("step")
    ax.set_ylabel("how many live")
    ax.set_ylim(bottom=0)
    ax.legend(frameon=False, loc="upper right")
    ax.spines[["top", "right"]].set_visible(False)


def draw_lags(ax: Axes, lags: np.ndarray, correlations: np.ndarray, best: np.ndarray) -> None:
    """Draws correlation over lag for each seed, and where it is greatest.

    Args:
        ax: Where to draw.
        lags: `[n_lags]` steps by which the second population is looked at later.
        correlations: `[n_seeds, n_lags]`.
        best: `[n_seeds]` lags of the greatest correlation.
    """
    for index, curve in enumerate(correlations):
        ax.plot(lags, curve, color="#009E73", linewidth=1, alpha=0.6, label=None if index else "each seed")
    tops = np.max(correlations, axis=1)
    ax.plot(best, tops, "o", color="black", markersize=4, label="greatest")
    ax.axvline(0, color="grey", linewidth=0.8)
    ax.set_xlabel("lag (steps)")
    ax.set_ylabel("correlation of predators with earlier prey")
    ax.legend(frameon=False, loc="lower right")
    ax.spines[["top", "right"]].set_visible(False)
