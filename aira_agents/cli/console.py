"""Where the command writes: results to standard output, errors and progress to standard error."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn, track

# Text is shown as it is: no markup in it. `soft_wrap` breaks no line that a program may read.
console = Console(markup=False, highlight=False, emoji=False, soft_wrap=True)
errors = Console(stderr=True, markup=False, highlight=False, emoji=False, soft_wrap=True)


def waiting(items: Iterable[Any], what: str) -> Iterator[Any]:
    """Goes through `items` behind a bar on standard error, if that is a terminal."""
    yield from track(items, what, console=errors, transient=True, disable=not errors.is_terminal)


@contextlib.contextmanager
def bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Draws a bar on standard error, if that is a terminal, and yields what moves it on."""
    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, disable=not errors.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda count: progress.advance(task, count)
