"""How often something may be tried: a few times at once, then ever so often."""

import threading
import time
from collections.abc import Callable

MOST_NAMES = 10_000  # that are kept count of; beyond, the oldest are dropped


class Allowance:
    """A bucket of tokens for each name: `burst` at once, and `per_s` more a second.

    >>> clock = [0.0]
    >>> tries = Allowance(burst=2, per_s=1.0, clock=lambda: clock[0])
    >>> [tries.take("ann") for _ in range(3)]
    [True, True, False]
    >>> clock[0] = 1.0
    >>> tries.take("ann"), tries.take("ann"), tries.take("bob")
    (True, False, True)
    """

    def __init__(self, burst: float, per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._per_s, self._clock = burst, per_s, clock
        self._left: dict[str, tuple[float, float]] = {}  # name to tokens, and when that was
        self._lock = threading.Lock()

    def is_empty(self, name: str) -> bool:
        """Whether there is no token."""
        with self._lock:
            return self._tokens(name, self._clock()) < 1

    def _tokens(self, name: str, now: float) -> float:
        tokens, then = self._left.get(name, (self._burst, now))
        return min(self._burst, tokens + (now - then) * self._per_s)

    def take(self, name: str) -> bool:
        """Takes one token; returns whether there was one."""
        with self._lock:
            now = self._clock()
            tokens = self._tokens(name, now)
            self._left.pop(name, None)
            allowed = tokens >= 1
            self._left[name] = (tokens - 1 if allowed else tokens, now)
            while len(self._left) > MOST_NAMES:
                del self._left[next(iter(self._left))]
            return allowed
