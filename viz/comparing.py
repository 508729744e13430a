"""Comparing clips: which of two does better is taught as two lessons, for and against what was done in them.

Source: Hejna et al. 2023, "Contrastive preference learning: learning from human feedback without RL", eq. 5: the
gradient of that loss where both clips are as probable, which raises what was done in the better one and lowers the
other, step by step. No reward is modelled: a model of rewards (`aira_agents/human/preferences.py`) moves nobody before
agents have learned from it, which took 598 ms an answer where this took 2.4 (`python benchmarks/comparing.py`, two busy
cores), and who answers on a page is to see it within 100.
"""

import dataclasses
import uuid
from collections.abc import Sequence

import solara

from aira_agents.errors import AiraError
from aira_agents.hosting.steered import told
from aira_agents.human.reel import Lesson
from viz.clips import Clip, filmed
from viz.notebook import PREFERENCE, Said
from viz.teaching import Teaching

ANSWERS = {"first": -1.0, "equal": 0.0, "second": 1.0, "skip": None}


def prefer(teaching: Teaching, id: str, clips: Sequence[Clip], value: float) -> None:
    """Stores and teaches a preference: above 0 for the second of two clips; sent again it counts once.

    Raises:
        InputError: Nobody listens, or who does heeds no signals.
        StoreError: The database cannot be used; nothing is stored.
    """
    _, live, who = teaching.listening()
    live.course.check_heeds(PREFERENCE)
    step = teaching.notebook.now
    teaching.teach(
        [
            Said(f"{id}:{side}", who, PREFERENCE, clip.uid, step, sign * value, _valued(clip, sign * value))
            for side, (clip, sign) in enumerate(zip(clips, (-1.0, 1.0), strict=True))
        ]
    )
    teaching.changed.value += 1


def _valued(clip: Clip, value: float) -> Lesson:
    assert clip.lesson is not None
    return dataclasses.replace(clip.lesson, value=value)


class Comparing:
    """Two clips of the world that a tab is set to, and the question which is better.

    Attributes:
        pair: The clips; `None`: nothing is asked.
    """

    def __init__(self, teaching: Teaching) -> None:
        self._teaching = teaching
        self._id = ""
        self.pair: solara.Reactive[tuple[Clip, ...] | None] = solara.Reactive(None)

    def ask(self) -> None:
        """Films two worlds under the policy that acts; says so on the page if that fails."""
        teaching = self._teaching
        try:
            self.pair.value = filmed(teaching.lab, teaching.lab.acting(), teaching.role_name, 2)
            self._id = uuid.uuid4().hex
        except AiraError as error:
            teaching.said.value = told(error)

    def answer(self, answer: str) -> None:
        """Takes an answer, one of `ANSWERS`, and asks no more."""
        pair, value, teaching = self.pair.value, ANSWERS[answer], self._teaching
        if pair is None:
            return
        try:
            if value:
                prefer(teaching, self._id, pair, value)
            elif value == 0.0:
                teaching.notebook.note(self._id, PREFERENCE, pair[0].uid, 0.0)
        except AiraError as error:
            teaching.said.value = told(error)
            return
        self.pair.value = None
