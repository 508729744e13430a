"""Grades as others read them: Gradescope's `results.json`, Classroom 50's `result.json`, and a table.

Source: Gradescope, "Autograder specifications", output format; Classroom 50, `schemas/result-v1.schema.json`.
"""

import csv
import datetime
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aira_agents.assignments.grading import Grade
from aira_agents.assignments.scoring import Outcome
from aira_agents.assignments.spec import Assignment
from aira_agents.results import write_atomically

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would compute
HIDDEN_UNTIL = "after_published"


def gradescope(grade: Grade, assignment: Assignment) -> dict[str, Any]:
    """Returns a grade as Gradescope shows it; what hidden worlds said is seen once grades are published."""
    tests = [
        {
            "name": outcome.name,
            "score": outcome.points,
            "max_score": outcome.most,
            "status": "passed" if outcome.points == outcome.most else "failed",
            "output": _explained(outcome),
            "visibility": "visible" if outcome.seeds == "public" else HIDDEN_UNTIL,
        }
        for outcome in grade.outcomes
    ]
    found: dict[str, Any] = {
        "output": f"{grade.state}. {grade.told}".strip(),
        "execution_time": round(grade.seconds),
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
        "extra_data": {"state": grade.state, "level": grade.level},
    }
    mean = _mean(grade)
    if mean is not None:
        found["leaderboard"] = [{"name": assignment.measure, "value": round(mean, 3), "order": "desc"}]
    return found


def classroom50(grade: Grade, environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Returns a grade as Classroom 50 collects it; who and what was handed in stands in its runner's variables."""
    link = environment.get("COMMIT_URL") or "local"
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "schema": "classroom50/result/v1",
        "classroom": environment.get("CLASSROOM") or "local",
        "assignment": environment.get("ASSIGNMENT") or "local",
        "assignment_type": environment.get("ASSIGNMENT_TYPE") or "individual",
        "owner": environment.get("OWNER") or environment.get("USERNAME") or grade.name,
        "submission": environment.get("SUBMISSION_TAG") or "submit/local",
        "commit": link,
        "release": environment.get("RELEASE_URL") or link,
        "review": environment.get("REVIEW_URL") or link,
        "datetime": now,
        "graded_at": now,
        "score": grade.points,
        "max-score": grade.most,
        "tests": [
            {
                "test-name": outcome.name,
                "passed": outcome.points == outcome.most,
                "score": outcome.points,
                "max-score": outcome.most,
                "output": _explained(outcome),
            }
            for outcome in grade.outcomes
        ],
    }


def write_table(path: Path, grades: Sequence[Grade], late: Mapping[str, bool]) -> None:
    """Writes one line for each submission, as a spreadsheet reads it."""
    tests = list(dict.fromkeys(outcome.name for grade in grades for outcome in grade.outcomes))
    out = io.StringIO(newline="")
    table = csv.writer(out)
    table.writerow(["name", "points", "most", "state", "late", "mean", *map(_cell, tests), "told"])
    for grade in grades:
        points = {outcome.name: outcome.points for outcome in grade.outcomes}
        mean = _mean(grade)
        table.writerow(
            [_cell(grade.name), grade.points, grade.most, grade.state, "late" if late.get(grade.name) else ""]
            + ["" if mean is None else f"{mean:.6g}"]
            + [points.get(test, "") for test in tests]
            + [_cell(grade.told)]
        )
    write_atomically(path, out.getvalue().encode("utf-8-sig"))


def _mean(grade: Grade) -> float | None:
    """Returns the mean return on the hidden seeds or, where there are none, the public ones."""
    means = grade.means.get("hidden") or grade.means.get("public")
    return sum(means) / len(means) if means else None


def _explained(outcome: Outcome) -> str:
    told = f"Expected: {outcome.expected}\nCame: {outcome.came}"
    return told + (f"\nTry: {outcome.hint}" if outcome.hint else "")


def _cell(text: str) -> str:
    """Returns text that no spreadsheet takes for a formula: it comes from students."""
    return f"'{text}" if text.startswith(FORMULA) else text
