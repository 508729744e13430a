"""Many writers, one transaction: whoever comes while another writes is written with the next.

A transaction costs much more than a row, and writers of SQLite take turns anyway: thirty threads that each wait for
their own event share a few transactions instead of queueing for thirty.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Batching(Generic[Item, Result]):
    """Calls `write` with the items of all who wait; each gets the result of its own, or what `write` raised."""

    def __init__(self, write: Callable[[Sequence[Item]], Sequence[Result]]) -> None:
        self._write = write
        self._turn = threading.Lock()
        self._waiting: list[tuple[Item, Future[Result]]] = []
        self._gate = threading.Lock()

    def __call__(self, item: Item) -> Result:
        """Returns when the item is written."""
        own: Future[Result] = Future()
        with self._gate:
            self._waiting.append((item, own))
        with self._turn:
            if not own.done():
                self._write_waiting()
        return own.result()

    def _write_waiting(self) -> None:
        with self._gate:
            batch, self._waiting = self._waiting, []
        try:
            results = self._write([item for item, _ in batch])
        except BaseException as error:
            for _, future in batch:
                future.set_exception(error)
            return
        for (_, future), result in zip(batch, results, strict=True):
            future.set_result(result)
