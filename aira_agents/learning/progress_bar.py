"""What a person sees of a training run: a bar with reward, steps a second, and the time left."""

from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn


class ProgressBar:
    """A bar on standard error, drawn only where that is a terminal."""

    def __init__(self, n_updates: int, done: int, *, shown: bool) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[told]}"),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            disable=not (shown and console.is_terminal),
        )
        self._task = self._progress.add_task("compiling", total=n_updates, completed=done, told="")

    def update(self, done: int, reward: float, steps_per_s: float) -> None:
        """Shows how far the run is."""
        told = f"reward {reward:.3g} · {steps_per_s:,.0f} steps/s ·"
        self._progress.update(self._task, completed=done, description="training", told=told)

    def __enter__(self) -> "ProgressBar":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> Any:
        self._progress.stop()
