"""Where a class meets the world on the lecturer's page: votes become lessons, keys become steps, frames go out."""

import contextlib
import functools
import statistics
import threading
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from solara.server.kernel_context import get_current_context

from aira_agents.errors import AiraError
from aira_agents.hosting.steered import Steered
from aira_agents.human.agreement import alpha
from aira_agents.human.classroom import Classroom, RefusedError, Student
from aira_agents.human.course import why_untaught
from aira_agents.human.verdicts import Ballot, verdict
from aira_agents.store import FeedbackEvent
from viz.classroom.quiz import SKIP, Quiz
from viz.classroom.takes import Takes
from viz.comparing import prefer
from viz.notebook import PREFERENCE
from viz.packet import packed
from viz.scene import Scales, scene_of

QUESTION_S = 1.0  # votes within so long are about one question
SURE = 0.1  # below it, the class has not said anything
VOTE, COMPARE, GUESS = "vote", "compare", "guess"


class Stage:
    """One class on one tab; any thread may use it.

    Attributes:
        room: Who is there.
        ballot: The last votes.
        pairs: Clips to compare.
        riddles: Clips to guess at.
        takes: Clips of agents that somebody led, to make riddles of.
        curve: What the class said of each question, -1..1, in order.
        untaught: Why this class can only watch; "" where it can teach.
    """

    def __init__(self, room: Classroom, lab: Any) -> None:
        self.room, self.lab = room, lab
        self.ballot, self.pairs, self.riddles = Ballot(), Quiz(), Quiz()
        self.takes = Takes(lab.teaching.role_name)
        lab.teaching.watched = self._watch
        self.curve: list[float] = []
        self.untaught = why_untaught(lab.environment())
        self._lock = threading.Lock()
        self._open: dict[int, dict[str, tuple[int, float, int]]] = {}  # question to person to step, age and uid
        self._scales, self._frame, self._version = Scales(), (0, b""), -1
        try:
            self._context: Any = get_current_context()
        except RuntimeError:  # without a page, as in tests
            self._context = contextlib.nullcontext()

    # What goes out.

    def frame(self) -> tuple[int, bytes]:
        """Returns the number and the bytes of the newest frame."""
        model = self._with(lambda: self.lab.model.value)
        with self._lock:
            if (id(model), model.version) != self._version:
                environment, state, step = model.moment()
                self._version = (id(model), model.version)
                number = self._frame[0] + 1
                self._frame = (number, packed(scene_of(environment, state, scales=self._scales), number, step))
            return self._frame

    def state_for(self, student: Student) -> dict[str, Any]:
        """Returns what a phone needs to know."""
        teaching = self.lab.teaching
        leading = teaching.leading
        uid = self._with(teaching.subject)
        if self.room.mode == "steer" and leading is not None:
            uid = leading.helm.leads.get(student.who, -1)
        told: dict[str, Any] = {
            "kind": "state",
            "mode": self.room.mode,
            "frozen": self.room.frozen,
            "ready": teaching.is_on,
            "why": self.untaught and f"In this world a class can only watch. {self.untaught}",
            "uid": uid,
            "actions": list(leading.helm.actions) if leading is not None else [],
        }
        quiz = {COMPARE: self.pairs, GUESS: self.riddles}.get(self.room.mode)
        if quiz is not None:
            question = quiz.deal(student.who)
            told["question"] = None if question is None else {
                "id": question.id, "clips": len(question.clips), "uids": question.uids, "answers": question.answers,
            }  # fmt: skip
        return told

    # What comes in.

    def hear(self, student: Student, message: dict[str, Any]) -> None:
        """Stores and obeys what a student said; returns when it is committed.

        Raises:
            RefusedError: It may not be said now, or makes no sense.
            StoreError: The database cannot be used; it may be sent again.
        """
        kind, id = message.get("kind"), message.get("id")
        if not isinstance(id, str):
            raise RefusedError("A message needs an id; load this page again.")
        if id in student.heard:
            return
        say = {VOTE: self._vote, "press": self._press, COMPARE: self._compare, GUESS: self._guess}.get(str(kind))
        if say is None:
            raise RefusedError("Nothing is known of such a message.")
        self.room.check_may(student, "steer" if kind == "press" else str(kind))
        if not self.lab.teaching.is_on:
            raise RefusedError(self.untaught or "The lecturer has not begun yet; wait.")
        try:
            say(student, message)
        except AiraError:
            raise
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise RefusedError("That message made no sense; load this page again.") from error
        student.heard.append(id)

    def _vote(self, student: Student, message: dict[str, Any]) -> None:
        value, age_s, step = _number(message["value"]), _number(message["age_s"]), int(message["step"])
        uid = self._with(self.lab.teaching.subject)
        if uid < 1:
            raise RefusedError("Nobody is being judged; wait until the lecturer has chosen an agent.")
        if not 0 <= step <= self._last_step():
            raise RefusedError("That is about a step that nobody has seen.")
        vote = 1 if value > 0 else -1
        if not self._keep(student, message, step, uid, float(vote), VOTE):
            return  # sent again: it counted
        with self._lock:
            question = int(time.monotonic() / QUESTION_S)
            self.ballot.cast(question, student.who, vote)
            self._open.setdefault(question, {})[student.who] = (step, min(max(age_s, 0.0), 3600.0), uid)

    def _press(self, student: Student, message: dict[str, Any]) -> None:
        leading = self.lab.teaching.leading
        if leading is None:
            raise RefusedError("Such agents cannot be led by keys.")
        if student.who not in leading.helm.leads:
            agents = self._with(lambda: self.lab.model.value).moment()[1].agents[leading.helm.role.name]
            taken = set(leading.helm.leads.values())
            free = sorted(set(np.asarray(agents.uid)[np.asarray(agents.alive)].tolist()) - taken)
            if not free:
                raise RefusedError("All agents are led by others; wait until one is free.")
            leading.helm.take(student.who, free[0])
        action = message["action"]
        leading.helm.press(student.who, None if action is None else str(action))

    def _compare(self, student: Student, message: dict[str, Any]) -> None:
        self._answer(self.pairs, student, message, PREFERENCE)

    def _guess(self, student: Student, message: dict[str, Any]) -> None:
        self._answer(self.riddles, student, message, GUESS)

    def _answer(self, quiz: Quiz, student: Student, message: dict[str, Any], channel: str) -> None:
        question, answer = quiz.find(str(message["question"])), str(message["answer"])
        if student.who in quiz.given[question.id]:
            return  # sent again
        quiz.answer(student.who, question.id, answer)
        if answer != SKIP:
            uid = max(1, question.uids[0])
            self._keep(student, message, self._last_step(), uid, float(question.answers.index(answer)), channel)

    def _keep(self, student: Student, message: Any, step: int, uid: int, value: float, channel: str) -> bool:
        """Stores an event; returns whether it is new."""
        notebook = self.lab.teaching.notebook
        event = FeedbackEvent(
            f"{student.who}:{message['id']}",  # nobody can use up another's ids
            notebook.elapsed_s, notebook.first_step + step, uid, value, student.who, channel,
            notebook.world, notebook.session,
        )  # fmt: skip
        receipt = notebook.store.add_events([event], current_step=notebook.now)
        for reason in receipt.refused.values():
            if "stored already" not in reason:
                raise RefusedError(f"Not taken: {reason}")
        return event.id in receipt.stored

    def _watch(self, model: Steered, leads: Mapping[str, int], pressed: Mapping[str, int]) -> None:
        if self.takes.role != self.lab.teaching.role_name:  # another role is taught now
            self.takes = Takes(self.lab.teaching.role_name)
        self.takes.watch(model, leads, pressed)

    def _last_step(self) -> int:
        notebook = self.lab.teaching.notebook
        return notebook.now - notebook.first_step

    # What becomes of it.

    def tick(self) -> None:
        """Teaches what the class said in the questions that are over; called a few times a second."""
        now = int(time.monotonic() / QUESTION_S)
        with self._lock:
            over = sorted(question for question in self._open if question < now)
            closed = [(question, self._open.pop(question), self.ballot.value_of(question)) for question in over]
        for question, voters, value in closed:
            self.curve = [*self.curve, value][-2000:]
            if abs(value) < SURE or self.room.frozen:
                continue
            step, age_s, uid = statistics.median_low(voters.values())
            teaching = self.lab.teaching
            try:
                id = f"class:{teaching.notebook.session[:16]}:{question}"
                self._with(functools.partial(teaching.signal, id, value, uid, step, age_s))
            except AiraError as error:
                self._with(functools.partial(teaching.said.set, str(error)))

    def teach_pairs(self) -> None:
        """Teaches what the class prefers: of each pair once, as surely as its votes go together."""
        matrix = self.pairs.matrix()
        votes = np.select([matrix == 1, matrix == 2], [-1, 1], 0)
        for question, value in zip(
            self.pairs.questions, verdict(votes).value.tolist() if matrix.size else [], strict=False
        ):
            if abs(value) >= SURE:
                try:
                    self._with(functools.partial(prefer, self.lab.teaching, question.id, question.clips, value))
                except AiraError as error:
                    self._with(functools.partial(self.lab.teaching.said.set, str(error)))

    def remove(self, name: str) -> None:
        """Takes somebody out: their votes and answers no longer count."""
        student = self.room.remove(name)
        if student is None:
            return
        with self._lock:
            self.ballot.retract(student.who)
            for voters in self._open.values():
                voters.pop(student.who, None)
        self.pairs.retract(student.who)
        self.riddles.retract(student.who)
        self.takes.retract(student.who)
        if self.lab.teaching.leading is not None:
            self.lab.teaching.leading.helm.release(student.who)

    def clear(self) -> None:
        """Forgets votes and questions; what was taught stays, and can be undone or begun anew."""
        with self._lock:
            self.ballot.clear()
            self._open.clear()
            self.curve = []
        self.pairs.clear()
        self.riddles.clear()
        self.room.version += 1

    def release_all(self) -> None:
        """Gives all agents back to their policy."""
        if self.lab.teaching.leading is not None:
            self.lab.teaching.leading.helm.release_all()

    def agreement(self, mode: str | None = None) -> float | None:
        """Returns Krippendorff's alpha of what is judged in a mode, or now; `None` where it is not defined."""
        with self._lock:
            votes = self.ballot.matrix()
        quiz = {COMPARE: self.pairs, GUESS: self.riddles}.get(mode or self.room.mode)
        return alpha(votes if quiz is None else quiz.matrix())

    def answers(self) -> dict[str, dict[str, int]]:
        """Returns how often each answer to each question about clips was given, by what the question is called."""
        pairs, riddles = self.pairs.counts(), self.riddles.counts()
        named = {f"Pair {number}": one for number, one in enumerate(pairs, 1)}
        return named | {f"Riddle {number}": one for number, one in enumerate(riddles, 1)}

    def informedness(self) -> dict[str, float]:
        """Returns what the votes of each participant are worth, 0..1."""
        with self._lock:
            people, votes = self.ballot.people, self.ballot.matrix()
        return dict(zip(people, verdict(votes).informedness.tolist(), strict=True)) if people else {}

    def _with(self, call: Any) -> Any:
        """Calls in the tab's own context, where its reactive values are."""
        with self._context:
            return call()


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise RefusedError("A number was expected.")
    return float(value)
