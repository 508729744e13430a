"""What the terms of AI = ML + TD + HITL are worth, as a picture: cells with every seed, and Shapley values."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from aira_agents.statistics import Interval

DOTS, MEAN, PARTS = "#0072B2", "#000000", ("#E69F00", "#56B4E9")


def draw_cells(
    ax: Axes, scores: Mapping[str, np.ndarray], parts: Mapping[str, Mapping[str, float]], ceiling: float, title: str
) -> None:
    """Draws each cell: a dot a seed beside bars that show how much of the mean comes from which part.

    Args:
        ax: Where to draw.
        scores: Cell to what each seed came to, `[seeds]`.
        parts: Cell to the mean of each part.
        ceiling: What the expert comes to.
        title: Of the panel.
    """
    for place, (name, own) in enumerate(scores.items()):
        bottom = 0.0
        for (part, mean), colour in zip(parts[name].items(), PARTS, strict=False):
            ax.bar(place, mean, 0.7, bottom, color=colour, alpha=0.6, label=part if place == 0 else None)
            bottom += mean
        spread = np.linspace(-0.25, 0.25, len(own))
        ax.scatter(place + spread, own, s=12, color=DOTS, zorder=3, label="each seed" if place == 0 else None)
        ax.hlines(float(np.mean(own)), place - 0.35, place + 0.35, color=MEAN, linewidth=2, zorder=4)
    ax.axhline(ceiling, linestyle="--", color=MEAN, linewidth=1, label="expert, always attentive")
    ax.set_xticks(range(len(scores)), [name.replace("+", "\n+") for name in scores], fontsize=8)
    ax.set_ylabel("food brought home in a life")
    ax.set_title(title, fontsize=10)
    ax.set_ylim(0, 1.25 * ceiling)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=7, ncols=2, loc="upper left")


def draw_worth(ax: Axes, worth: Mapping[str, Mapping[str, Interval]]) -> None:
    """Draws the Shapley value of each term, with its interval, by budget (`worth[budget][term]`)."""
    width = 0.8 / len(worth)
    for index, (budget, terms) in enumerate(worth.items()):
        places = np.arange(len(terms)) + (index - (len(worth) - 1) / 2) * width
        means = np.array([own.estimate for own in terms.values()])
        reach = np.abs(np.array([[own.low, own.high] for own in terms.values()]).T - means)
        ax.bar(places, means, width * 0.9, yerr=reach, capsize=2, label=budget, color=DOTS, alpha=0.3 + 0.3 * index)
    ax.axhline(0, color=MEAN, linewidth=0.8)
    ax.set_xticks(range(3), next(iter(worth.values())))
    ax.set_ylabel("Shapley value (food in a life)")
    ax.set_title("what each term is worth", fontsize=10)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=7, title="steps of learning", title_fontsize=7)
