"""One match: several submissions act for agents of the same role in the same worlds."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from aira_agents.assignments.arena import Standing, View, score
from aira_agents.assignments.faults import SubmissionError
from aira_agents.assignments.grading import Court, Located
from aira_agents.assignments.playing import Match
from aira_agents.assignments.submission import Submission


class _Shared:
    """A player that asks each entrant about its own agents only; who failed stands still from then on."""

    kind = "jax"

    def __init__(self, court: Court, players: Sequence[Any], owners: np.ndarray) -> None:
        self._spaces = court.arena.role.spaces
        self._players, self._owners = list(players), owners
        self.faults: dict[int, str] = {}

    def act(self, batch: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Puts the answers of all together."""
        shape = batch["alive"].shape
        actions = {
            name: np.zeros((*shape, *space.shape), np.float32 if space.shape else np.int32)
            for name, space in self._spaces.items()
        }
        for index, player in enumerate(self._players):
            if player is None:
                continue
            own = self._owners == index
            try:
                answer = player.act({**batch, "alive": batch["alive"] & own})
            except SubmissionError as error:
                self.faults[index], self._players[index] = f"{error.state}: {error.told}", None
                continue
            for name in actions:
                actions[name][own] = answer[name][own]
        return actions


def play_match(court: Court, entrants: Sequence[Submission], seeds: Sequence[int], *, keep: bool = False) -> Match:
    """Lets entrants act side by side in a world for each seed; agents are dealt to them in turn.

    Raises:
        GraderError: A process could not be started.
        NumericalError: The world's rewards blew up.
    """
    capacity, n = court.arena.role.capacity, len(entrants)
    owners = (np.arange(capacity)[None, :] + np.arange(len(seeds))[:, None]) % n
    states: list[Any] = []
    with contextlib.ExitStack() as stack:
        players, early = [], {}
        for index, entrant in enumerate(entrants):
            try:
                players.append(Located(stack.enter_context(court.running(entrant.path, len(seeds)))))
            except SubmissionError as error:
                players.append(None)
                early[index] = f"{error.state}: {error.told}"
        shared = _Shared(court, players, owners)
        shared.faults.update(early)
        standing, view = court.arena.begin(seeds)
        while not view.over.all():
            if keep:
                states.append(_first(standing))
            standing, view = _step(court, standing, view, shared)
        played = score(standing)
    scores = []
    for index in range(n):
        own = owners == index
        mean = float(played.returns[own].sum() / max(played.lives[own].sum(), 1))
        scores.append(-np.inf if index in shared.faults else mean)
    faults = {entrants[index].name: told for index, told in shared.faults.items()}
    return Match(tuple(e.name for e in entrants), tuple(scores), faults, owners, states)


def _step(court: Court, standing: Standing, view: View, shared: _Shared) -> tuple[Standing, View]:
    return court.arena.step(standing, shared.act(view.batch))


def _first(standing: Standing) -> Any:
    return jax.tree.map(lambda leaf: leaf[0], jax.device_get(standing.now.state))
