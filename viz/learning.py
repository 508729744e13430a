"""What learning brought: a curve for each seed beside the levels of those who do not learn."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

LEVELS = ("#0072B2", "#CC79A7", "#000000")


def draw_learning(ax: Axes, steps: np.ndarray, curves: np.ndarray, levels: Mapping[str, float], label: str) -> None:
    """Draws `curves` (`[n_seeds, n_updates]`) over environment `steps`, and a dashed line for each level.

    Every seed is drawn: a mean would hide one that failed.
    """
    for index, curve in enumerate(curves):
        ax.plot(steps, curve, color="#D55E00", linewidth=1, alpha=0.6, label=None if index else "learning, each seed")
    for (name, level), colour in zip(levels.items(), LEVELS, strict=False):
        ax.axhline(level, linestyle="--", color=colour, label=name)
    ax.set_xlabel("environment steps of one seed")
    ax.set_ylabel(label)
    ax.set_ylim(bottom=0)
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, loc="lower right")
