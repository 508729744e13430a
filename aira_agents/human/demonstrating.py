"""Demonstrations from a keyboard: a person steers one agent, key by key, and a policy all others.

The world waits for the person, or steps on at a pace. They are told what the agent perceives, and no more: what they
see is what a network that learns from them will see.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from aira_agents.data.dataset import Dataset
from aira_agents.data.episodes import UNSPECIFIED
from aira_agents.environment import Environment, Role
from aira_agents.human.game import Game
from aira_agents.human.keyboard import PAUSE, QUIT, KeyMap
from aira_agents.human.pace import Pace, TimedKeys
from aira_agents.policies.policy import AbstractPolicy


def demonstrate(
    environment: Environment,
    policies: Mapping[str, AbstractPolicy],
    keys: Iterator[str],
    show: Callable[[str], Any],
    *,
    role: str | None = None,
    agent: int = 1,
    seed: int = 0,
    n_episodes: int = 1,
    who: str,
    licence: str = UNSPECIFIED,
    pace: Pace | None = None,
) -> Dataset:
    """Lets a person steer an agent until the worlds are over, it dies, or they stop.

    Args:
        environment: The world.
        policies: Role to who decides for all others.
        keys: What the person presses, one after the other; where they end, the person stops.
        show: Called with what the person is to read.
        role: Whose agent; `None`: the world's first role.
        agent: Which of those who live at the start, from 1.
        seed: The one source of chance.
        n_episodes: Worlds from reset to end.
        who: The random id of the person.
        licence: Under which the data may be used.
        pace: How fast each world steps on from the person's first key; `None`: it waits for a key. `keys` must then be
            `TimedKeys`.

    Returns:
        The episodes. Only what the person did counts in learning: all else has weight 0.

    Raises:
        InputError: The role or the agent does not exist or has no keys, nobody can stay, or nothing was done.
        IncompatiblePolicyError: A role has no policy, or one that does not fit.
    """
    game = Game(
        environment, policies, role=role, agent=agent, seed=seed, n_episodes=n_episodes, who=who, licence=licence
    )
    wheel = _Wheel(game, keys, show, pace)
    show(str(wheel.keymap) if pace is None else f"{wheel.keymap}; {pace}")
    while not game.is_over:
        show(f"step {int(game.now.state.time)}\n{told(game.role, np.asarray(game.percept().features))}")
        action = wheel.turned()
        if wheel.stopped:
            game.stop()
        elif (reward := game.act(action)) != 0:
            show(f"reward {reward:g}")
    return game.played()


class _Wheel:
    """What a person steers by."""

    def __init__(self, game: Game, keys: Iterator[str], show: Callable[[str], Any], pace: Pace | None) -> None:
        self.game, self.keys, self.show, self.pace = game, keys, show, pace
        self.keymap, self.stopped = KeyMap(game.role), False
        self._stay = None if pace is None else pace.stay(self.keymap.names)
        self._last: int | None = None
        self._number = -1

    def turned(self) -> int | None:
        """Returns what the person does in this step; `None`: nothing, or they stop."""
        if self._number != self.game.number:
            # A world at a pace begins with a key, so that nobody misses its start.
            self._number, self._last = self.game.number, None
        waits, chosen = self.pace is None or self._last is None, None
        for key in self.keys if waits else self._in_time():
            action = self._meant(key)
            if self.stopped or (action is not None and waits):
                self._last = action
                return action
            chosen = chosen if action is None else action
        if waits:
            self.stopped = True  # no more keys
            return None
        if chosen is None and self.pace is not None and self.pace.unpressed != "policy":
            again = self._last if self._stay is None else self._stay
            return again if again is not None and self.game.can(again) else None
        self._last = self._last if chosen is None else chosen
        return chosen

    def _in_time(self) -> Iterator[str]:
        """Yields the keys that are pressed until the next step is due; a pause puts it off."""
        assert self.pace is not None and isinstance(self.keys, TimedKeys)
        due = self.pace.clock() + self.pace.step_s
        while (key := self.keys.within(due - self.pace.clock())) is not None:
            yield key
            if key == PAUSE:  # it has been resumed by now
                due = self.pace.clock() + self.pace.step_s

    def _meant(self, key: str) -> int | None:
        """Returns the action that a key stands for, if it is one that can be done; stops, or pauses until resumed."""
        if key == PAUSE:
            self.show("paused")
            self.stopped = next((key for key in self.keys if key in (PAUSE, QUIT)), QUIT) == QUIT
            if not self.stopped:
                self.show("on we go")
        elif key == QUIT:
            self.stopped = True
        elif (action := self.keymap.actions.get(key)) is None:
            self.show(f"{key!r} is no key here. {self.keymap}")
        elif not self.game.can(action):
            self.show(f"{self.keymap.names[action]!r} cannot be done now.")
        else:
            return action
        return None


def told(role: Role, features: np.ndarray) -> str:
    """Returns in lines what an agent perceives: numbers by name, and what is seen as maps, the top row first."""
    lines = []
    for name, own in role.observation(np.asarray(features)).items():
        if np.ndim(own) == 3:
            maps = [["".join("#" if cell > 0 else "." for cell in line) for line in layer[::-1]] for layer in own]
            lines += [f"{name}:", *("  " + "   ".join(line) for line in zip(*maps, strict=True))]
        else:
            lines.append(f"{name}: " + " ".join(f"{number:.3g}" for number in np.ravel(own)))
    return "\n".join(lines)
