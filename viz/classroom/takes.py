"""Clips of agents that people led in the world that all see: what makes a riddle of it, human or not, a fair one.

A clip of a person is cut from the world as it was lived. That of a machine goes on from the world as it is, and only
for the marked agent decides another than always: what is around it says nothing.
"""

import collections
import secrets
import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from aira_agents.errors import InputError
from aira_agents.hosting.steered import Steered
from viz.clips import STEPS, Clip, drawn

ACTIVE = 0.5  # share of the steps of a clip for which its person must have held a key: who sleeps shows nothing
KEPT = 30


class _Step(NamedTuple):
    world: tuple[int, int]  # the model, and which of its worlds
    state: Any  # after the step
    leads: dict[str, int]
    pressed: frozenset[str]


class Take(NamedTuple):
    """A clip of an agent, and who led it; it is not for them to guess."""

    who: str
    clip: Clip


class Takes:
    """The last clips of one role; any thread may use it."""

    def __init__(self, role: str) -> None:
        self.role = role
        self._lock = threading.Lock()
        self._steps: collections.deque[_Step] = collections.deque(maxlen=STEPS + 1)
        self._since: dict[str, int] = {}  # steps since the last take of somebody
        self._takes: list[Take] = []

    def watch(self, model: Steered, leads: Mapping[str, int], pressed: Mapping[str, int]) -> None:
        """Looks at a step that was taken."""
        if not leads:
            self._steps.clear()
            return
        environment, state, _ = model.moment()
        with self._lock:
            self._steps.append(_Step((id(model), model.lives), state, dict(leads), frozenset(pressed)))
            for who, uid in leads.items():
                self._since[who] = self._since.get(who, 0) + 1
                if self._since[who] > STEPS and self._is_whole(who, uid):
                    frames = drawn(environment, [step.state for step in self._steps])
                    self._takes = [*self._takes, Take(who, Clip(frames, uid))][-KEPT:]
                    self._since[who] = 0

    def _is_whole(self, who: str, uid: int) -> bool:
        """Whether somebody led this agent, alive, in all steps that are remembered, and did something."""
        steps = self._steps
        agents = steps[-1].state.agents[self.role]
        return (
            len(steps) > STEPS
            and all(step.world == steps[-1].world and step.leads.get(who) == uid for step in steps)
            and sum(who in step.pressed for step in steps) >= ACTIVE * STEPS
            and bool(np.any((np.asarray(agents.uid) == uid) & np.asarray(agents.alive)))
        )

    def __len__(self) -> int:
        return len(self._takes)

    def draw(self) -> Take:
        """Returns one of the clips, which is there no more: each is shown once.

        Raises:
            InputError: There is none.
        """
        with self._lock:
            if not self._takes:
                raise InputError(f"Nobody has led an agent for {STEPS} steps since the last such riddle.")
            return self._takes.pop(secrets.randbelow(len(self._takes)))

    def retract(self, who: str) -> None:
        """Drops all clips of somebody."""
        with self._lock:
            self._takes = [take for take in self._takes if take.who != who]
