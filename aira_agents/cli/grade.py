"""`aira grade FOLDER --assignment A`: grades what a class handed in, on worlds that nobody has seen."""

import dataclasses
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from aira_agents.cli.console import console, errors
from aira_agents.cli.parsing import parsed
from aira_agents.errors import InputError

if TYPE_CHECKING:
    from aira_agents.assignments.grading import Grade

USAGE = """usage: aira grade FOLDER --assignment A [--require LEVEL] [options]

FOLDER: a file, folder, notebook or archive for each student. A: the folder with `assignment.toml`.
Graded again, only what is new, changed, or failed through the grader's fault is run.
Levels: process, limits, landlock, container. `aira grade FOLDER --help` shows all options."""


@dataclasses.dataclass(frozen=True)
class GradeOptions:
    """How a class is graded."""

    assignment: Path
    """the folder with assignment.toml"""
    out: Path | None = None
    """where grades go; as it stands: results/grades-ASSIGNMENT"""
    require: str | None = None
    """refuse to grade below this level; as it stands: what assignment.toml says"""
    level: str | None = None
    """run at this level; as it stands: the best of this machine short of a container"""
    workers: int | None = None
    """how many at a time; as it stands: one for each processor"""
    again: bool = False
    """grade all, whatever was graded before"""
    single: bool = False
    """FOLDER is one submission, as on Gradescope and Classroom 50"""
    gradescope: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
    """write Gradescope's results.json of a single submission here, too"""
    classroom50: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
    """write Classroom 50's result.json of a single submission here, too"""


def grade_command(arguments: list[str]) -> None:
    """Runs `aira grade`."""
    if not arguments or arguments in (["-h"], ["--help"]):
        console.print(USAGE)
        return
    if arguments[0].startswith("-"):
        raise InputError("`aira grade` needs the folder with the submissions first.")
    folder, rest = Path(arguments[0]), arguments[1:]
    options = parsed(GradeOptions, rest, prog=f"aira grade {folder}", description="Grades what a class handed in.")
    if options.workers is not None and options.workers < 1:
        raise InputError(f"`--workers` must be a whole number of at least 1; got {options.workers}.")
    for name in ("gradescope", "classroom50"):
        if getattr(options, name) is not None and not options.single:
            raise InputError(f"`--{name}` reports on one submission: say `--single`, with the folder of that one.")
    os.environ.setdefault("JAX_PLATFORMS", "cpu")  # small worlds, and the same numbers everywhere
    from aira_agents.assignments.classes import grade_class
    from aira_agents.assignments.grading import Court
    from aira_agents.assignments.levels import chosen_level, own_users
    from aira_agents.assignments.reports import classroom50, gradescope
    from aira_agents.assignments.spec import load_assignment
    from aira_agents.assignments.submission import Submission, find_submissions
    from aira_agents.results import write_json

    assignment = load_assignment(options.assignment)
    level = chosen_level(options.level, options.require or assignment.limits.level)
    submissions = [Submission("submission", folder)] if options.single else find_submissions(folder)
    users = ", each as a user of its own" if own_users() and level.name != "process" else ""
    console.print(f"Level: {level.name} ({level.told}{users})")
    court = Court(assignment, level)
    out = options.out or Path("results") / f"grades-{assignment.folder.name}"
    grades = grade_class(
        court, submissions, out, workers=options.workers, again=options.again, said=lambda g, kept: _say(g, kept)
    )
    if options.gradescope is not None and options.single:
        write_json(options.gradescope, gradescope(grades[0], assignment))
    if options.classroom50 is not None and options.single:
        write_json(options.classroom50, classroom50(grades[0]))
    states = Counter(grade.state for grade in grades)
    console.print(f"{len(grades)} submissions: " + ", ".join(f"{n} {state}" for state, n in states.most_common()))
    console.print(f"Grades: {out / 'grades.csv'}\nPage:   {out / 'index.html'}")


def _say(grade: "Grade", kept: bool) -> None:
    told = f"{grade.points} of {grade.most}  {grade.state:<8} {grade.name}{' (graded before)' if kept else ''}"
    (console if grade.state == "DONE" else errors).print(f"{told}{f': {grade.told}' if grade.told else ''}")
