"""A submission at work in its own process, asked step by step; what goes wrong there is a `SubmissionError`."""

import contextlib
import itertools
import json
import os
import subprocess
import sys
import sysconfig
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from aira_agents.assignments import levels, pipe
from aira_agents.assignments.faults import GraderError, SubmissionError, error_line, shown_action
from aira_agents.assignments.levels import Level
from aira_agents.assignments.spec import Limits
from aira_agents.assignments.watchdog import MARKER, Watchdog

CHILD = Path(__file__).with_name("child.py")
PACKAGES = ("aira_agents", "environments")  # of this distribution: what a submission may read and import
CONFINE_S = 30.0
MOST_FILES, MOST_THREADS, LARGEST_FILE = 256, 256, 16 * 2**20
_users = itertools.count(levels.FIRST_USER)


class Runner:
    """A submission's process, from start to end; use it as a context.

    Attributes:
        kind: "numpy" or "jax": what it is asked with.
        printed: The beginning of what it printed.
    """

    def __init__(
        self,
        folder: Path,
        home: Path,
        setup: Mapping[str, Any],
        spaces: Mapping[str, Any],
        limits: Limits,
        level: Level,
    ) -> None:
        self._spaces, self._limits = spaces, limits
        self._number, self._acting_s = 1, 0.0
        strict = level.name in ("landlock", "container")
        user = next(_users) if level.name != "process" and levels.own_users() else None
        if user is not None:
            os.chown(home, user, user)
        readable = [str(folder), *_python()]
        self._setup = dict(setup) | {
            "folder": str(folder),
            "limits": None if level.name == "process" else _rlimits(limits, user),
            "confined": strict,
            "readable": readable,
            "writable": [str(home)],
        }
        mark = uuid.uuid4().hex
        command = [sys.executable, "-sPSBu", str(CHILD), json.dumps(_search_path())]
        try:
            self._process = subprocess.Popen(
                levels.wrapped(command, level, readable, [str(home)]),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
                cwd=home, env=_environment(home, mark), start_new_session=True,
                user=user, group=user, extra_groups=None if user is None else [],
            )  # fmt: skip
        except OSError as error:
            raise GraderError(f"The submission's process could not be started: {error}.") from error
        self._watchdog = Watchdog(
            self._process,
            mark=mark,
            user=user,
            may_fork=level.name != "landlock",
            home=home,
            memory_mb=limits.memory_mb,
            output_kb=limits.output_kb,
            written_mb=limits.written_mb,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._pipe = pipe.Pipe(self._process.stdout.fileno(), self._process.stdin.fileno())
        try:
            self._start()
        except BaseException as error:
            self.end()
            if isinstance(error, SubmissionError):
                error.printed = self.printed
            raise

    def __enter__(self) -> "Runner":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.end()

    @property
    def printed(self) -> str:
        """The beginning of what it printed."""
        return self._watchdog.printed

    def act(self, batch: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Returns the actions for one step of all worlds, checked; raises `SubmissionError`."""
        self._number += 1
        begun = time.monotonic()
        left_s = self._limits.total_s - self._acting_s
        if self.kind == "numpy":
            batch = {**batch, "keys": batch["row_keys"]}
        body = pipe.pack(self._asked, batch)
        message = self._exchange(pipe.BATCH, body, min(self._limits.step_s, left_s), self._answer_bytes)
        self._acting_s += time.monotonic() - begun
        if message.kind != pipe.ACTIONS or message.number != self._number or self._pipe.waiting():
            raise SubmissionError("INVALID", "It wrote to the pipe itself: only `act`'s answers belong there.")
        try:
            actions = pipe.unpack(self._answered, message.body)
        except pipe.ProtocolError as error:
            raise SubmissionError("INVALID", f"It wrote to the pipe itself: {error}.") from None
        for effector, space in self._spaces.items():
            self._check(effector, space, actions[effector], batch["alive"])
        return actions

    def end(self) -> None:
        """Ends its processes, all of them."""
        self._watchdog.end()
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                if stream:
                    stream.close()

    def _start(self) -> None:
        first = self._exchange(pipe.SETUP, pipe.text(self._setup), CONFINE_S, 0, grader=True)
        if first.kind != pipe.READY or first.number != 0:
            raise GraderError(f"The submission's process could not be shut in: {_record(first).get('told')}.")
        kind = _record(self._receive(self._limits.start_s, 0)).get("kind")
        if kind not in ("numpy", "jax"):
            raise SubmissionError("INVALID", "It wrote to the pipe itself: only `act`'s answers belong there.")
        self.kind = kind
        self._asked, self._answered = pipe.asked(self._setup, kind), pipe.answered(self._setup)
        self._answer_bytes = sum(spec.n_bytes for spec in self._answered)

    def _exchange(self, kind: int, body: bytes, within_s: float, longest: int, *, grader: bool = False) -> pipe.Message:
        self._watchdog.deadline = time.monotonic() + within_s + 1
        try:
            self._pipe.send(kind, self._number if kind == pipe.BATCH else 0, body)
        except pipe.ProtocolError:
            if not grader:
                raise self._gone() from None
        return self._receive(within_s, longest, grader=grader)

    def _receive(self, within_s: float, longest: int, *, grader: bool = False) -> pipe.Message:
        deadline = time.monotonic() + within_s
        self._watchdog.deadline = deadline + 1  # where a pipe cannot wait, and for who never reads
        try:
            message = self._pipe.receive(max(longest, pipe.LONGEST_TEXT), deadline)
        except pipe.LateError:
            raise SubmissionError("TIMEOUT", f"It did not answer within {within_s:.3g} s.") from None
        except pipe.ProtocolError as error:
            if grader:
                raise GraderError(f"The submission's process ended at once: {self.printed.strip()[-500:]}") from None
            raise self._gone(str(error)) from None
        self._watchdog.deadline = float("inf")
        if message.kind == pipe.FAULT and not grader:
            raise self._fault(_record(message))
        return message

    def _gone(self, why: str = "") -> SubmissionError:
        """Returns why it does not answer: it was ended, or ended itself."""
        if self._watchdog.reason:
            return SubmissionError(
                "TIMEOUT" if self._watchdog.late else "INVALID", f"It was stopped: {self._watchdog.reason}."
            )
        if why.startswith(("something", "a message", "a batch")):
            return SubmissionError("INVALID", f"It wrote to the pipe itself: {why}.")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        code = self._process.poll()
        if self._watchdog.reason:  # it was being ended while we waited
            return self._gone()
        if code is None:
            return SubmissionError("INVALID", "It closed the pipe to the grader.")
        if code < 0:
            return SubmissionError("ERROR", f"Its process was ended by signal {-code}, before the world ended.")
        return SubmissionError("ERROR", f"Its process ended by itself, with exit code {code}, before the world ended.")

    def _fault(self, record: dict[str, Any]) -> SubmissionError:
        if "effector" in record:
            space, row = self._spaces.get(record["effector"]), record.get("row")
            if space is None or not isinstance(row, int) or self._whom(row)[0] is None:
                return SubmissionError("INVALID", "It wrote to the pipe itself.")
            return self._wrong(space, shown_action(record.get("action")), row)
        state = "INVALID" if record.get("state") == "INVALID" else "ERROR"
        world, agent = self._whom(record.get("row"))
        return SubmissionError(
            state, error_line(record) if state == "ERROR" else str(record.get("told")), world=world, row=agent
        )

    def _whom(self, row: Any) -> tuple[int | None, int | None]:
        known = isinstance(row, int) and 0 <= row < self._setup["n_worlds"] * self._setup["capacity"]
        return divmod(row, self._setup["capacity"]) if known else (None, None)

    def _check(self, effector: str, space: Any, actions: np.ndarray, alive: np.ndarray) -> None:
        own = actions[alive]
        if own.size and not space.holds(own):
            for row in np.flatnonzero(alive):
                action = np.asarray(actions.reshape(-1, *actions.shape[2:])[row])
                if not space.holds(action):
                    raise self._wrong(space, action, int(row))

    def _wrong(self, space: Any, action: Any, row: int) -> SubmissionError:
        world, agent = self._whom(row)
        told = f"`act` must return {space.expected}; got {action}."
        if not isinstance(action, str):
            try:
                space.check(action)
            except ValueError as error:
                told = str(error)
        return SubmissionError("INVALID", told, world=world, row=agent)


def _record(message: pipe.Message) -> dict[str, Any]:
    try:
        return pipe.plain(message.body)
    except pipe.ProtocolError:
        return {}


def _rlimits(limits: Limits, user: int | None) -> dict[str, int]:
    found = {
        "RLIMIT_CORE": 0,
        "RLIMIT_FSIZE": LARGEST_FILE,
        "RLIMIT_NOFILE": MOST_FILES,
        "RLIMIT_CPU": int(2 * (limits.start_s + limits.total_s)) + 1,
    }
    return found if user is None else found | {"RLIMIT_NPROC": MOST_THREADS}


def _environment(home: Path, mark: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "PATH") if name in os.environ}
    return kept | {
        "HOME": str(home), "TMPDIR": str(home), "TEMP": str(home), "LANG": "C.UTF-8", MARKER: mark,
        "PYTHONHASHSEED": "0", "PYTHONUTF8": "1", "MPLBACKEND": "Agg", "MPLCONFIGDIR": str(home),
        "JAX_PLATFORMS": "cpu", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3",
    }  # fmt: skip


def _search_path() -> list[str]:
    return [str(Path(entry).resolve()) for entry in sys.path if entry and Path(entry).exists()]


def _python() -> list[str]:
    """Returns what Python reads: its library and packages, and of a source tree only the packages."""
    root = CHILD.parents[2]
    paths = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    paths |= {sys.prefix, sys.base_prefix, str(Path(sys.executable).resolve().parent)}
    paths |= {entry for entry in _search_path() if Path(entry) != root and "site-packages" in entry}
    return [str(path) for path in paths if path and Path(path) != root] + [str(root / name) for name in PACKAGES]
