"""A number that grows when something happens, though never faster than a page should be drawn anew."""

import threading
import time

import solara


class Ticker:
    """Counts at once if it was quiet for `rest_s`, else soon, so that the last change is always seen."""

    def __init__(self, rest_s: float) -> None:
        self.tick, self._rest_s = solara.Reactive(0), rest_s
        self._last, self._timer = 0.0, None

    def moved(self) -> None:
        """Says that something changed."""
        now = time.monotonic()
        if now - self._last >= self._rest_s:
            self._last = now
            self.tick.value += 1
        elif self._timer is None:
            self._timer = threading.Timer(self._rest_s, self._late)
            self._timer.daemon = True
            self._timer.start()

    def _late(self) -> None:
        self._timer, self._last = None, time.monotonic()
        self.tick.value += 1

    def close(self) -> None:
        """Counts no more."""
        if self._timer is not None:
            self._timer.cancel()
