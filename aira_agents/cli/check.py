"""`aira check policy.py`: tries a policy on the public worlds of its assignment, and says what to mend."""

import dataclasses
import importlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aira_agents.cli.console import console
from aira_agents.cli.parsing import parsed
from aira_agents.errors import InputError
from aira_agents.registry import find

if TYPE_CHECKING:
    from aira_agents.assignments.grading import Court, Grade

USAGE = """usage: aira check policy.py [--assignment FOLDER] [options]

The policy: a file, a notebook, a folder or an archive, as it will be handed in.
The assignment: the folder with `assignment.toml`; as it stands: the policy's own folder."""


@dataclasses.dataclass(frozen=True)
class CheckOptions:
    """How it is tried."""

    assignment: Path | None = None
    """the folder with assignment.toml; as it stands: the policy's own"""
    level: str | None = None
    """how far it is shut in: process, limits, landlock or container; as it stands: what this machine can do"""
    no_replay: bool = False
    """draw nothing"""
    results: Path = Path("results")
    """where the picture and the replay go"""


def check_command(arguments: list[str]) -> None:
    """Runs `aira check`."""
    if not arguments or arguments in (["-h"], ["--help"]):
        console.print(USAGE)
        return
    if arguments[0].startswith("-"):
        raise InputError("`aira check` needs the policy first, as in `aira check policy.py`.")
    path, rest = Path(arguments[0]), arguments[1:]
    options = parsed(CheckOptions, rest, prog=f"aira check {path}", description="Tries a policy on the public worlds.")
    if not path.exists():
        raise InputError(f"There is no {path}; expected a policy.py, a notebook, a folder or an archive.")
    _prepare()
    from aira_agents.assignments.grading import DONE, Court
    from aira_agents.assignments.levels import chosen_level
    from aira_agents.assignments.mistakes import FirstMistake
    from aira_agents.assignments.spec import load_assignment

    assignment = load_assignment(options.assignment or (path if path.is_dir() else path.parent))
    court = Court(assignment, chosen_level(options.level, "process"), ("public",))
    watch = FirstMistake(court.arena, assignment.advice, court.rule(assignment.advice) if assignment.advice else None)
    with _beside(court, draws=not options.no_replay):
        grade = court.grade(path.name, path, with_modules=True, watch=watch)
    _say(court, grade)
    failed = None
    if grade.state != DONE:
        if grade.at is None:
            raise InputError(grade.told)
        failed = (*grade.at, grade.told)
    _show(court, watch.mistake(failed), options)
    if grade.state != DONE:
        raise InputError(grade.told)


def _prepare() -> None:
    """Starts on the processor."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    # Mesa looks through all modules and all frames when it is imported: soonest done while there are few.
    importlib.import_module("mesa")
    importlib.import_module("jax")


@contextmanager
def _beside(court: "Court", *, draws: bool) -> Iterator[None]:
    """Compiles, imports what draws, and lets the baselines play, while the submission starts and acts.

    What fails here is asked for, and fails, again where it is needed.
    """
    beside = ThreadPoolExecutor(2)
    beside.submit(court.prepare)
    if draws:
        beside.submit(find, "picture", "replay")
    for seeds in court.sets:
        beside.submit(court.baselines, seeds)
    try:
        yield
    finally:
        beside.shutdown(cancel_futures=True)


def _say(court: "Court", grade: "Grade") -> None:
    assignment = court.assignment
    console.print(f"{assignment.title}: {len(court.seeds)} public worlds, at the level {grade.level}", style="bold")
    for outcome in grade.outcomes:
        console.print(f"{outcome.points} of {outcome.most} points: {outcome.name}")
        console.print(f"    expected  {outcome.expected}\n    came      {outcome.came}")
        if outcome.hint:
            console.print(f"    try       {outcome.hint}")
    hidden = assignment.points - grade.most  # of tests that were not run
    console.print(
        f"{grade.points} of {grade.most} points."
        + (f" Worlds that nobody has seen decide about {hidden} more." if hidden else "")
    )
    if grade.printed:
        console.print(f"It printed: {grade.printed.strip()[:500]}")


def _show(court: "Court", mistake: Any, options: CheckOptions) -> None:
    if mistake is None:
        return
    from aira_agents.results import results_folder

    seed = court.seeds[mistake.world]
    console.print(f"First mistake: in step {mistake.step} of the world {seed}, agent {mistake.row}: {mistake.told}")
    if options.no_replay:
        return
    folder = results_folder("check", base=options.results)
    picture, clip = find("picture", "replay")(court.environment, mistake, folder)
    console.print(f"Picture: {picture}\nReplay:  {clip}")
