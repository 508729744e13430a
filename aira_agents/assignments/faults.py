"""What goes wrong with a submission, whose fault it is, and how it is told in one line.

The states are those of Kaggle's simulation competitions: ERROR (it raised), INVALID (it did what it may not), TIMEOUT.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from aira_agents.errors import traced_hint

TRY = {
    "ERROR": "Mend what raised, in the line that is named; `aira check` shows whether it holds.",
    "INVALID": "Change what is said to be wrong; in every situation `act` returns an action that the world knows.",
    "TIMEOUT": "Do less in a step: no waiting, no loop without end, nothing loaded or trained inside `act`.",
    "FAULT": "Nothing: the grader failed, no points are lost by it, and it is graded again.",
}
RAISED = {  # by the name of what was raised, which says more than the state
    "SyntaxError": "Mend the line that is named, or the one before: a colon, a bracket or a quotation mark is missing.",
    "IndentationError": "Begin the line that is named as far to the right as those beside it, with spaces only.",
    "ModuleNotFoundError": "Do without that module, or hand it in beside `policy.py`.",
    "PermissionError": "Do without other files, programs and the network; copy a file with `shutil.copyfile`.",
}


class SubmissionError(Exception):
    """A submission's own fault: `state` is ERROR, INVALID or TIMEOUT. Where it was acting, `row` is the agent."""

    def __init__(self, state: str, told: str, *, world: int | None = None, row: int | None = None) -> None:
        self.told = one_line(told)
        super().__init__(self.told)
        self.state, self.world, self.row = state, world, row
        self.acting, self.printed = False, ""


class GraderError(Exception):
    """The grader's fault: no points are lost by it, and the submission can be graded again."""


def what_to_try(state: str, told: str) -> str:
    """Returns what to do about a fault that was told so."""
    return RAISED.get(told.partition(":")[0], TRY[state])


def one_line(text: str) -> str:
    """Returns text of a submission as one line that controls no terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def shown_action(shown: Any) -> Any:
    """Returns a wrong action as far as it can be shown: `None`, an array, or in words."""
    shown = shown if isinstance(shown, dict) else {}
    if shown.get("none"):
        return None
    try:
        return np.array(shown["value"], shown["dtype"]).reshape(shown["shape"])
    except (KeyError, TypeError, ValueError):
        return f"something of type {str(shown.get('type', 'unknown'))[:100]}" + (
            f", an array of shape {tuple(shown['shape'])}" if isinstance(shown.get("shape"), list) else ""
        )


def error_line(record: Mapping[str, Any]) -> str:
    """Returns an error of the submission in one line: what, and where."""
    where = ""
    if isinstance(record.get("line"), int):
        where = f" ({record.get('file', 'policy.py')}, line {record['line']}: {str(record.get('text', '')).strip()})"
    told = f"{record.get('type')}: {record.get('told')}"
    if record.get("type") == "SystemExit":
        told = f"it called `exit({record.get('told')})`"
    if "module" in record:
        told += ". Only what `aira_agents` installs is there when it is graded"
    return f"{told}{where}.{traced_hint(str(record.get('type')))}"
