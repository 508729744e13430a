"""Checkpoints of a training run: all of a learner's state, one file a run, replaced only by a complete one.

The state holds networks, optimizer, worlds and keys, so that a resumed run equals an unbroken one, bit for bit on CPU.
"""

import time
from pathlib import Path
from typing import Any, NamedTuple

from aira_agents.array_files import load_arrays, save_arrays
from aira_agents.errors import CorruptFileError, InputError
from aira_agents.results import unwritable

NAME = "checkpoint.safetensors"


class Progress(NamedTuple):
    """How far a run has come."""

    seed: int
    update: int = 0  # updates done
    seconds: float = 0.0  # of training, without compiling

    def after(self, updates: int, seconds: float) -> "Progress":
        """Returns the progress after some more updates."""
        return Progress(self.seed, self.update + updates, self.seconds + seconds)


def save_checkpoint(folder: Path, state: Any, progress: Progress) -> Path:
    """Writes the checkpoint of `folder`; the one before stays until the new one is complete.

    Raises:
        InputError: The folder cannot be written to.
    """
    path = folder / NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    save_arrays(path, state, progress._asdict())
    return path


def load_checkpoint(folder: Path, like: Any) -> tuple[Any, Progress]:
    """Returns the learner state and the progress saved in `folder`; `like` is a state of the same learner.

    Raises:
        InputError: There is no checkpoint in the folder.
        CorruptFileError: It is truncated, altered, foreign, or of a learner with other settings.
    """
    path = folder / NAME
    if not path.exists():
        raise InputError(
            f"There is no checkpoint in {folder}: expected a file {NAME}. Name the folder of a training run."
        )
    state, record = load_arrays(path, like)
    try:
        return state, Progress(int(record["seed"]), int(record["update"]), float(record["seconds"]))
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptFileError(f"{path} holds arrays, but not a training run's.") from error


class Checkpoints:
    """Says when the next checkpoint is due, and writes it; without a folder it does neither."""

    def __init__(self, folder: Path | None, every_s: float, every_updates: int | None) -> None:
        if not every_s > 0 or (every_updates is not None and every_updates < 1):
            got = f"{every_s:g} s" if every_updates is None else f"{every_updates} updates, {every_s:g} s"
            raise InputError(f"Checkpoints need a positive distance; got {got}.")
        self._folder, self._every_s, self._every_updates = folder, every_s, every_updates
        self._saved, self._saved_at = -1, time.monotonic()

    def due(self, now: Progress) -> bool:
        """Says whether it is time."""
        if self._every_updates is not None:
            return now.update % self._every_updates == 0
        return time.monotonic() - self._saved_at >= self._every_s

    def updates_left(self, now: Progress) -> int:
        """Returns how many updates may pass until the next is due; many, if it goes by seconds."""
        return 2**31 if self._every_updates is None else self._every_updates - now.update % self._every_updates

    def save(self, state: Any, now: Progress) -> None:
        """Writes one, if there is a folder."""
        if self._folder is not None:
            save_checkpoint(self._folder, state, now)
        self._saved, self._saved_at = now.update, time.monotonic()

    @property
    def last_good(self) -> str:
        """Where the last good one is, as a sentence."""
        if self._folder is None:
            return "nothing was saved, since no folder was given."
        return f"the last good checkpoint, of update {self._saved}, is kept in {self._folder}."
