"""Signals of people on their way to a learner: checked when they come, and handed over between updates.

`train(learner, between=inbox.hand_over)` lets people in. Which step a person saw is what counts; the time only says
when within that step, so a clock that is hours off does no harm.
"""

import threading
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from aira_agents.human.signals import Signals
from aira_agents.human.tamer_rl import TamerRLState
from aira_agents.human.teaching import TeachingState
from aira_agents.store.events import FeedbackEvent, Receipt, fault


class Inbox:
    """Signals about the agents of one world, the first of those that run; may be filled from any thread."""

    def __init__(self, step_s: float, world: str | None = None) -> None:
        """Begins empty.

        Args:
            step_s: How long a step is shown, as the learner has it.
            world: The name of the world that runs: signals about another are refused. `None`: not known here.
        """
        self._step_s, self._world = step_s, world
        self._lock = threading.Lock()
        self._waiting: list[FeedbackEvent] = []
        self._known: set[str] = set()
        self.refused: dict[str, str] = {}  # id to reason, of those that turned out to be about nobody

    def post(self, events: Sequence[FeedbackEvent], current_step: int | None = None) -> Receipt:
        """Takes signals in; those that make no sense are refused, each for a reason, and the rest are taken.

        Args:
            events: From one person or many, in any order.
            current_step: The last step that anybody can have seen; `None`: not known here.
        """
        taken, refused = [], {}
        with self._lock:
            for event in events:
                reason = fault(event, current_step) or self._fault(event)
                if reason is not None:
                    refused[str(event.id)] = reason
                    continue
                self._known.add(event.id)
                self._waiting.append(event)
                taken.append(event.id)
        return Receipt(tuple(taken), refused)

    def hand_over(self, state: TeachingState | TamerRLState) -> TeachingState | TamerRLState:
        """Puts what waits into a learner's state; what does not fit waits for the next time."""
        if isinstance(state, TamerRLState):
            return eqx.tree_at(lambda s: s.teaching, state, self.hand_over(state.teaching))
        places = state.inbox.given.shape[0]
        with self._lock:
            now, self._waiting = self._waiting[:places], self._waiting[places:]
        found = [self._place(event, state) for event in now]
        rows = [row for row in found if row is not None]
        columns = [*zip(*rows, strict=True)] if rows else [[]] * 5
        empty = places - len(rows)

        def padded(values: Any, dtype: Any) -> Any:
            return jnp.asarray(np.pad(np.asarray(values, dtype), (0, empty)))

        time_s, world, row, life, value = (
            padded(values, dtype)
            for values, dtype in zip(columns, (np.float32, np.int32, np.int32, np.int32, np.float32), strict=True)
        )
        signals = Signals(time_s, world, row, life, value, jnp.arange(places) < len(rows))
        return eqx.tree_at(lambda s: s.inbox, state, signals)

    def _place(self, event: FeedbackEvent, state: TeachingState) -> tuple[float, int, int, int, float] | None:
        """Returns time, world, row, life and value; `None`, with a reason in `refused`, if nobody is meant."""
        window = state.last.active.shape[0]
        now = int(state.n_updates) * window
        at = event.step - (now - window)
        if at < 0:
            return self._refuse(event, f"it is about step {event.step}; steps before {now - window} are forgotten.")
        if at >= window:
            return self._refuse(event, f"it is from the future: step {event.step}, while step {now - 1} is shown.")
        uid, active = np.asarray(state.last.uid[at, 0]), np.asarray(state.last.active[at, 0])
        rows = np.flatnonzero((uid == event.uid) & active)
        if not len(rows):
            return self._refuse(event, f"no agent with uid {event.uid} lived in step {event.step}.")
        row = int(rows[0])
        began_s = event.step * self._step_s
        within_s = min(max(event.time_s - began_s, 0.0), self._step_s * 0.999)
        return (
            began_s + within_s - now * self._step_s,
            0,
            row,
            int(state.last.life[at, 0, row]),
            float(np.clip(event.signal, -2.0, 2.0)),
        )

    def _fault(self, event: FeedbackEvent) -> str | None:
        if event.id in self._known:
            return "it is there already: it counts once."
        if self._world is not None and event.world != self._world:
            return f"it is about the world {event.world!r}; here runs {self._world!r}."
        if event.channel == "veto":
            return (
                "a veto is about a step to come, and a learner's update runs its steps without looking up: vetoes are "
                "for a host that steps, such as the page of `aira view`, or `Vetoes` with `Forbidding`."
            )
        return None

    def _refuse(self, event: FeedbackEvent, reason: str) -> None:
        self.refused[event.id] = reason
