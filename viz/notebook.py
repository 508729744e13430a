"""What is kept of a teaching: who agreed, what was said about which step, and what was taken back."""

import dataclasses
import time
import uuid
from collections.abc import Sequence
from typing import Any

from aira_agents.errors import InputError
from aira_agents.human.reel import Lesson
from aira_agents.store import FeedbackEvent, Run, Store
from aira_agents.store.retention import forget_expired

EVALUATION, TAKEOVER, UNDO, PREFERENCE, VETO = "evaluation", "takeover", "undo", "preference", "veto"
TEACHING = "teaching"  # the name of such runs


@dataclasses.dataclass(frozen=True)
class Said:
    """What a person said, or did, about an agent in a step."""

    id: str  # the client's
    who: str
    channel: str
    uid: int
    step: int  # of the session
    value: float
    lesson: Lesson


@dataclasses.dataclass(frozen=True)
class Entry:
    """One line of the log: what was said, and where its agent was in the steps that it is about."""

    said: Said
    marks: tuple[tuple[float, float, float, float], ...]  # x, y, credit, value


class Notebook:
    """The store, as one teaching uses it: nothing is written, nor any file made, before somebody agreed.

    A session goes on over resets and days: its steps and seconds only grow.
    """

    def __init__(self, world: str, database: str | None) -> None:
        self.world, self._database = world, database
        self._store: Store | None = None
        self.who: str | None = None
        self.session = ""
        self.first_step = 0  # of the session, when the present model began
        self.last_step = -1
        self._began_s = time.monotonic()

    def agree(self, token: str = "") -> str:
        """Takes down that a person agreed; returns their random id.

        Args:
            token: The id they had before, as their browser remembers it; an unknown one does no harm.

        Raises:
            StoreError: The database cannot be used.
        """
        if self._store is None:
            self._store = Store(self._database)
            forget_expired(self._store)
        self.who = token if token in self._store.participants() else self._store.new_participant()
        return self.who

    @property
    def store(self) -> Store:
        """The store; raises `InputError` before anybody agreed."""
        self.check_agreed()
        assert self._store is not None
        return self._store

    def check_agreed(self) -> None:
        """Raises `InputError` before anybody agreed."""
        if self._store is None:
            raise InputError("Nobody has agreed yet that signals are kept; press the button below the consent.")

    def earlier(self) -> list[Run]:
        """Returns what this person taught in this world before, the newest first."""
        if self._store is None or self.who is None:
            return []
        return self._store.runs(name=TEACHING, world=self.world, who=self.who)[::-1]

    def begin(self, record: dict[str, Any]) -> None:
        """Begins a session; `record` says what is needed to go on with it."""
        self.session = uuid.uuid4().hex
        self.store.add_run(Run(TEACHING, self.world, {**record, "session": self.session}, who=self.who))
        self.first_step, self.last_step, self._began_s = 0, -1, time.monotonic()

    def go_on(self, run: Run) -> list[Said]:
        """Goes on with a session; returns what was said in it and not taken back, in the order it came in.

        Raises:
            CorruptFileError: A lesson is damaged.
        """
        self.session = run.record["session"]
        everything = self.store.events(session=self.session)
        undone = {event.id for event in everything if event.channel == UNDO}
        self.first_step = max((event.step for event in everything), default=-1) + 1
        self.last_step = self.first_step - 1
        self._began_s = time.monotonic() - max((event.time_s for event in everything), default=0.0) - 1.0
        return [
            Said(e.id, e.who, e.channel, e.uid, e.step, e.signal, Lesson.from_bytes(data))
            for e, data in self.store.lessons(self.session)
            if _undo_id(e.id) not in undone
        ]

    @property
    def elapsed_s(self) -> float:
        """Seconds of this session, so far."""
        return time.monotonic() - self._began_s

    @property
    def now(self) -> int:
        """The step of the session that is on the screen; before the first of a world, that world's beginning."""
        return max(self.first_step, self.last_step)

    def new_model(self) -> None:
        """Says that another model is shown, whose steps begin anew."""
        self.first_step = self.last_step + 1

    def shown(self, step: int) -> None:
        """Says that this step of the model is on the screen."""
        self.last_step = self.first_step + step

    def keep(self, said: Sequence[Said]) -> list[Said]:
        """Stores what was said; returns what was stored, when it is committed. What is known already is left out.

        Raises:
            InputError: Something makes no sense; the rest is stored.
            StoreError: The database cannot be used; nothing is stored.
        """
        receipt = self.store.add_events(
            [self._event(one.id, one, one.value, one.channel) for one in said],
            current_step=self.now,
            lessons={one.id: one.lesson.to_bytes() for one in said},
        )
        reasons = [reason for reason in receipt.refused.values() if "stored already" not in reason]
        if reasons:
            raise InputError(reasons[0][:1].upper() + reasons[0][1:])
        return [one for one in said if one.id in receipt.stored]

    def note(self, id: str, channel: str, uid: int, value: float) -> None:
        """Stores what teaches nothing, such as that two clips are alike; raises `StoreError` as `keep` does."""
        now = (self.elapsed_s, self.now, uid, value, self.who or "", channel, self.world, self.session)
        self.store.add_events([FeedbackEvent(id, *now)])

    def take_back(self, said: Sequence[Said]) -> None:
        """Takes down that something was taken back; raises `StoreError` as `keep` does."""
        self.store.add_events([self._event(_undo_id(one.id), one, 0.0, UNDO) for one in said])

    def _event(self, id: str, said: Said, value: float, channel: str) -> FeedbackEvent:
        return FeedbackEvent(
            id, self.elapsed_s, said.step, said.uid, value, said.who, channel, self.world, self.session
        )

    def close(self) -> None:
        """Closes the store."""
        if self._store is not None:
            self._store.close()


def last_said(log: Sequence[Entry], who: str) -> list[Entry]:
    """Returns the last that a person said: one entry, or both sides of a preference, which is one answer."""
    mine = [entry for entry in log if entry.said.who == who]
    return [entry for entry in mine if _answer(entry.said) == _answer(mine[-1].said)]


def _answer(said: Said) -> str:
    return said.id.rpartition(":")[0] if said.channel == PREFERENCE else said.id


def _undo_id(id: str) -> str:
    return f"undo:{id}"[:64]
