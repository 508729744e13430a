"""Ctrl-C as a wish instead of an accident: the loop finishes what it does, saves, and then leaves."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class Interrupt:
    """While entered, the first Ctrl-C sets `wished`; the second interrupts at once, as ever."""

    def __init__(self) -> None:
        self.wished = False
        self._before: Any = None

    def __enter__(self) -> "Interrupt":
        # Only the main thread may listen to signals; elsewhere (the page) there is a button for it.
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._wish)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _wish(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self.wished:
            raise KeyboardInterrupt("Interrupted before saving; the last checkpoint is whole.")
        self.wished = True
