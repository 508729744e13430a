"""People at the keys of single agents: who leads whom, and what they press, until the next step takes it."""

import threading
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from aira_agents.environment import Role
from aira_agents.errors import InputError, unknown_name
from aira_agents.human.overseer import check_role
from aira_agents.spaces import Discrete

WAITING = "stay"  # what an agent does while its leader presses nothing, where it can


def can_be_led(role: Role) -> bool:
    """Whether agents of a role can be led by keys."""
    return len(role.effectors) == 1 and isinstance(role.effectors[0].space, Discrete)


class Orders(NamedTuple):
    """What is done in one step for those who are led."""

    led: Bool[np.ndarray, " capacity"]
    actions: Int[np.ndarray, " capacity"]
    pressed: dict[str, int]  # who pressed a key for this step, and for which uid
    forbidden: Bool[np.ndarray, "capacity n"]  # what may not be done in this step


class Helm:
    """The keys of one role's agents; any thread may use it."""

    def __init__(self, role: Role) -> None:
        """Raises `InputError` if agents of this role cannot be led by keys."""
        check_role(role)
        (effector,) = role.effectors
        assert isinstance(effector.space, Discrete)
        self.role, self.effector, self.actions = role, effector.name, effector.space.names
        self._lock = threading.Lock()
        self._leads: dict[str, int] = {}
        self._held: dict[str, int] = {}
        self._tapped: dict[str, int] = {}  # not yet taken by a step: a quick key is never lost
        self._vetoes: list[tuple[int, int]] = []  # uid and action, for the step to come

    def take(self, who: str, uid: int) -> None:
        """Lets somebody lead an agent, and no other any more; raises `InputError` if another person leads it."""
        with self._lock:
            if any(own == uid and other != who for other, own in self._leads.items()):
                raise InputError(f"Agent {uid} is led by somebody else.")
            self._let_go(who)
            self._leads[who] = uid

    def release(self, who: str) -> None:
        """Gives the agent back to its policy."""
        with self._lock:
            self._let_go(who)

    def release_all(self) -> None:
        """Gives all agents back."""
        with self._lock:
            for who in list(self._leads):
                self._let_go(who)

    def _let_go(self, who: str) -> None:
        for own in (self._leads, self._held, self._tapped):
            own.pop(who, None)

    def press(self, who: str, action: str | None) -> None:
        """Presses a key, which is held until another is or none (`None`).

        Raises:
            InputError: There is no such action, or they lead nobody.
        """
        if action is not None and action not in self.actions:
            raise unknown_name("action", action, self.actions)
        with self._lock:
            if who not in self._leads:
                raise InputError("You lead nobody: take an agent over first.")
            if action is None:
                self._held.pop(who, None)
            else:
                self._held[who] = self._tapped[who] = self.actions.index(action)

    def forbid(self, uid: int, action: int) -> None:
        """Forbids an agent an action in the step to come; the only one that is left cannot be forbidden."""
        with self._lock:
            self._vetoes.append((uid, action))

    def allow(self, uid: int, action: int) -> None:
        """Takes back that an action was forbidden; does nothing if that step was taken."""
        with self._lock:
            if (uid, action) in self._vetoes:
                self._vetoes.remove((uid, action))

    @property
    def is_idle(self) -> bool:
        """Whether nobody leads and nothing is forbidden."""
        with self._lock:
            return not self._leads and not self._vetoes

    @property
    def leads(self) -> dict[str, int]:
        """Who leads which agent."""
        with self._lock:
            return dict(self._leads)

    def orders(self, uid: Int[np.ndarray, " capacity"], alive: Bool[np.ndarray, " capacity"]) -> Orders:
        """Returns what to do in the step to come; a key that was tapped is taken by it."""
        led, actions = np.zeros(len(uid), bool), np.zeros(len(uid), np.int32)
        pressed: dict[str, int] = {}
        with self._lock:
            for who, own in self._leads.items():
                rows = np.flatnonzero((uid == own) & alive)
                key = self._tapped.get(who, self._held.get(who))
                if not len(rows) or (key is None and WAITING not in self.actions):
                    continue  # its policy decides
                led[rows[0]] = True
                actions[rows[0]] = self.actions.index(WAITING) if key is None else key
                if key is not None:
                    pressed[who] = own
            self._tapped.clear()
            forbidden = np.zeros((len(uid), len(self.actions)), bool)
            for own, action in self._vetoes:
                forbidden[(uid == own) & alive, action] = True
            self._vetoes.clear()
        return Orders(led, actions, pressed, forbidden)
