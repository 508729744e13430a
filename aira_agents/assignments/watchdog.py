"""Watches one submission's processes, and ends them all: too much memory, disk or output, too many processes."""

import contextlib
import itertools
import os
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

EVERY_S = 0.05
DISK_EVERY = 10  # times less often than the rest: a folder is walked
MOST_PROCESSES, MOST_WRITTEN_FILES = 16, 1000
KEPT_BYTES = 4000  # of what a submission prints
MARKER = "AIRA_SUBMISSION"


class Watchdog:
    """Two threads beside a running submission: one reads what it prints, one looks after it.

    Attributes:
        reason: Why it was ended, for people to read; `None`: it was not.
        late: Whether the reason is time.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        *,
        mark: str,
        user: int | None,
        may_fork: bool,
        home: Path,
        memory_mb: int,
        output_kb: int,
        written_mb: int,
    ) -> None:
        self.reason: str | None = None
        self.late = False
        self.deadline = float("inf")  # on the monotonic clock: ends whoever does not read or answer
        self._process, self._mark, self._user, self._may_fork = process, mark, user, may_fork
        self._memory, self._output, self._written = memory_mb * 2**20, output_kb * 1024, written_mb * 2**20
        self._home = home
        self._kept = bytearray()
        self._seen: set[psutil.Process] = set()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._drain, self._watch)]
        for thread in self._threads:
            thread.start()

    @property
    def printed(self) -> str:
        """The beginning of what it printed."""
        text = self._kept.decode("utf-8", "replace")
        return "".join(c if c.isprintable() or c == "\n" else " " for c in text)  # it shall control no terminal

    def end(self) -> None:
        """Ends every process of the submission, offspring that hid itself included."""
        self._over.set()
        self._kill()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(2.0)
        if self._process.stderr:
            with contextlib.suppress(OSError):
                self._process.stderr.close()

    def _drain(self) -> None:
        count = 0
        assert self._process.stderr is not None
        descriptor = self._process.stderr.fileno()
        with contextlib.suppress(OSError, ValueError):
            while part := os.read(descriptor, 65536):
                self._kept += part[: KEPT_BYTES - len(self._kept)]
                count += len(part)
                if count > self._output:
                    self._stop(f"it printed more than {self._output // 1024} kB")
                    return

    def _watch(self) -> None:
        for turn in itertools.count():
            if self._over.wait(EVERY_S):
                return
            self.late = time.monotonic() > self.deadline
            reason = "it took too long" if self.late else self._excess(disk=turn % DISK_EVERY == 0)
            if reason:
                self._stop(reason)
                return

    def _excess(self, *, disk: bool) -> str | None:
        """Returns what it has too much of; `disk`: looks there, too."""
        family = [one for one in (self._own(), *self._offspring()) if one]
        if len(family) > MOST_PROCESSES:
            return f"it started more than {MOST_PROCESSES} processes"
        if sum(_resident(one) for one in family) > self._memory:
            return f"it used more than {self._memory // 2**20} MB of memory"
        return _excess_on_disk(self._home, family, self._written) if disk else None

    def _stop(self, reason: str) -> None:
        if self.reason is None:
            self.reason = reason
        self._kill()

    def _own(self) -> psutil.Process | None:
        try:
            return psutil.Process(self._process.pid)
        except psutil.Error:
            return None

    def _offspring(self) -> list[psutil.Process]:
        own = self._own() if self._may_fork else None
        found: list[psutil.Process] = []
        with contextlib.suppress(psutil.Error):
            found = own.children(recursive=True) if own else []
        self._seen.update(found)
        return found

    def _kill(self) -> None:
        """Stops first, so that nothing multiplies while it is counted; then kills, until nothing is left."""
        for _ in range(20):
            family = {*self._offspring(), *(one for one in self._seen if one.is_running()), *self._hidden()}
            _signal_all(family, "SIGSTOP")
            if self._process.returncode is None:  # not reaped, so that its number is nobody else's
                if os.name == "posix":
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.killpg(self._process.pid, signal.SIGKILL)  # it leads a session of its own
                self._process.kill()
            _signal_all(family, "SIGKILL")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.2)
            if not family and self._process.poll() is not None:
                return

    def _hidden(self) -> list[psutil.Process]:
        """Returns offspring with other parents: they inherited the submission's environment, or are its user's."""
        found = []
        for one in psutil.process_iter() if self._may_fork else ():
            with contextlib.suppress(psutil.Error, OSError):
                if one.pid in (os.getpid(), self._process.pid) or one.status() == psutil.STATUS_ZOMBIE:
                    continue
                if one.environ().get(MARKER) == self._mark or (self._user and one.uids().real == self._user):
                    found.append(one)
        return found


def _excess_on_disk(home: Path, family: Iterable[psutil.Process], most: int) -> str | None:
    total = 0
    try:
        for count, found in enumerate(itertools.chain(_lying_in(home), *(_removed_by(one.pid) for one in family)), 1):
            total += found.st_blocks * 512 if hasattr(found, "st_blocks") else found.st_size
            if count > MOST_WRITTEN_FILES:
                return f"it wrote more than {MOST_WRITTEN_FILES} files"
            if total > most:
                return f"it wrote more than {most // 2**20} MB of files"
    except OSError:
        return "it made a folder that nobody can look into"
    return None


def _lying_in(folder: Path) -> Iterator[os.stat_result]:
    """Yields what lies in a folder and beneath; raises `OSError` where it cannot be seen."""
    left = [str(folder)]
    while left:
        with contextlib.suppress(FileNotFoundError), os.scandir(left.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                    yield entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False):
                        left.append(entry.path)


def _removed_by(process: int) -> Iterator[os.stat_result]:
    """Yields files that a process holds open though they have no name any more: they take room until it ends."""
    with contextlib.suppress(OSError), os.scandir(f"/proc/{process}/fd") as entries:  # of Linux only
        for entry in entries:
            with contextlib.suppress(OSError):
                found = os.stat(entry.path)
                if stat.S_ISREG(found.st_mode) and found.st_nlink == 0:
                    yield found


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0


def _signal_all(processes: Iterable[psutil.Process], name: str) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error, OSError):
            process.send_signal(getattr(signal, name, signal.SIGTERM))
