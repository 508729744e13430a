"""Training in a thread of its own, while a world runs and people watch: begin, pause, go on, leave."""

import atexit
import shutil
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from aira_agents.errors import AiraError
from aira_agents.learning.checkpoint import NAME as CHECKPOINT
from aira_agents.learning.learner import Learner, most_steps
from aira_agents.learning.train import train
from aira_agents.policies.policy import AbstractPolicy

LONGEST_CURVE = 2000  # points; beyond it, every second one is dropped
KEEP_S = 5.0  # between two checkpoints: who pulls the plug loses no more


_RUNNING: "weakref.WeakSet[Any]" = weakref.WeakSet()


class Curve(NamedTuple):
    """What was measured so far; not-a-number where nothing ended."""

    steps: np.ndarray  # of the environment
    reward: np.ndarray
    returns: np.ndarray


class _LeftError(Exception):
    """Ends `train` from within."""


class BackgroundTraining:
    """One run of one learner, which people switch on and off; what was learned stays until it is dropped.

    Attributes:
        fault: Why it ended by itself, for people to read; what was learned before is kept.
        steps: Environment steps so far.
        rests: Whether it has paused; the dispatch under way is finished first.
    """

    def __init__(
        self,
        learner: Learner,
        seed: int,
        learned: Callable[[], None] | None = None,
        folder: Path | None = None,
    ) -> None:
        """Makes it, switched off.

        Args:
            learner: Who learns.
            seed: The one source of chance.
            learned: Called, in the thread, whenever there are new policies.
            folder: Where what was learned is kept; what is kept there already is gone on with. `None`: nowhere.
        """
        self._learner, self._seed, self._learned, self.folder = learner, seed, learned, folder
        self._on, self._leaving = threading.Event(), False
        self._thread: threading.Thread | None = None
        self._policies: dict[str, AbstractPolicy] | None = None
        self._points: list[tuple[int, float, float]] = []
        self.fault: str | None = None
        self.steps = 0
        self.rests = False

    @property
    def policies(self) -> dict[str, AbstractPolicy] | None:
        """The newest policies by role, or `None` before the first update."""
        return self._policies

    @property
    def is_on(self) -> bool:
        """Whether it learns now."""
        return self._on.is_set() and self.fault is None

    @property
    def curve(self) -> Curve:
        """Reward and return over steps."""
        points = np.array(self._points or np.zeros((0, 3)), np.float64)
        return Curve(points[:, 0], points[:, 1], points[:, 2])

    def switch(self, on: bool) -> None:
        """Begins or goes on, or pauses after the dispatch that is under way."""
        if not on:
            self._on.clear()
            return
        self._on.set()
        if self._thread is None:
            end_with_the_interpreter(self)
            self._thread = threading.Thread(target=self._run, name="training", daemon=True)
            self._thread.start()

    def leave(self) -> None:
        """Ends the thread, soon."""
        self._leaving = True
        self._on.set()

    def drop(self) -> None:
        """Leaves, and what was kept goes, too."""
        self.leave()
        if self.folder is not None:
            self.join(2.0)  # it may be writing
            shutil.rmtree(self.folder, ignore_errors=True)

    def join(self, timeout_s: float) -> None:
        """Waits until the thread has ended."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        folder = self.folder
        try:
            train(
                self._learner,
                n_steps=most_steps(self._learner),
                seed=self._seed,
                folder=folder,
                resume=folder is not None and (folder / CHECKPOINT).exists(),
                checkpoint_every_s=KEEP_S,
                between=self._between,
                report=self._report,
                progress=False,
            )
        except _LeftError:
            pass
        except AiraError as error:
            told = str(error)
            self._stop(told if folder is None else told.replace(str(folder), "its folder"))  # a page shows no path
        except Exception as error:  # a third party's learner can fail in any way, and nobody else would hear of it
            lines = str(error).strip().splitlines() or ["no message"]
            self._stop(f"The learner failed: {type(error).__name__}: {lines[0]}")

    def _stop(self, fault: str) -> None:
        self.fault = fault
        self._on.clear()
        if self._learned is not None:
            self._learned()

    def _between(self, state: Any) -> Any:
        if not self._leaving:
            self._policies = self._learner.policies(state)
            if self._learned is not None:
                self._learned()
        self.rests = not self._on.is_set()
        self._on.wait()
        self.rests = False
        if self._leaving:
            raise _LeftError
        return state

    def _report(self, steps: int, metrics: Any) -> None:
        self.steps = steps
        rewards = np.asarray(metrics["reward"])
        returns = np.asarray(metrics.get("return", np.full_like(rewards, np.nan)))
        first = steps - (len(rewards) - 1) * self._learner.steps_per_update
        self._points += [
            (first + i * self._learner.steps_per_update, float(r), float(g))
            for i, (r, g) in enumerate(zip(rewards, returns, strict=True))
        ]
        if len(self._points) > LONGEST_CURVE:
            self._points = self._points[::2]


def end_with_the_interpreter(running: Any) -> None:
    """Sees to it that `running.leave()` and `join(timeout_s)` are called in time.

    An interpreter that goes while a thread compiles takes the process down.
    """
    if not _RUNNING:
        atexit.register(_end_all)
    _RUNNING.add(running)


def _end_all() -> None:
    running = list(_RUNNING)
    for training in running:
        training.leave()
    for training in running:
        training.join(60.0)
