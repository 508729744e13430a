"""Vetoes of people on their way to a host that runs one world step by step: checked, and made into masks.

`Vetoes.masks` says what is forbidden in the step to come; `Forbidding` decides accordingly. What makes no sense is
refused, each for a reason, and the rest is taken. A learner's update runs many steps as one program, which nobody can
look into in between: people's vetoes cannot reach those, and `Inbox` refuses them. There a simulated person forbids, by
the channel `Veto`.
"""

from collections.abc import Sequence

import jax
import numpy as np

from aira_agents.environment import Percept, Role
from aira_agents.human.overseer import check_role
from aira_agents.human.veto import every_action
from aira_agents.populations import Population
from aira_agents.spaces import Discrete
from aira_agents.store.events import FeedbackEvent, Receipt, fault


class Vetoes:
    """What people forbid the agents of one role; an event's signal is the number of the action."""

    def __init__(self, role: Role) -> None:
        """Begins empty; raises `InputError` if the role has not just one effector with named actions."""
        check_role(role)
        self._role = role
        self._waiting: list[FeedbackEvent] = []
        self._known: set[str] = set()
        self.refused: dict[str, str] = {}  # id to reason, of those that could not be obeyed

    def post(self, events: Sequence[FeedbackEvent], current_step: int | None = None) -> Receipt:
        """Takes vetoes in.

        Args:
            events: Of the channel "veto", in any order; `step` is the step to come.
            current_step: The last step that anybody can have seen coming; `None`: not known here.
        """
        taken, refused = [], {}
        for event in events:
            reason = fault(event, current_step) or self._fault(event)
            if reason is not None:
                refused[str(event.id)] = reason
                continue
            self._known.add(event.id)
            self._waiting.append(event)
            taken.append(event.id)
        return Receipt(tuple(taken), refused)

    def masks(self, step: int, agents: Population, percept: Percept) -> dict[str, np.ndarray]:
        """Returns what is forbidden in `step`, by effector, `[capacity, n]`; what is not about it is over or waits.

        Args:
            step: The step to come.
            agents: Who is there.
            percept: What is valid for them.
        """
        (name,) = self._role.spaces
        valid = np.array(jax.device_get(every_action(self._role, percept)[name]))
        uid, alive = np.asarray(agents.uid), np.asarray(agents.alive)
        forbidden = np.zeros_like(valid)
        now, self._waiting = self._waiting, [event for event in self._waiting if event.step > step]
        for event in now:
            if event.step > step:
                continue
            reason = self._obeyed(event, step, np.flatnonzero((uid == event.uid) & alive), valid, forbidden)
            if reason is not None:
                self.refused[event.id] = reason
        return {name: forbidden}

    def _obeyed(
        self, event: FeedbackEvent, step: int, rows: np.ndarray, valid: np.ndarray, forbidden: np.ndarray
    ) -> str | None:
        action = int(event.signal)
        if event.step < step:
            return f"it is about step {event.step}, which is over."
        if not len(rows):
            return f"no agent with uid {event.uid} lives in step {step}."
        row = int(rows[0])
        left = valid[row] & ~forbidden[row]
        if left[action] and left.sum() == 1:
            return f"{self._names[action]!r} is all that agent {event.uid} can still do in step {step}: it stays."
        forbidden[row, action] = True
        return None

    def _fault(self, event: FeedbackEvent) -> str | None:
        if event.id in self._known:
            return "it is there already: it counts once."
        if event.channel != "veto":
            return f"its channel is {event.channel!r}; expected 'veto'."
        if event.signal not in range(len(self._names)):
            known = ", ".join(f"{i} {name}" for i, name in enumerate(self._names))
            return f"its signal must be the number of an action ({known}); got {event.signal:g}."
        return None

    @property
    def _names(self) -> tuple[str, ...]:
        (space,) = self._role.spaces.values()
        assert isinstance(space, Discrete)
        return space.names
