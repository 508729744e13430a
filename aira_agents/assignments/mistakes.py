"""The first mistake of a policy: where it failed, or where a rule would have earned more at once in its place."""

from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from aira_agents.assignments.arena import Arena, PolicyPlayer, Standing, View
from aira_agents.environment import Role
from aira_agents.policies.policy import AbstractPolicy
from aira_agents.spaces import Discrete

BEFORE, AFTER = 8, 4  # steps of a replay
MORE = 1e-3  # less is no mistake
SEEN = 6  # features that are told of


class Mistake(NamedTuple):
    """A moment of one agent, and the states around it."""

    step: int
    world: int
    row: int
    uid: int
    told: str
    states: list[Any]  # of that world
    at: int  # which of the states is the moment


class FirstMistake:
    """Looks on while a policy plays, and remembers the first mistake."""

    def __init__(self, arena: Arena, name: str | None, advice: AbstractPolicy | None) -> None:
        self._arena, self._name = arena, name
        self._advice = PolicyPlayer(arena.role, advice) if advice is not None else None
        self._states: deque[Any] = deque(maxlen=BEFORE + 1 + AFTER)
        self._found: tuple[int, int, int, str] | None = None
        self._step = self._since = 0

    def before(self, standing: Standing, view: View) -> None:
        """Remembers the worlds."""
        if self._found and self._since >= AFTER:
            return
        self._step += 1
        self._since += self._found is not None
        self._states.append(jax.device_get(standing.now.state))
        self._standing, self._view = standing, view

    def after(self, actions: Mapping[str, np.ndarray], view: View) -> None:
        """Asks the rule what it would have done, and what would have come of it."""
        if self._found or self._advice is None:
            return
        advised = self._advice.act(self._view.batch)
        _, other = self._arena.step(self._standing, advised)
        rows = self._view.batch["alive"].shape
        differs = np.zeros(rows, bool)
        for name, action in advised.items():
            differs |= (action != actions[name]).reshape(*rows, -1).any(axis=2)
        missed = np.where(differs & self._view.batch["alive"], other.rewards - view.rewards, 0.0)
        if missed.max() > MORE:
            world, row = (int(i) for i in np.unravel_index(missed.argmax(), missed.shape))
            role = self._arena.role
            told = (
                f"it perceived {_perceived(role, self._view.batch['features'][world, row])} and did "
                f"{_done(role, actions, world, row)}, which earned {view.rewards[world, row]:.3g}; `{self._name}` does "
                f"{_done(role, advised, world, row)} there, which earns {other.rewards[world, row]:.3g}"
            )
            self._found = (self._step, world, row, told)

    def mistake(self, failed: tuple[int, int, str] | None) -> Mistake | None:
        """Returns the first mistake; `failed`: in which world and to which agent the policy failed, and how."""
        if failed is not None:
            world, row, told = failed
            features = self._view.batch["features"][world, row]
            step, told = self._step, f"it perceived {_perceived(self._arena.role, features)}. {told}"
        elif self._found is not None:
            step, world, row, told = self._found
        else:
            return None
        at = len(self._states) - 1 - (self._step - step)
        states = [jax.tree.map(lambda leaf: leaf[world], state) for state in self._states]
        uid = int(states[at].agents[self._arena.role.name].uid[row])
        return Mistake(step, world, row, uid, told, states, at)


def _perceived(role: Role, features: np.ndarray) -> str:
    known = [f"{name} {value:.3g}" for name, value in zip(role.features, features, strict=True) if value]
    return ", ".join(known[:SEEN]) + (", ..." if len(known) > SEEN else "") if known else "nothing but zeros"


def _done(role: Role, actions: Mapping[str, np.ndarray], world: int, row: int) -> str:
    parts = []
    for name, space in role.spaces.items():
        action = actions[name][world, row]
        parts.append(f"{name} {space.names[int(action)] if isinstance(space, Discrete) else np.round(action, 3)}")
    return ", ".join(parts)
