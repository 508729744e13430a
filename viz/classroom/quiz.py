"""Clips that a class judges: each is dealt to several students, nobody judges one twice."""

import dataclasses
import secrets
import threading

import numpy as np
from jaxtyping import Int

from aira_agents.human.classroom import RefusedError
from viz.clips import Clip

SKIP = "skip"


@dataclasses.dataclass(frozen=True)
class Question:
    """One question about one clip, or two side by side."""

    id: str
    number: int
    clips: tuple[Clip, ...]
    answers: tuple[str, ...]  # those that can be given, besides `SKIP`
    truth: str | None  # `None`: there is none
    author: str | None  # who may not answer, since they are in the clip

    @property
    def uids(self) -> tuple[int, ...]:
        """Who is marked in each clip."""
        return tuple(clip.uid for clip in self.clips)


class Quiz:
    """Questions of one kind, and what was answered."""

    def __init__(self) -> None:
        self.questions: list[Question] = []
        self.given: dict[str, dict[str, str]] = {}  # question to participant to answer
        self._lock = threading.Lock()

    def add(
        self, clips: tuple[Clip, ...], answers: tuple[str, ...], truth: str | None = None, author: str | None = None
    ) -> Question:
        """Adds a question."""
        with self._lock:
            question = Question(secrets.token_hex(8), len(self.questions), clips, answers, truth, author)
            self.questions.append(question)
            self.given[question.id] = {}
            return question

    def deal(self, who: str) -> Question | None:
        """Returns the question that was answered least and not by this participant; `None`: there is none."""
        with self._lock:
            open_ones = [q for q in self.questions if who not in self.given[q.id] and who != q.author]
            return min(open_ones, key=lambda q: (len(self.given[q.id]), q.number), default=None)

    def find(self, id: str) -> Question:
        """Returns a question; raises `RefusedError` if there is none of that id."""
        found = next((q for q in self.questions if q.id == id), None)
        if found is None:
            raise RefusedError("That question is no longer asked.")
        return found

    def answer(self, who: str, id: str, answer: str) -> Question:
        """Takes an answer; another one by the same participant does not count.

        Raises:
            RefusedError: There is no such question or answer, or they answered it before, or are in the clip.
        """
        question = self.find(id)
        if answer not in (*question.answers, SKIP):
            raise RefusedError(f"An answer must be one of {', '.join((*question.answers, SKIP))}.")
        if who == question.author:
            raise RefusedError("That is you; let the others guess.")
        with self._lock:
            if who in self.given[id]:
                raise RefusedError("You answered that one already.")
            self.given[id][who] = answer
        return question

    def retract(self, who: str) -> None:
        """Drops all answers of somebody."""
        with self._lock:
            for answers in self.given.values():
                answers.pop(who, None)

    def clear(self) -> None:
        """Drops all questions."""
        with self._lock:
            self.questions, self.given = [], {}

    def matrix(self) -> Int[np.ndarray, "questions people"]:
        """Returns the answers as whole numbers from 1, in order of questions and people; 0: none, or skipped."""
        with self._lock:
            people = sorted({who for answers in self.given.values() for who in answers})
            rows = [[_number(q.answers, self.given[q.id].get(who)) for who in people] for q in self.questions]
        return np.array(rows, int).reshape(len(rows), len(people))

    def counts(self) -> list[dict[str, int]]:
        """Returns for each question how often each answer was given."""
        with self._lock:
            return [
                {a: sum(given == a for given in self.given[q.id].values()) for a in (*q.answers, SKIP)}
                for q in self.questions
            ]

    def share_right(self) -> float | None:
        """Returns which share of the answers was right; `None` where no truth is known or nobody answered."""
        with self._lock:
            judged = [a == q.truth for q in self.questions if q.truth for a in self.given[q.id].values() if a != SKIP]
        return sum(judged) / len(judged) if judged else None


def _number(answers: tuple[str, ...], given: str | None) -> int:
    return answers.index(given) + 1 if given in answers else 0
