"""Teaching while a world runs: lessons come from any thread, are learned in one of its own, and can be taken back.

What is known is a function of where it began and of the lessons since, in order. To take a lesson back is to learn the
others anew: the outcome is what it would have been, had the lesson never come, to the last bit.
"""

import threading
from collections.abc import Callable, Iterable

from aira_agents.errors import AiraError
from aira_agents.human.course import Course
from aira_agents.human.reel import Lesson
from aira_agents.human.teaching import Taught
from aira_agents.learning.background import end_with_the_interpreter
from aira_agents.policies.policy import AbstractPolicy, Policy

KEPT = 32  # states after the last lessons: what is taken back is mostly the last one, or nearly


class _Learned:
    """What is known after lessons, in order; what was known on the way is kept: most changes are at the end."""

    def __init__(self, course: Course, first: Taught) -> None:
        self._course, self._first = course, first
        self._ids: list[str] = []
        self._states: list[tuple[int, Taught]] = []  # number of lessons, and what was known after them

    def after(self, lessons: dict[str, Lesson]) -> Taught:
        """Returns what is known after these lessons, and no others."""
        now = list(lessons)
        shared = next(
            (i for i, (a, b) in enumerate(zip(self._ids, now, strict=False)) if a != b), min(len(self._ids), len(now))
        )
        self._states = [(n, taught) for n, taught in self._states if n <= shared]
        self._ids = now[:shared]
        n, taught = self._states[-1] if self._states else (0, self._first)
        for index, lesson in enumerate(list(lessons.values())[n:], n):
            taught = self._course.learn(taught, lesson, index)
            self._states = [*self._states, (index + 1, taught)][-KEPT:]
        self._ids = now
        return taught


class LiveTeaching:
    """One course, taught while people watch.

    Attributes:
        fault: Why the last lesson could not be learned, for people to read; `None`: it was.
    """

    def __init__(
        self,
        course: Course,
        begin: Policy | None = None,
        lessons: Iterable[tuple[str, Lesson]] = (),
        learned: Callable[[], None] | None = None,
    ) -> None:
        """Begins to listen.

        Args:
            course: Who learns, and how.
            begin: The network that is taught on; `None`: an untrained one.
            lessons: Those of before, by id, such as the store has them.
            learned: Called in the thread that learns, whenever something was learned or taken back.
        """
        self.course = course
        self.begin = course.untrained() if begin is None else begin
        self._first = course.begun(self.begin)
        self._lock, self._changed = threading.Lock(), threading.Condition()
        self._lessons: dict[str, Lesson] = {}
        self._wanted: dict[str, Lesson] = {}
        self._all, self._some = _Learned(course, self._first), _Learned(course, self._first)
        self._asking = threading.Lock()
        self._taught, self._n_learned = self._first, 0
        self._learned_callback, self._leaving = learned, False
        self._dirty = False
        self.fault: str | None = None
        self._thread = threading.Thread(target=self._run, name="teaching", daemon=True)
        end_with_the_interpreter(self)
        self._thread.start()
        self.teach(dict(lessons))

    # From any thread.

    def teach(self, lessons: dict[str, Lesson]) -> None:
        """Takes lessons in, each by an id of its own; one that is known counts once."""
        with self._changed:
            for id, lesson in lessons.items():
                self.course.check(lesson)
                self._wanted.setdefault(id, lesson)
            self._wake()

    def take_back(self, ids: Iterable[str]) -> None:
        """Takes lessons back, as if they had never come; unknown ones do no harm."""
        with self._changed:
            for id in ids:
                self._wanted.pop(id, None)
            self._wake()

    @property
    def ids(self) -> list[str]:
        """The ids of all lessons, the oldest first."""
        with self._changed:
            return list(self._wanted)

    @property
    def network(self) -> Policy:
        """The network as it is now."""
        with self._lock:
            return self.course.network(self._taught)

    def network_after(self, lessons: dict[str, Lesson]) -> Policy:
        """Returns the network as it would be after these lessons alone, by id; waits for nobody."""
        with self._asking:
            return self.course.network(self._some.after(lessons))

    @property
    def policy(self) -> AbstractPolicy:
        """How agents act by it."""
        return self.course.listener.acting(self.network)

    @property
    def n_learned(self) -> int:
        """How many lessons are in what is known now."""
        with self._lock:
            return self._n_learned

    def settle(self, timeout_s: float = 60.0) -> bool:
        """Waits until all lessons are learned and `learned` was called; returns whether they are."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._dirty or self._leaving, timeout_s)

    def leave(self) -> None:
        """Ends the thread, soon."""
        with self._changed:
            self._leaving = True
            self._changed.notify_all()

    def join(self, timeout_s: float) -> None:
        """Waits until the thread has ended."""
        self._thread.join(timeout_s)

    # In its own thread.

    def _wake(self) -> None:
        if list(self._wanted) == list(self._lessons):
            return
        self._dirty = True
        self._changed.notify_all()

    def _run(self) -> None:
        self.course.warm(self._first)
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._dirty or self._leaving)
                if self._leaving:
                    return
                wanted = dict(self._wanted)
            try:
                self._learn(wanted)
                self.fault = None
            except AiraError as error:
                self.fault = str(error)
            except Exception as error:  # nobody else would hear of it
                self.fault = f"A lesson could not be learned: {type(error).__name__}: {error}"
            if self._learned_callback is not None and not self._leaving:
                self._learned_callback()  # before `settle` ends: who waited finds it in the world
            with self._changed:
                self._lessons = wanted
                self._dirty = list(self._wanted) != list(wanted)
                self._changed.notify_all()

    def _learn(self, wanted: dict[str, Lesson]) -> None:
        taught = self._all.after(wanted)
        with self._lock:
            self._taught, self._n_learned = taught, len(wanted)
