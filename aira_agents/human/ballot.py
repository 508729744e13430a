"""Comparisons of people on their way to a learner from preferences: what they are asked, and what they answer.

`train(learner, between=ballot.hand_over)` shows what is asked and takes in what was answered; reinforcement goes on
meanwhile, and a question stays until somebody has answered or skipped it.
"""

import dataclasses
import threading
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from aira_agents.environment import Environment
from aira_agents.errors import InputError, unknown_name
from aira_agents.human.judge import EQUAL, FIRST, SECOND
from aira_agents.human.preferences import PreferencesState
from aira_agents.spaces import Box

CHOICES = {"first": FIRST, "second": SECOND, "equal": EQUAL, "skip": None}


class Clip(NamedTuple):
    """What one agent perceived and did for some steps."""

    uid: int
    world: int
    features: np.ndarray  # [steps, features]
    actions: dict[str, np.ndarray]  # effector to numbers of actions `[steps]`; of a `Box`: numbers, `[steps, size]`


class Question(NamedTuple):
    """Which of two clips is better?"""

    id: str
    role: str
    first: Clip
    second: Clip


class Ballot:
    """What is asked and answered; may be used from any thread."""

    def __init__(self, environment: Environment) -> None:
        """Begins empty; `environment` is the world of the clips."""
        self._roles = {role.name: role for role in environment.roles}
        self._lock = threading.Lock()
        self._open: dict[str, Question] = {}
        self._given: dict[str, float | None] = {}

    @property
    def questions(self) -> list[Question]:
        """What is asked now and not answered yet."""
        with self._lock:
            return [own for name, own in self._open.items() if name not in self._given]

    def answer(self, question: str, choice: str) -> None:
        """Takes an answer to the question of this id.

        Raises:
            InputError: The choice is none of `CHOICES`, nobody is asked that (any more), or it was answered already.
        """
        if choice not in CHOICES:
            raise unknown_name("choice", choice, CHOICES)
        with self._lock:
            if question not in self._open:
                raise InputError(f"Nobody is asked {question!r} any more: answer what is in `questions`.")
            if question in self._given:
                raise InputError(f"{question!r} was answered already: it counts once.")
            self._given[question] = CHOICES[choice]

    def hand_over(self, state: PreferencesState) -> PreferencesState:
        """Puts what was answered into a learner's state, and shows what is still asked."""
        with self._lock:
            updated = {}
            for role, own in state.questions.items():
                answer, there = np.array(own.answer), np.array(own.open)
                for place in np.flatnonzero(np.asarray(own.waiting)):
                    given = self._given.get(self._id(role, int(state.n_asked[role]), int(place)), np.nan)
                    there[place] &= given is not None
                    answer[place] = np.nan if given is None else given
                updated[role] = dataclasses.replace(own, answer=jnp.asarray(answer), open=jnp.asarray(there))
            state = eqx.tree_at(lambda s: s.questions, state, updated)
            asked = [self._question(role, state, place) for role, place in self._waiting(state)]
            self._open = {own.id: own for own in asked}
            self._given = {}
        return state

    def _waiting(self, state: PreferencesState) -> list[tuple[str, int]]:
        return [
            (role, int(place))
            for role, own in state.questions.items()
            for place in np.flatnonzero(np.asarray(own.waiting))
        ]

    @staticmethod
    def _id(role: str, n_asked: int, place: int) -> str:
        # How many were asked changes only when others are: until then a question keeps its id.
        return f"{role}-{n_asked}-{place}"

    def _question(self, role: str, state: PreferencesState, place: int) -> Question:
        own = state.questions[role]
        clips = [
            Clip(
                int(own.uid[place, side]),
                int(own.world[place, side]),
                *self._decoded(role, np.asarray(own.pairs[place, side])),
            )
            for side in (0, 1)
        ]
        return Question(self._id(role, int(state.n_asked[role]), place), role, *clips)

    def _decoded(self, role: str, inputs: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
        """Undoes `encoded`."""
        own, actions = self._roles[role], {}
        start = own.n_features
        for name, space in own.spaces.items():
            numbers = inputs[:, start : start + len(space.names)]
            start += len(space.names)
            if isinstance(space, Box):
                actions[name] = np.asarray(space.centre) + numbers * np.asarray(space.half_range)
            else:
                actions[name] = np.argmax(numbers, axis=1).astype(np.int32)
        return inputs[:, : own.n_features], actions
