"""The steps that one teaching has seen: each is remembered once, whoever steps or begins to listen meanwhile."""

import threading
import time

from aira_agents.hosting.steered import Steered
from aira_agents.human.reel import Reel
from viz.impairments import Impairments
from viz.notebook import Notebook
from viz.wrapped import blinded


class Seeing:
    """What is remembered of the world that is taught."""

    def __init__(self, reel: Reel, notebook: Notebook) -> None:
        self._reel, self._notebook = reel, notebook
        self._lock = threading.Lock()
        self._model: Steered | None = None

    def see(self, model: Steered, away: Impairments) -> int:
        """Remembers the step on the screen, if there is one; returns its number.

        Args:
            model: The world that is shown.
            away: What its agents could not perceive.
        """
        role = next(own for own in model.environment.roles if own.name == self._reel.role.name)
        with self._lock:
            shown = model.shown()  # not before: who waited here would say that an older step is on the screen
            if model is not self._model:
                self._model = model
                self._notebook.new_model()
                self._reel.clear()
            if shown is None:
                return model.steps
            step, transition = shown
            self._reel.add(step, time.monotonic(), transition, blinded(role, away))
            self._notebook.shown(step)
        return step
