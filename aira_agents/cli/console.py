"""Where the command writes: results to standard output, errors and progress to standard error."""

from rich.console import Console

# Text is shown as it is: no markup in it. `soft_wrap` breaks no line that a program may read.
console = Console(markup=False, highlight=False, emoji=False, soft_wrap=True)
errors = Console(stderr=True, markup=False, highlight=False, emoji=False, soft_wrap=True)
