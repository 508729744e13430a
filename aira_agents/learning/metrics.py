"""What a run measured, one row an update: a CSV file, and TensorBoard's format for who asks for it."""

import csv
import io
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from aira_agents.errors import CorruptFileError, InputError
from aira_agents.learning.checkpoint import Progress
from aira_agents.results import unwritable, write_atomically

NAME = "metrics.csv"
FIXED = ("update", "steps", "seconds")  # updates and environment steps since the start, seconds of training


class MetricsFile:
    """Appends rows to `metrics.csv`; what was not measured (not-a-number) is left blank."""

    def __init__(self, folder: Path, names: Sequence[str], *, resume_after: int = 0) -> None:
        """Begins the file, or goes on after the update `resume_after`, dropping later rows of a run that was killed.

        Raises:
            InputError: The folder cannot be written to.
            CorruptFileError: The file that is to be gone on with has other columns, or rows are missing.
        """
        self.path = folder / NAME
        self._columns = (*FIXED, *names)
        kept = self._rows_to_keep(resume_after) if resume_after else []
        write_atomically(self.path, _lines([self._columns, *kept]).encode())
        try:
            self._file = self.path.open("a", encoding="utf-8", newline="")
        except OSError as error:
            raise unwritable(self.path, error) from error

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Adds a row for each update; `sync` makes them durable."""
        self._write(_lines([[_text(row[column]) for column in self._columns] for row in rows]))

    def sync(self) -> None:
        """Waits until all rows are on the disk: done before each checkpoint, so that no resumed run has a hole."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise unwritable(self.path, error) from error

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _write(self, text: str) -> None:
        try:
            self._file.write(text)
            self._file.flush()
        except OSError as error:
            raise unwritable(self.path, error) from error

    def _rows_to_keep(self, last: int) -> list[list[str]]:
        columns, rows = read_rows(self.path)
        if tuple(columns) != self._columns:
            raise CorruptFileError(
                f"{self.path} has other columns than this learner measures: expected {', '.join(self._columns)}; "
                f"got {', '.join(columns)}. Move it away."
            )
        kept = rows[:last]
        if [row[0] for row in kept] != [str(update) for update in range(1, last + 1)]:
            raise CorruptFileError(f"{self.path} lacks rows: expected updates 1..{last}, one row each. Was it edited?")
        return kept


def read_rows(path: Path) -> tuple[list[str], list[list[str]]]:
    """Returns the columns and the complete rows, as text; the half row that a kill leaves is dropped.

    Raises:
        InputError: There is no such file.
        CorruptFileError: It is not a table of metrics.
    """
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise InputError(f"Cannot read {path} ({error.strerror}); expected the metrics of a training run.") from error
    except UnicodeDecodeError as error:
        raise CorruptFileError(f"{path} is not a text file; expected the metrics of a training run.") from error
    lines = list(csv.reader(io.StringIO(text[: text.rfind("\n") + 1])))
    if not lines or tuple(lines[0][: len(FIXED)]) != FIXED:
        raise CorruptFileError(
            f"{path} is not a table of metrics: expected its first columns to be {', '.join(FIXED)}."
        )
    return lines[0], [line for line in lines[1:] if len(line) == len(lines[0])]


class Recorder:
    """Writes the metrics of a run wherever they were asked for; without a folder nowhere."""

    def __init__(
        self, folder: Path | None, names: Sequence[str], steps_per_update: int, begun: Progress, tensorboard: bool
    ) -> None:
        """Opens the files, or goes on with those of a run that was at `begun`."""
        self._steps_per_update = steps_per_update
        steps = begun.update * steps_per_update
        self._board = TensorBoard(folder, resume_after_steps=steps) if folder and tensorboard else None
        self._file = MetricsFile(folder, names, resume_after=begun.update) if folder else None

    def append(self, metrics: Mapping[str, np.ndarray], before: Progress, now: Progress) -> None:
        """Adds the rows of one dispatch; its updates share its seconds evenly."""
        count = now.update - before.update
        rows = [
            {
                "update": before.update + i + 1,
                "steps": (before.update + i + 1) * self._steps_per_update,
                "seconds": before.seconds + (now.seconds - before.seconds) * (i + 1) / count,
                **{name: column[i] for name, column in metrics.items()},
            }
            for i in range(count)
        ]
        for sink in (self._file, self._board):
            if sink is not None:
                sink.append(rows)

    def sync(self) -> None:
        """Waits until all rows are on the disk."""
        if self._file is not None:
            self._file.sync()

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for sink in (self._file, self._board):
            if sink is not None:
                sink.close()


class TensorBoard:
    """Writes the same rows where TensorBoard finds them: `folder/tensorboard`."""

    def __init__(self, folder: Path, *, resume_after_steps: int = 0) -> None:
        """Opens the log; raises `InputError` where tensorboardX is not installed."""
        purge = resume_after_steps + 1 if resume_after_steps else None
        self._writer = tensorboard_writer()(str(folder / "tensorboard"), purge_step=purge)

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Adds every number that was measured."""
        for row in rows:
            for name in row.keys() - set(FIXED):
                if math.isfinite(row[name]):
                    self._writer.add_scalar(name, float(row[name]), int(row["steps"]))

    def close(self) -> None:
        """Closes the log."""
        self._writer.close()


def tensorboard_writer() -> Any:
    """Returns tensorboardX's `SummaryWriter`; raises `InputError` where it is not installed."""
    try:
        from tensorboardX import SummaryWriter  # noqa: PLC0415  optional
    except ImportError as error:
        raise InputError(
            "TensorBoard's files need the package tensorboardX, which is not installed. "
            "Install it with `pip install 'aira-agents[tensorboard]'`, or leave the option out."
        ) from error
    return SummaryWriter


def _lines(rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _text(value: Any) -> str:
    if isinstance(value, int | np.integer):
        return str(value)
    # Nine digits tell any two numbers of float32 apart.
    return "" if math.isnan(value) else f"{float(value):.9g}"
