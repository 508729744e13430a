"""Runs a scenario: by its file (`python scenarios/NAME.py`) or by its name (`aira run NAME`)."""

import functools
import sys
from collections.abc import Callable, Sequence
from typing import Any

from aira_agents.cli.guard import guarded
from aira_agents.cli.kept import keep_programs


def run_scenario(main: Callable[..., Any], arguments: Sequence[str] | None = None, *, prog: str | None = None) -> None:
    """Parses the arguments of a scenario's `main` from the command line, and calls it; the last line of its file.

    Args:
        main: A function whose parameters, each with a type and a default, become options.
        arguments: What to parse instead of the command line.
        prog: The name of the command in its help.

    Raises:
        SystemExit: 2 with one line for what the user can mend, 130 for Ctrl-C.
    """
    if arguments is None:  # a process of its own
        keep_programs()
    given = sys.argv[1:] if arguments is None else list(arguments)
    guarded(lambda rest: _run(main, rest, prog), given)


def _run(main: Callable[..., Any], arguments: list[str], prog: str | None) -> None:
    from aira_agents.cli.parsing import parsed

    # Parsed first and run afterwards, so that what the scenario itself says goes where it should.
    @functools.wraps(main)
    def take(*positional: Any, **named: Any) -> Any:
        return positional, named

    positional, named = parsed(take, arguments, prog=prog, description=_description(main))
    if "seed" in named:
        from aira_agents.keys import checked_seed

        checked_seed(named["seed"], "--seed")
    main(*positional, **named)


def run_command(arguments: list[str]) -> None:
    """Runs `aira run SCENARIO [options]`."""
    from aira_agents.errors import InputError
    from aira_agents.registry import find_scenario, names

    known = ", ".join(names("scenario")) or "none"
    if arguments and arguments[0] in ("-h", "--help"):
        from aira_agents.cli.console import console

        console.print(f"usage: aira run SCENARIO [options]\n\nScenarios: {known}\n`aira run SCENARIO --help`: options.")
        return
    if not arguments or arguments[0].startswith("-"):
        raise InputError(f"`aira run` needs the name of a scenario. There is: {known}.")
    name = arguments[0]
    _run(find_scenario(name), arguments[1:], f"aira run {name}")


def _description(main: Callable[..., Any]) -> str:
    module = sys.modules.get(main.__module__)
    told = (module and module.__doc__) or main.__doc__ or ""
    return f"{told.strip()}\n\n`--debug` shows where an error came from."
