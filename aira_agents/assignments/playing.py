"""The matches of a tournament as calls, for whatever engine makes them; what comes of each is the same.

Nothing here imports JAX, so that who only hands out matches never starts it.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from aira_agents.assignments.spec import Assignment
from aira_agents.assignments.submission import Submission
from aira_agents.engines import Engine


class Match(NamedTuple):
    """What came of a match; the scores are those of `names`, and a fault is told instead of scored."""

    names: tuple[str, ...]
    scores: tuple[float, ...]  # mean return of a life; minus infinity for who failed
    faults: Mapping[str, str]
    owners: np.ndarray  # [worlds, capacity]: which of the names an agent acts for
    states: Sequence[Any] = ()  # of the first world, if they were kept


Game = tuple[Sequence[Submission], Sequence[int]]
"""Who meets, and the seed of each world."""


class Playing:
    """Plays matches by an engine; whoever plays one must find what is handed in where `Submission.path` says."""

    def __init__(self, assignment: Assignment, level: str, engine: Engine) -> None:
        self.assignment, self.level, self._engine = assignment, level, engine

    def capacity(self) -> int:
        """Returns how many agents of the role there are in a world."""
        return self._alone(_capacity)

    def matches(self, games: Sequence[Game]) -> Iterator[tuple[int, Match]]:
        """Yields what came of each game, and its place among them, as it is done.

        Raises:
            GraderError: A process could not be started.
            NumericalError: The world's rewards blew up.
        """
        return self._engine.calls(_match, [(self.assignment, self.level, *game) for game in games])

    def clip(self, game: Game) -> tuple[Match, bytes]:
        """Plays one match, and returns it with a film of its first world, a GIF."""
        return self._alone(_clip, *game)

    def _alone(self, task: Any, *arguments: Any) -> Any:
        ((_, told),) = self._engine.calls(task, [(self.assignment, self.level, *arguments)])
        return told


def _worker() -> Any:
    os.environ.setdefault("JAX_PLATFORMS", "cpu")  # small worlds, and the same numbers everywhere
    from aira_agents.assignments import worker  # noqa: PLC0415  imports JAX

    return worker


def _capacity(*where: Any) -> int:
    return _worker().capacity(*where)


def _match(*what: Any) -> Match:
    return _worker().match(*what)


def _clip(*what: Any) -> tuple[Match, bytes]:
    return _worker().clip(*what)
