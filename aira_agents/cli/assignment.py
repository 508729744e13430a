"""`aira assignment new|pack`: makes assignments, and packs them for students, Gradescope and Classroom 50."""

import dataclasses
import os
import shlex
from collections.abc import Callable
from pathlib import Path

from aira_agents.cli.console import console
from aira_agents.cli.parsing import parsed
from aira_agents.errors import InputError, unknown_name
from aira_agents.registry import names

USAGE = """usage: aira assignment COMMAND [options]

  new NAME --world WORLD    makes the folder NAME: rules, starter, solution, and what a student reads
  new NAME --like SHIPPED   copies one of the assignments that ship, with hidden seeds of its own: {shipped}
  pack FOLDER               a student's zip, a Gradescope autograder and a Classroom 50 workflow

Worlds: {worlds}
`aira assignment COMMAND --help` shows the options of one."""


@dataclasses.dataclass(frozen=True)
class NewOptions:
    """Where to begin."""

    world: str | None = None
    """in which it plays"""
    role: str | None = None
    """the student's, in a world of several"""
    like: str | None = None
    """an assignment that ships, to copy instead"""
    folder: Path = Path()
    """where the folder is made"""


@dataclasses.dataclass(frozen=True)
class PackOptions:
    """Where to."""

    out: Path | None = None
    """the folder for what is packed; as it stands: `packed` in the assignment's own"""
    wheel: Path | None = None
    """a wheel of aira_agents to install; as it stands: `install` of assignment.toml, else this very version"""


def assignment_command(arguments: list[str]) -> None:
    """Runs `aira assignment`."""
    if not arguments or arguments[0] in ("-h", "--help"):
        from aira_agents.assignments.starting import shipped_assignments

        console.print(
            USAGE.format(worlds=", ".join(names("world")), shipped=", ".join(shipped_assignments()) or "none here")
        )
        return
    name, *rest = arguments
    if name not in COMMANDS:
        raise unknown_name("command of `aira assignment`", name, COMMANDS)
    COMMANDS[name](rest)


def _new(arguments: list[str]) -> None:
    name, rest = _first(arguments, "new", "the name of the assignment")
    options = parsed(NewOptions, rest, prog=f"aira assignment new {name}", description="Makes an assignment.")
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    from aira_agents.assignments.starting import copy_assignment, new_assignment

    if (options.world is None) == (options.like is None):
        raise InputError(f"Say `--world WORLD` ({', '.join(names('world'))}) or `--like SHIPPED`, one of both.")
    if options.like is not None:
        folder = copy_assignment(name, options.folder, like=options.like)
    else:
        folder = new_assignment(name, options.folder, world=options.world, role=options.role)
    starter = shlex.quote(str(folder / "policy.py"))
    console.print(f"{folder}: see assignment.toml. `aira check {starter}` tries the starter.")


def _pack(arguments: list[str]) -> None:
    folder, rest = _first(arguments, "pack", "the folder of the assignment")
    options = parsed(PackOptions, rest, prog=f"aira assignment pack {folder}", description="Packs an assignment.")
    from aira_agents.assignments.packing import pack

    for path in pack(Path(folder), options.out or Path(folder) / "packed", wheel=options.wheel):
        console.print(str(path))


def _first(arguments: list[str], command: str, what: str) -> tuple[str, list[str]]:
    if arguments and arguments[0] in ("-h", "--help"):
        return "NAME", ["--help"]
    if not arguments or arguments[0].startswith("-"):
        raise InputError(f"`aira assignment {command}` needs {what} first.")
    return arguments[0], arguments[1:]


COMMANDS: dict[str, Callable[[list[str]], None]] = {"new": _new, "pack": _pack}
