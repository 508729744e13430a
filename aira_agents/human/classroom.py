"""A class: who joined by its code, what the lecturer asks of it, and what may be said. No web, no store, no world.

A student is known by a secret token that only their phone has; to all others they are an animal.
"""

import collections
import dataclasses
import secrets
import threading
import time
from collections.abc import Callable

from aira_agents.errors import AiraError
from aira_agents.human.attempts import Allowance

MODES = ("wait", "vote", "steer", "compare", "guess")
MOST_STUDENTS = 300
REMEMBERED = 200  # messages of each student, by id: sent again they count once
AWAY_S = 10.0  # without a sign of life
COLOURS = (
    "amber", "azure", "brown", "coral", "crimson", "golden", "green", "indigo", "ivory", "jade", "lilac", "mauve",
    "ochre", "olive", "orange", "pearl", "pink", "purple", "red", "ruby", "silver", "teal", "violet", "white",
)  # fmt: skip
ANIMALS = (
    "ant", "badger", "bat", "bear", "bee", "beetle", "camel", "cat", "crab", "crane", "crow", "deer", "dog", "dove",
    "duck", "eagle", "eel", "falcon", "ferret", "finch", "fox", "frog", "goat", "goose", "hare", "heron", "horse",
    "ibis", "koala", "lark", "lemur", "lion", "lizard", "llama", "lynx", "mole", "moose", "moth", "mouse", "newt",
    "otter", "owl", "panda", "pony", "quail", "rabbit", "raven", "robin", "seal", "shark", "sheep", "snail", "stork",
    "swan", "tiger", "toad", "trout", "turtle", "whale", "wolf", "wren", "yak", "zebra",
)  # fmt: skip


class RefusedError(AiraError):
    """What a student asked for is refused; the message is for them."""


@dataclasses.dataclass
class Student:
    """One who joined."""

    token: str  # a secret of their phone
    who: str  # the random id of a participant
    name: str
    seen_s: float  # when there was last a sign of life
    heard: collections.deque[str] = dataclasses.field(default_factory=lambda: collections.deque(maxlen=REMEMBERED))


class Classroom:
    """One class of one server; any thread may use it.

    Attributes:
        code: By which students join.
        mode: What they are asked to do; one of `MODES`.
        frozen: Whether they may say nothing for now.
        version: Grows when any of it has changed.
    """

    def __init__(self, code: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.code, self.mode, self.frozen, self.version = code, "wait", False, 0
        self._clock = clock
        self._students: dict[str, Student] = {}
        self._lock = threading.Lock()
        self._tries = Allowance(burst=8, per_s=0.2, clock=clock)  # of codes, by address
        self._all_tries = Allowance(burst=200, per_s=5, clock=clock)  # by everybody together
        self._sayings = Allowance(burst=20, per_s=8, clock=clock)  # by student

    # Students.

    def check_code(self, code: str, address: str) -> None:
        """Raises `RefusedError` if a code is wrong, or if too many wrong ones came from that address, or from all.

        While there were too many, the right one is refused too: a guesser learns nothing.
        """
        right = secrets.compare_digest(code.strip().upper().encode(), self.code.encode())
        blocked = self._tries.is_empty(address) or self._all_tries.is_empty("all")
        if not right and not blocked:
            self._tries.take(address)
            self._all_tries.take("all")
            raise RefusedError("That is not the code of this class.")
        if blocked:
            raise RefusedError("Too many wrong codes; wait a minute, and read the code again.")

    def join(self, who: str) -> Student:
        """Takes in a participant who knew the code; raises `RefusedError` if the class is full."""
        with self._lock:
            if len(self._students) >= MOST_STUDENTS:
                raise RefusedError(f"This class is full: {MOST_STUDENTS} have joined.")
            student = Student(secrets.token_urlsafe(18), who, self._free_name(), self._clock())
            self._students[student.token] = student
            self.version += 1
            return student

    def _free_name(self) -> str:
        taken = {student.name for student in self._students.values()}
        while True:
            name = f"{secrets.choice(COLOURS)} {secrets.choice(ANIMALS)}"
            if name not in taken:
                return name

    def student(self, token: str) -> Student:
        """Returns who has this token, with a sign of life; raises `RefusedError` if nobody has."""
        with self._lock:
            found = self._students.get(token)
            if found is None:
                raise RefusedError("You are not in this class (any more): join by its code.")
            found.seen_s = self._clock()
            return found

    def has(self, student: Student) -> bool:
        """Whether somebody is still in this class."""
        return self._students.get(student.token) is student

    def remove(self, name: str) -> Student | None:
        """Takes somebody out, for the lecturer; returns who that was."""
        with self._lock:
            for token, student in self._students.items():
                if student.name == name:
                    self.version += 1
                    return self._students.pop(token)
        return None

    def students(self) -> list[tuple[Student, bool]]:
        """Returns everybody by name, and whether there was a sign of life of late."""
        with self._lock:
            now = self._clock()
            found = [(student, now - student.seen_s < AWAY_S) for student in self._students.values()]
        return sorted(found, key=lambda one: one[0].name)

    # The lecturer.

    def set_mode(self, mode: str) -> None:
        """Sets what the class is asked to do."""
        assert mode in MODES
        self.mode = mode
        self.version += 1

    def freeze(self, frozen: bool) -> None:
        """Lets nobody say anything for now, or again."""
        self.frozen = frozen
        self.version += 1

    def check_may(self, student: Student, mode: str) -> None:
        """Raises `RefusedError` if a student may not say something of this mode now."""
        if self.frozen:
            raise RefusedError("Frozen: the lecturer asks everybody to wait.")
        if self.mode != mode:
            raise RefusedError(f"It is not time to {mode} now.")
        if not self._sayings.take(student.token):
            raise RefusedError("Slower, please: so much at once does not count.")
