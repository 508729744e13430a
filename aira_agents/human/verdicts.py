"""One judgement out of many: what a class says of an action, whoever clicks fastest, always says no, or plots.

Everybody counts once a question, however often they click. How much a vote says is learned from how it went with the
votes of the others: who says the same of everything says nothing, and who contradicts is not believed.

Source: Dawid and Skene 1979, "Maximum likelihood estimation of observer error-rates using the EM algorithm", sections
3 and 4, for two answers; the pseudo-votes of `TRUST` are those of a Bayesian.
"""

import dataclasses

import numpy as np
from jaxtyping import Float, Int

TRUST = (3.0, 1.0)  # right and wrong votes that a newcomer is taken to have given, for each of the two answers
ROUNDS = 20  # of expectation and maximisation


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What a class thinks, and what each person's votes are worth."""

    value: Float[np.ndarray, " questions"]  # -1..1: surely no, surely yes; 0: nobody knows, or nobody voted
    informedness: Float[np.ndarray, " people"]  # 0..1: 0 is a vote that says nothing


def verdict(votes: Int[np.ndarray, "questions people"]) -> Verdict:
    """Weighs votes: above 0 is yes, below is no, and 0 is no vote.

    Informedness is Youden's: the share of yes that is said when yes is right, and of no when no is right, less one.
    """
    yes, no = (votes > 0).astype(float), (votes < 0).astype(float)
    cast = yes + no
    n_cast = cast.sum(axis=1)
    # Begins with the share of yes, half a vote for each answer.
    right = (yes.sum(axis=1) + 0.5) / (n_cast + 1.0)
    for _ in range(ROUNDS):
        says_yes, says_no = _rates(right, yes, no)
        odds = yes @ np.log(says_yes / (1 - says_no)) + no @ np.log((1 - says_yes) / says_no)
        right = 1 / (1 + np.exp(-np.clip(odds, -50, 50)))
    says_yes, says_no = _rates(right, yes, no)
    return Verdict(np.where(n_cast > 0, 2 * right - 1, 0.0), np.clip(says_yes + says_no - 1, 0.0, 1.0))


def _rates(right: np.ndarray, yes: np.ndarray, no: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns how often each person says yes where it is right, and no where that is."""
    good, bad = TRUST
    says_yes = (right @ yes + good) / (right @ (yes + no) + good + bad)
    says_no = ((1 - right) @ no + good) / ((1 - right) @ (yes + no) + good + bad)
    # Who is more often wrong than right could be read backwards; then a plot need only change sides to be believed.
    surplus = np.minimum(says_yes + says_no - 1, 0.0) / 2
    return says_yes - surplus, says_no - surplus


class Ballot:
    """The votes of one class on one question after another, of which the last are remembered."""

    def __init__(self, remembered: int = 200) -> None:
        self._remembered = remembered
        self._questions: dict[int, dict[str, int]] = {}  # question to person to vote

    def cast(self, question: int, who: str, vote: int) -> None:
        """Takes a vote; another one by the same person on the same question replaces it."""
        self._questions.setdefault(question, {})[who] = vote
        while len(self._questions) > self._remembered:
            del self._questions[min(self._questions)]

    def retract(self, who: str) -> None:
        """Drops all votes of somebody."""
        for votes in self._questions.values():
            votes.pop(who, None)

    def clear(self) -> None:
        """Drops all votes."""
        self._questions.clear()

    @property
    def people(self) -> list[str]:
        """All who voted."""
        return sorted({who for votes in self._questions.values() for who in votes})

    def matrix(self) -> Int[np.ndarray, "questions people"]:
        """Returns the votes in order of questions and of `people`; 0: none."""
        return np.array(
            [[self._questions[q].get(who, 0) for who in self.people] for q in sorted(self._questions)], int
        ).reshape(len(self._questions), len(self.people))

    def value_of(self, question: int) -> float:
        """Returns what the class says of a question, -1..1; 0 where nobody voted on it."""
        if not self._questions.get(question):
            return 0.0
        return float(verdict(self.matrix()).value[sorted(self._questions).index(question)])
