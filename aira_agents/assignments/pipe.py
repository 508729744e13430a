"""Messages between the grader and a submission: a fixed header and raw arrays, and never a pickle.

Both ends know the arrays of a batch beforehand, so that a message is as long as it must be or is refused. What comes
from a submission is data of known types: it can be wrong, but it cannot do anything.
"""

import json
import math
import os
import select
import struct
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

HEADER = struct.Struct("<4sBII")  # mark, kind, number of the message, length of the body
MARK = b"aira"
SETUP, READY, BATCH, ACTIONS, FAULT = range(1, 6)
LONGEST_TEXT = 64 * 1024  # of a message that is no batch


class Spec(NamedTuple):
    """One array of a batch."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def n_bytes(self) -> int:
        """Its length in a message."""
        return np.dtype(self.dtype).itemsize * math.prod(self.shape)


class Message(NamedTuple):
    """What came."""

    kind: int
    number: int
    body: bytes


class ProtocolError(Exception):
    """The other end is gone, or says what no honest end says."""


class LateError(Exception):
    """Nothing came in time."""


def pack(specs: Sequence[Spec], arrays: Mapping[str, np.ndarray]) -> bytes:
    """Returns arrays as the body of a message."""
    return b"".join(np.ascontiguousarray(arrays[s.name], s.dtype).tobytes() for s in specs)


def unpack(specs: Sequence[Spec], body: bytes) -> dict[str, np.ndarray]:
    """Returns the arrays of a body, read-only; raises `ProtocolError` if its length is another."""
    if len(body) != sum(s.n_bytes for s in specs):
        raise ProtocolError(f"a batch of {len(body)} bytes came where {sum(s.n_bytes for s in specs)} are due")
    arrays, start = {}, 0
    for spec in specs:
        flat = np.frombuffer(body, spec.dtype, math.prod(spec.shape), start)
        arrays[spec.name], start = flat.reshape(spec.shape), start + spec.n_bytes
    return arrays


class Pipe:
    """One end: two file descriptors."""

    def __init__(self, read_from: int, write_to: int) -> None:
        self._in, self._out = read_from, write_to
        self._poll = select.poll() if hasattr(select, "poll") else None
        if self._poll:
            self._poll.register(read_from, select.POLLIN)

    def send(self, kind: int, number: int, body: bytes) -> None:
        """Writes a message; raises `ProtocolError` if nobody is there to read it."""
        data = memoryview(HEADER.pack(MARK, kind, number, len(body)) + body)
        try:
            while data:
                data = data[os.write(self._out, data) :]
        except OSError as error:
            raise ProtocolError(str(error)) from error

    def receive(self, longest: int, deadline: float | None = None) -> Message:
        """Waits for a message.

        Args:
            longest: A longer body is refused unread.
            deadline: On the monotonic clock; `None`: for ever. On Windows the watchdog ends the other side instead.

        Raises:
            ProtocolError: The other end is gone, or wrote what is no message.
            LateError: It did not come in time.
        """
        mark, kind, number, length = HEADER.unpack(self._exactly(HEADER.size, deadline))
        if mark != MARK or length > longest:
            raise ProtocolError("something else than a message was written to the pipe")
        return Message(kind, number, self._exactly(length, deadline))

    def waiting(self) -> bool:
        """Says whether something came that nobody asked for."""
        return bool(self._poll and self._poll.poll(0))

    def _exactly(self, n_bytes: int, deadline: float | None) -> bytes:
        parts, missing = [], n_bytes
        while missing:
            if deadline is not None and self._poll:
                left = deadline - time.monotonic()
                if left <= 0 or not self._poll.poll(left * 1000):
                    raise LateError
            try:
                part = os.read(self._in, missing)
            except OSError as error:
                raise ProtocolError(str(error)) from error
            if not part:
                raise ProtocolError("it closed the pipe")
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)


def text(value: Any) -> bytes:
    """Returns a JSON value as the body of a message."""
    return json.dumps(value).encode()


def plain(body: bytes) -> dict[str, Any]:
    """Returns what `text` made; raises `ProtocolError` for anything else."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("a message that is no JSON") from error
    if not isinstance(value, dict):
        raise ProtocolError("a message that is no record")
    return value


def asked(setup: Mapping[str, Any], kind: str) -> list[Spec]:
    """Returns the arrays that a submission is asked with, a step of all worlds; `kind` is "numpy" or "jax"."""
    worlds, capacity = setup["n_worlds"], setup["capacity"]
    rows = (worlds, capacity)
    specs = [Spec("features", "<f4", (*rows, setup["n_features"])), Spec("alive", "|b1", rows)]
    if kind == "numpy":
        return [*specs, Spec("keys", "<u4", (*rows, 2))]
    specs += [Spec("keys", "<u4", (worlds, 2)), Spec("fresh", "|b1", rows), Spec("parent", "<i4", rows)]
    return specs + [Spec(f"valid/{name}", "|b1", (*rows, n)) for name, n in setup["valid"].items()]


def answered(setup: Mapping[str, Any]) -> list[Spec]:
    """Returns the arrays that it answers with: whole numbers, or as many numbers as the effector takes."""
    rows = (setup["n_worlds"], setup["capacity"])
    return [Spec(name, "<f4" if n else "<i8", (*rows, n) if n else rows) for name, n in setup["effectors"].items()]


def nothing_asked(setup: Mapping[str, Any], kind: str) -> dict[str, np.ndarray]:
    """Returns a batch of zeros, to compile with."""
    return {spec.name: np.zeros(spec.shape, spec.dtype) for spec in asked(setup, kind)}


def nothing_answered(setup: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Returns an answer of zeros."""
    return {spec.name: np.zeros(spec.shape, spec.dtype) for spec in answered(setup)}
