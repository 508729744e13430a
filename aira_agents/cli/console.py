"""Where the command writes: results to standard output, errors and progress to standard error."""

from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import Console
from rich.progress import track

# Text is shown as it is: no markup in it. `soft_wrap` breaks no line that a program may read.
console = Console(markup=False, highlight=False, emoji=False, soft_wrap=True)
errors = Console(stderr=True, markup=False, highlight=False, emoji=False, soft_wrap=True)


def waiting(items: Iterable[Any], what: str) -> Iterator[Any]:
    """Goes through `items` behind a bar on standard error, if that is a terminal."""
    yield from track(items, what, console=errors, transient=True, disable=not errors.is_terminal)
