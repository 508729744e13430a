"""What goes wrong with a submission, whose fault it is, and how it is told in one line.

The states are those of Kaggle's simulation competitions: ERROR (it raised), INVALID (it did what it may not), TIMEOUT.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from aira_agents.errors import traced_hint


class SubmissionError(Exception):
    """A submission's own fault: `state` is ERROR, INVALID or TIMEOUT. Where it was acting, `row` is the agent."""

    def __init__(self, state: str, told: str, *, world: int | None = None, row: int | None = None) -> None:
        self.told = one_line(told)
        super().__init__(self.told)
        self.state, self.world, self.row = state, world, row
        self.acting, self.printed = False, ""


class GraderError(Exception):
    """The grader's fault: no points are lost by it, and the submission can be graded again."""


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
