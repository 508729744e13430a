"""Beside the page: what takes seconds, mostly because it compiles, is done in a thread, and the page goes on."""

import logging
import threading
from collections.abc import Callable

import solara

from aira_agents.learning.background import end_with_the_interpreter

logger = logging.getLogger("viz")
COMPILING = "Compiling; this takes some seconds. The world goes on meanwhile."


class Beside:
    """One thing at a time; of what is asked for meanwhile, the last is done then.

    Attributes:
        busy: Whether something is under way.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        """`say` is told what failed in a way that nobody foresaw."""
        self.busy = solara.Reactive(False)
        self._say, self._left = say, False
        self._lock, self._runs = threading.Lock(), False
        self._next: Callable[[], object] | None = None
        self._thread: threading.Thread | None = None

    def do(self, what: Callable[[], object]) -> None:
        """Does it, soon: nobody who asks is kept from asking, since a list that is closed loses who is at the keys."""
        with self._lock:
            self._next = what
            if self._runs or self._left:
                return
            self._runs = True
        self.busy.value = True
        end_with_the_interpreter(self)
        self._thread = threading.Thread(target=self._run, name="beside the page", daemon=True)
        self._thread.start()

    def leave(self) -> None:
        """The tab was closed: what is under way ends, and is told to nobody."""
        self._left = True

    def join(self, timeout_s: float) -> None:
        """Waits until what is under way has ended."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while (what := self._taken()) is not None:
            try:
                what()
            except Exception as error:  # nobody else would hear of it
                if not self._left:  # a closed tab's values are gone
                    logger.error("What was done beside the page failed", exc_info=error)
                    self._say(f"That failed ({type(error).__name__}); the terminal shows where. Try it again.")
        if not self._left:
            self.busy.value = self._runs

    def _taken(self) -> Callable[[], object] | None:
        with self._lock:
            what, self._next = None if self._left else self._next, None
            self._runs = what is not None
            return what
