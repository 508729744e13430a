"""What surrounds every command: one clear line and exit code 2 for what the user can mend, and no clutter."""

import contextlib
import errno
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable

from aira_agents.errors import AiraError

INTERRUPTED = "Interrupted."
NO_MEMORY = ("RESOURCE_EXHAUSTED", "Out of memory")  # as JAX says it


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
            sys.stdout.flush()  # here, where it is told in one line if that fails
        except AiraError as error:
            _leave(str(error), 2)
        except KeyboardInterrupt as interrupt:
            _leave(str(interrupt) or INTERRUPTED, 130)
        except Exception as error:
            excused = _excused(error)
            if excused is None:
                raise
            _leave(*excused)


def _excused(error: BaseException) -> tuple[str, int] | None:
    """Returns what to say of what is no `AiraError` and yet no bug, and the exit code; `None` if it is one."""
    if isinstance(error, ImportError) and _was_interrupted(error):
        return INTERRUPTED, 130
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        _drop_output()
        return f"Cannot write the output ({error.strerror}): free some space, or send it elsewhere.", 2
    if isinstance(error, MemoryError) or any(sign in str(error) for sign in NO_MEMORY):
        return "There is not enough memory for that: ask for fewer or smaller worlds, networks or buffers.", 2
    if isinstance(error, OverflowError):
        return f"A number is too large ({str(error).rstrip('.')}). `--debug` shows where.", 2
    if os.environ.get("JAX_PLATFORMS") and not _jax_starts():
        return (
            f"JAX does not start with JAX_PLATFORMS={os.environ['JAX_PLATFORMS']}: there is no such device here, or "
            "its driver is missing. Unset it or say JAX_PLATFORMS=cpu; `aira doctor` shows what there is.",
            2,
        )
    return None


def _was_interrupted(error: BaseException | None) -> bool:
    """Says whether Ctrl-C came first: where it meets compiled modules as they are imported, they say ImportError."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _drop_output() -> None:
    """Sends what is left of the output to nowhere; else Python would complain once more as it ends."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _jax_starts() -> bool:
    if "jax" not in sys.modules:
        return True
    import jax

    try:
        return bool(jax.devices())
    except Exception:  # of any kind: it depends on JAX's version
        return False


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
