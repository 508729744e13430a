"""Grades all that a class handed in: some at a time, resumable, and results are written whatever happens."""

import datetime
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from aira_agents.assignments.grades_page import grades_page
from aira_agents.assignments.grading import FAULT, Court, Grade, digest_of
from aira_agents.assignments.reports import classroom50, gradescope, write_table
from aira_agents.assignments.spec import FILE, Assignment
from aira_agents.assignments.submission import Submission
from aira_agents.results import unwritable, write_atomically, write_json

GRADE, TABLE, PAGE = "grade.json", "grades.csv", "index.html"
FORMAT = "aira_agents grade, version 1"


def grade_class(
    court: Court,
    submissions: Sequence[Submission],
    out: Path,
    *,
    workers: int | None = None,
    again: bool = False,
    said: Callable[[Grade, bool], None] = lambda grade, kept: None,
) -> list[Grade]:
    """Returns a grade for each submission, and writes them below `out`.

    A submission that was graded before, unchanged and under the same assignment and level, keeps its grade, unless
    that was the grader's fault. A submission that took too long while others ran is given another chance by itself.

    Args:
        court: The assignment made ready.
        submissions: Whom to grade.
        out: A folder for each submission with `grade.json`, `results.json` (Gradescope) and `result.json`
            (Classroom 50), and a table and a page for all.
        workers: How many at a time; `None`: one for each processor.
        again: Grades all, whatever was graded before.
        said: Is told of each grade, and whether it was kept.

    Raises:
        InputError: `out` cannot be written to.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(out, error) from error
    assignment = _digest(court.assignment, court.level.name)
    grades: dict[str, Grade] = {}
    try:
        waiting = []
        for submission in submissions:
            kept = None if again else _kept(out, submission, assignment)
            if kept is None:
                waiting.append(submission)
            else:
                grades[submission.name] = kept
                said(kept, True)
        if waiting:  # once, before threads ask for it
            for seeds in court.sets:
                court.baselines(seeds)
        try:
            late = _graded(court, waiting, out, assignment, workers or os.cpu_count() or 1, grades, said)
        finally:
            court.resume()  # all threads have ended
        for s in late:
            _keep(court.grade(s.name, s.path), s, out, assignment, grades, said)
    finally:
        _summary(court, submissions, grades, out)
    return [grades[submission.name] for submission in submissions]


def _graded(
    court: Court,
    waiting: Sequence[Submission],
    out: Path,
    assignment: str,
    workers: int,
    grades: dict[str, Grade],
    said: Callable[[Grade, bool], None],
) -> list[Submission]:
    """Grades several at a time; returns those that took too long and deserve another chance."""
    late: list[Submission] = []
    with ThreadPoolExecutor(workers) as pool:
        futures: dict[Future[Grade], Submission] = {pool.submit(court.grade, s.name, s.path): s for s in waiting}
        try:
            pending = set(futures)
            while pending:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                # Grades first: a break that comes with them loses none.
                for future in sorted(done, key=lambda one: one.exception() is not None):
                    grade, submission = future.result(), futures[future]
                    if grade.state == "TIMEOUT" and workers > 1 and len(waiting) > 1:
                        late.append(submission)
                    else:
                        _keep(grade, submission, out, assignment, grades, said)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            court.stop()  # nobody waits for those that run
            raise
    return late


def _keep(grade: Grade, submission: Submission, out: Path, assignment: str, grades: Any, said: Any) -> None:
    folder = out / submission.name
    folder.mkdir(exist_ok=True)
    known = {"format": FORMAT, "assignment": assignment, "submission": digest_of(submission.path)}
    write_json(folder / GRADE, known | grade.record())
    grades[submission.name] = grade
    said(grade, False)


def _kept(out: Path, submission: Submission, assignment: str) -> Grade | None:
    """Returns the grade of an earlier run, if it still holds."""
    try:
        record = json.loads((out / submission.name / GRADE).read_text("utf-8"))
        known = record["format"] == FORMAT and record["assignment"] == assignment
        if not known or record["state"] == FAULT or record["submission"] != digest_of(submission.path):
            return None
        return Grade.from_record(record)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _summary(court: Court, submissions: Sequence[Submission], grades: dict[str, Grade], out: Path) -> None:
    assignment = court.assignment
    late = {s.name: is_late(assignment, s.path) for s in submissions}
    found = [grades[s.name] for s in submissions if s.name in grades]
    for grade in found:
        write_json(out / grade.name / "results.json", gradescope(grade, assignment))
        write_json(out / grade.name / "result.json", classroom50(grade))
    write_table(out / TABLE, found, late)
    write_atomically(out / PAGE, grades_page(assignment, found, late, court.level.name).encode())


def is_late(assignment: Assignment, path: Path) -> bool:
    """Says whether what lies at `path` was written after the assignment was due; no points depend on it."""
    if assignment.due is None:
        return False
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    newest = max((file.stat().st_mtime for file in files), default=0.0)
    due = assignment.due if assignment.due.tzinfo else assignment.due.astimezone()
    return datetime.datetime.fromtimestamp(newest, datetime.UTC) > due


def _digest(assignment: Assignment, level: str) -> str:
    text = (assignment.folder / FILE).read_bytes() if (assignment.folder / FILE).exists() else repr(assignment).encode()
    return hashlib.sha256(text + level.encode()).hexdigest()
