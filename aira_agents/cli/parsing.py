"""Options as tyro parses them, with what is wrong as one line instead of a box."""

import contextlib
import io
import re
from collections.abc import Callable, Sequence
from typing import Any

import tyro

from aira_agents.errors import InputError


def parsed(target: Callable[..., Any], arguments: Sequence[str], *, prog: str | None, description: str) -> Any:
    """Returns `target` called with what the arguments say; it must not print to standard error itself.

    Raises:
        InputError: An option is unknown, or its value is not of its type.
        SystemExit: 0, after `--help`.
    """
    told = io.StringIO()
    try:
        with contextlib.redirect_stderr(told):
            return tyro.cli(
                target, args=list(arguments), prog=prog, description=description, config=(tyro.conf.FlagCreatePairsOff,)
            )
    except SystemExit as leaving:
        if leaving.code in (0, None):
            raise
        raise InputError(f"{_one_line(told.getvalue())} `--help` shows the options.") from None


def _one_line(box: str) -> str:
    """Returns what stands in a box: the fault and, if there is one, the nearest option.

    Where the terminal knows no Unicode, tyro draws with hyphens and sets the title apart by a rule of its own.
    """
    lines = [line.strip("│| ") for line in box.splitlines() if not line.startswith(("╭", "╰"))]
    if "╭" not in box:
        lines = lines[2:]  # the title and its rule
    sections: list[list[str]] = [[]]
    for line in lines:
        if re.fullmatch(r"[─-]{5,}", line):
            sections.append([])
        elif line:
            sections[-1].append(line)
    near = next((section[1].split()[0] for section in sections[1:] if section[:1] == ["Perhaps you meant:"]), "")
    fault = " ".join(sections[0]).rstrip(".") or "The options make no sense"
    return f"{fault[0].upper()}{fault[1:]}." + (f" Did you mean {near}?" if near else "")
