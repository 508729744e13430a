"""Replays of assignments: a policy's first mistake, as a picture and a short clip, and a match of several policies."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aira_agents.environment import Environment
from aira_agents.results import unwritable
from viz.palette import ROLES
from viz.record import Film, gif
from viz.scene import scene_of

FPS = 3
ENTRANTS = ("#0072B2", "#E69F00", "#CC79A7", "#000000", "#009E73", "#56B4E9", "#D55E00", "#7F7F7F")


class _Moments:
    """States of one world, shown as a model shows its own."""

    def __init__(self, environment: Environment, first_step: int) -> None:
        self._environment, self.steps = environment, first_step
        self.state: Any = None

    def moment(self) -> tuple[Environment, Any, int]:
        return self._environment, self.state, self.steps


def draw_replay(environment: Environment, mistake: Any, folder: Path) -> tuple[Path, Path]:
    """Draws the moment of a mistake into `folder`, and the steps around it; returns both paths.

    Args:
        environment: The world.
        mistake: With `states` of the world around it, which of them it is (`at`), and the agent's `uid`.
        folder: Where to.

    Raises:
        InputError: The folder cannot be written to.
    """
    picture, clip = folder / "mistake.png", folder / "replay.gif"
    moments = _Moments(environment, int(mistake.states[0].time))
    moments.state = mistake.states[mistake.at]
    film, frames = Film(moments), []
    try:
        for index, state in enumerate(mistake.states):
            moments.state, moments.steps = state, int(state.time)
            film.draw()
            _ring(film, environment, state, mistake.uid)
            frames.append(film.pixels())
            if index == mistake.at:
                film.figure.savefig(picture)
        gif(clip, frames, FPS)
    except OSError as error:
        raise unwritable(folder, error) from error
    return picture, clip


def _ring(film: Film, environment: Environment, state: Any, uid: int) -> None:
    """Puts a ring around the agent that this is about."""
    for layer in scene_of(environment, state).layers:
        for x, y in zip(layer.x[layer.uid == uid], layer.y[layer.uid == uid], strict=True):
            film.figure.axes[0].scatter(
                [x], [y], s=420, facecolors="none", edgecolors=ROLES["light"][1], linewidths=2.5
            )


def draw_match(
    environment: Environment, states: Sequence[Any], role: str, owners: np.ndarray, names: Sequence[str], clip: Path
) -> Path:
    """Draws a match as a GIF, each entrant's agents ringed in a colour of its own; returns `clip`.

    Args:
        environment: The world.
        states: One for each frame.
        role: Whose agents are ringed.
        owners: Which of `names` each row acts for, `[capacity]`.
        names: The entrants.
        clip: Where to.

    Raises:
        InputError: The file cannot be written.
    """
    moments = _Moments(environment, 0)
    moments.state = states[0]
    film, frames = Film(moments), []
    for state in states:
        moments.state, moments.steps = state, int(state.time)
        film.draw()
        ax = film.figure.axes[0]
        layer = next(layer for layer in scene_of(environment, state).layers if layer.role == role)
        owner_of = dict(zip(np.asarray(state.agents[role].uid).tolist(), owners.tolist(), strict=True))
        whose = np.array([owner_of[uid] for uid in layer.uid.tolist()], int)
        for index, name in enumerate(names):
            own, colour = whose == index, ENTRANTS[index % len(ENTRANTS)]
            ax.scatter(
                layer.x[own], layer.y[own], s=260, facecolors="none", edgecolors=colour, linewidths=2.5, label=name
            )
        ax.legend(
            loc="lower right", bbox_to_anchor=(1.0, 0.99), markerscale=0.5, ncols=len(names), frameon=False, fontsize=8
        )
        frames.append(film.pixels())
    try:
        gif(clip, frames, 4 * FPS)
    except OSError as error:
        raise unwritable(clip, error) from error
    return clip
