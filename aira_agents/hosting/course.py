"""How a hosted world goes on: step by step for who asks, several steps at a time for the machine.

A call of a compiled program costs as much as some steps of a small world. So while nobody looks at the arrays, a few
steps are worked out ahead and handed out one by one, with no more of each than the model itself must know. Who looks in
between finds the world of that very step: it is worked out anew, by the same program and to the same bit.
"""

from typing import Any

import jax
import numpy as np

from aira_agents.errors import InputError
from aira_agents.hosting.programs import AT_ONCE, Glance, Program
from aira_agents.loop import Now, Transition
from aira_agents.policies.outermost import check_actions, outermost
from aira_agents.types import Key

PATIENCE = 8  # of so many steps that nobody looked at, one more is worked out ahead: no more than that is in vain
WORTH = 400_000  # agent-steps, at most: in a larger world a step costs much more than a call


class Stretch:
    """Some steps of a world, worked out at once.

    Attributes:
        program: What moves the world.
        glances: One for each step; arrays with a first axis of steps.
        n: How many steps; 0: the world stands still.
    """

    def __init__(self, program: Program, begun: Now, n: int) -> None:
        self.program, self._begun, self.n = program, begun, n
        self._ended, glances = program.steps(begun, n) if n else (begun, None)
        self.glances: Any = jax.tree.map(np.asarray, glances)  # a sixth of what `device_get` takes, for a few numbers

    def after(self, n: int) -> Now:
        """Returns the world after `n` of the steps; works it out anew unless that is the first or the last."""
        if n == 0:
            return self._begun
        return self._ended if n == self.n else self.program.steps(self._begun, n)[0]

    def glance(self, number: int) -> Glance:
        """Returns what the model must know after step `number`, counted from 0."""
        return jax.tree.map(lambda leaf: leaf[number], self.glances)


class Course:
    """A world that is under way.

    Attributes:
        glance: What the model must know after the last step.
    """

    def __init__(self, program: Program, key: Key) -> None:
        self._program = program
        self.begin(key)

    def begin(self, key: Key) -> None:
        """Resets the world, with more room in its cells as long as somebody finds none and there can be more."""
        while True:
            now, glance = self._program.start(key)
            self.glance: Glance = jax.tree.map(np.asarray, glance)
            roomier = self._program.roomier() if self.glance.crowded > 0 else None
            if roomier is None:
                break
            self._program = roomier
        self._stand(now)
        self._last: tuple[Stretch, int] | None = None  # what the last step was taken in, to look at it again
        self._transition: Transition | None = None

    def _stand(self, now: Now) -> None:
        self._stretch, self._taken, self._unseen = Stretch(self._program, now, 0), 0, 0

    def step(self) -> None:
        """Moves the world by one step.

        Raises:
            InputError: A policy returned what is no action; then the world is as it was before.
        """
        if self._taken == self._stretch.n:
            self._stretch, self._taken = Stretch(self._program, self._stretch.after(self._taken), self._worth()), 0
        glance = self._stretch.glance(self._taken)
        while glance.crowded > self.glance.crowded and (roomier := self._program.roomier()) is not None:
            self._stretch, self._taken = Stretch(roomier, self._stretch.after(self._taken), 1), 0
            self._program, glance = roomier, self._stretch.glance(0)
        if not glance.sound:
            self._refuse()
        self._last, self._transition, self.glance = (self._stretch, self._taken), None, glance
        self._taken += 1
        self._unseen += 1

    def _refuse(self) -> None:
        """Raises `InputError` for what was no action in the step to come, which is taken again to see it."""
        roles, seen = self._program.environment.roles, self._program.look(self.now)
        acted = {role: feedback.active for role, feedback in seen.feedback.items()}
        check_actions(roles, outermost(roles, seen.decisions, acted))
        raise InputError(
            f"A policy of {', '.join(acted)} did what is no action, and something else when the step was taken again. "
            f"Does it keep something between its calls? The same observation and key must lead to the same action."
        )

    def _worth(self) -> int:
        """Says how many steps to take at once."""
        capacity = sum(role.capacity for role in self._program.environment.roles)
        n = min(self._unseen // PATIENCE, WORTH // capacity, AT_ONCE)
        return n if n > 1 and self._program.is_closed(self._stretch.after(self._taken)) else 1

    @property
    def now(self) -> Now:
        """The world after the last step; may be set."""
        self._stand(self._stretch.after(self._taken))
        return self._stretch.after(0)

    @now.setter
    def now(self, now: Now) -> None:
        self._stand(now)

    @property
    def program(self) -> Program:
        """What moves the world; may be set, and does so from the next step on."""
        return self._program

    @program.setter
    def program(self, program: Program) -> None:
        now, self._program = self.now, program
        self._stand(now)

    @property
    def transition(self) -> Transition | None:
        """What happened in the last step, taken again to see it; `None` before the first."""
        if self._transition is None and self._last is not None:
            stretch, taken = self._last
            self._transition = stretch.program.look(stretch.after(taken))
            self._stand(self._stretch.after(self._taken))  # who looks now will look again, and soon
        return self._transition
