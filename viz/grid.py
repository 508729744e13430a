"""A world on a grid as a picture: a layer of the ground, and agents by role."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from aira_agents.environment import Environment

# Okabe & Ito's colours, which colour-blind people tell apart; dark enough on a pale ground.
COLOURS = ("#D55E00", "#0072B2", "#000000", "#CC79A7")


def draw_grid(ax: Axes, environment: Environment, state: Any, *, ground: str = "food") -> None:
    """Draws one state: `ground` is the name of its array `[height, width]`; y grows upward.

    Args:
        ax: Where to draw.
        environment: A world whose agents stand in cells.
        state: One state of it, not a batch.
        ground: The array that colours the cells.
    """
    ax.imshow(np.asarray(getattr(state, ground), np.float32), origin="lower", cmap="Greens", vmin=0, vmax=1.6)
    for role, colour in zip(environment.roles, COLOURS, strict=False):
        agents = state.agents[role.name]
        alive = np.asarray(agents.alive)
        x, y = np.asarray(agents.x)[alive], np.asarray(agents.y)[alive]
        ax.scatter(x, y, s=28, color=colour, edgecolors="white", linewidths=0.6, label=role.name)
    ax.set_xlabel("x (cells)")
    ax.set_ylabel("y (cells)")
    names = [role.name for role in environment.roles]
    ax.set_title(f"green: {ground}, dots: {', '.join(names)}")
    if len(names) > 1:
        ax.legend(loc="upper right", framealpha=0.9)
