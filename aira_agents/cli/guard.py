"""What surrounds every command: one clear line and exit code 2 for what the user can mend, and no clutter."""

import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable

from aira_agents.errors import AiraError


def guarded(command: Callable[[list[str]], None], arguments: list[str]) -> None:
    """Calls `command` with its arguments; `--debug` among them shows tracebacks and warnings.

    Raises:
        SystemExit: 2 after an `AiraError`, 130 after Ctrl-C, both with one line on standard error.
    """
    rest = [argument for argument in arguments if argument != "--debug"]
    if len(rest) < len(arguments):
        _with_traceback(command, rest)
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # the compiler's remarks about the machine
    logging.getLogger("jax._src.xla_bridge").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        if not sys.warnoptions:  # `python -W error` still means what it says
            warnings.simplefilter("ignore")
        try:
            command(rest)
        except AiraError as error:
            _leave(str(error), 2)
        except KeyboardInterrupt as interrupt:
            _leave(str(interrupt) or "Interrupted.", 130)


def _with_traceback(command: Callable[[list[str]], None], arguments: list[str]) -> None:
    logging.getLogger("jax._src.callback").setLevel(logging.DEBUG)  # where in a rule it was, too
    try:
        command(arguments)
    except AiraError:
        traceback.print_exc()
        raise SystemExit(2) from None


def _leave(message: str, code: int) -> None:
    from aira_agents.cli.console import errors

    errors.print(" ".join(message.splitlines()), style="bold red" if code == 2 else "yellow")
    raise SystemExit(code)
