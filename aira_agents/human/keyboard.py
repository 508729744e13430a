"""Keys of a terminal, and what they tell an agent to do."""

import contextlib
import os
import select
import sys
from collections.abc import Iterator

from aira_agents.environment import Role
from aira_agents.errors import InputError
from aira_agents.human.overseer import check_role
from aira_agents.spaces import Discrete

ARROWS = {b"A": "up", b"B": "down", b"C": "right", b"D": "left"}
SPECIAL = {b" ": "space", b"\r": "enter", b"\n": "enter", b"\x04": "q", b"": "q"}
ESCAPE_S = 0.05  # what follows an escape sooner belongs to it: an arrow key sends three bytes
PAUSE, QUIT = "p", "q"


@contextlib.contextmanager
def terminal_keys(descriptor: int | None = None) -> Iterator["TerminalKeys"]:
    """Reads a terminal key by key, without echo, and leaves it as it was.

    Args:
        descriptor: Of the terminal; `None`: standard input.

    Raises:
        InputError: It is no terminal, or this system has none.
    """
    try:
        import termios  # noqa: PLC0415  Windows has none
        import tty  # noqa: PLC0415
    except ImportError as error:
        raise InputError(
            "Keys are read from a terminal of Linux or macOS; use the page of `aira view` here."
        ) from error
    at = sys.stdin.fileno() if descriptor is None else descriptor
    if not os.isatty(at):
        raise InputError("Keys are read from a terminal, and standard input is none: start it without a pipe.")
    before = termios.tcgetattr(at)
    try:
        tty.setcbreak(at, termios.TCSADRAIN)  # what was typed ahead is kept
        yield TerminalKeys(at)
    finally:
        termios.tcsetattr(at, termios.TCSADRAIN, before)


class TerminalKeys(Iterator[str]):
    """The keys of a terminal, by name; meets `pace.TimedKeys`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __next__(self) -> str:
        try:
            byte = os.read(self._descriptor, 1)
        except OSError:  # the terminal is gone
            byte = b""
        if byte == b"\x1b":
            return self._after_escape()
        return SPECIAL.get(byte, byte.decode("ascii", "replace").lower())

    def within(self, seconds: float) -> str | None:
        """Returns the next key, at once if it was pressed before; `None` if none is pressed within `seconds`."""
        return next(self) if self._ready(max(seconds, 0.0)) else None

    def _after_escape(self) -> str:
        def next_byte() -> bytes:
            return os.read(self._descriptor, 1) if self._ready(ESCAPE_S) else b""

        return ARROWS.get(next_byte(), "escape") if next_byte() in (b"[", b"O") else "escape"

    def _ready(self, seconds: float) -> bool:
        return bool(select.select([self._descriptor], [], [], seconds)[0])


class KeyMap:
    """Which key is which action: an arrow where an action is named for it, the space bar to stay, and numbers."""

    def __init__(self, role: Role) -> None:
        """Raises `InputError` if the role has not just one effector with named actions."""
        check_role(role)
        ((self.effector, space),) = role.spaces.items()
        assert isinstance(space, Discrete)
        self.names = space.names
        self.actions = {str(number): action for action, number in enumerate(range(1, min(len(self.names), 9) + 1))}
        for action, name in enumerate(self.names):
            if name in ARROWS.values():
                self.actions[name] = action
            elif name == "stay":
                self.actions["space"] = action

    def __str__(self) -> str:
        """Returns what a person must know, in one line."""
        told = [
            f"{' or '.join(key for key, own in self.actions.items() if own == action)}: {name}"
            for action, name in enumerate(self.names)
        ]
        return f"{', '.join(told)}; {PAUSE}: pause, {QUIT}: stop and keep what was done"
