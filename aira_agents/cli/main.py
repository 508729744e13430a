"""The command `aira`: finds the command that is meant, and imports only that one."""

import importlib
import sys
from collections.abc import Callable, Sequence

from aira_agents.cli.guard import guarded

# Command -> its function and what it does; nothing of it is imported for `aira --help`.
COMMANDS = {
    "list": ("aira_agents.cli.listing:list_command", "worlds, scenarios and learners that there are"),
    "run": ("aira_agents.cli.run:run_command", "run a scenario: aira run foraging"),
    "train": ("aira_agents.cli.train:train_command", "train policies in a world: aira train foraging --steps 1000000"),
    "evaluate": ("aira_agents.cli.evaluate:evaluate_command", "judge policies: aira evaluate foraging --policy random"),
    "doctor": ("aira_agents.cli.doctor:doctor_command", "look for what is known to go wrong on this machine"),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs `aira` with `arguments` (default: the command line).

    Raises:
        SystemExit: 2 with one line for what the user can mend, 130 for Ctrl-C, 1 if `doctor` finds something.
    """
    guarded(_dispatch, sys.argv[1:] if arguments is None else list(arguments))


def _dispatch(arguments: list[str]) -> None:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        sys.stdout.write(_help())
        return
    if arguments[0] == "--version":
        from importlib.metadata import version

        sys.stdout.write(f"aira_agents {version('aira-agents')}\n")
        return
    name, *rest = arguments
    if name not in COMMANDS:
        from aira_agents.errors import unknown_name

        raise unknown_name("command", name, COMMANDS)
    _load(COMMANDS[name][0])(rest)


def _load(where: str) -> Callable[[list[str]], None]:
    module, function = where.split(":")
    return getattr(importlib.import_module(module), function)


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = "\n".join(f"  {name:<{width}}  {told}" for name, (_, told) in COMMANDS.items())
    return (
        "usage: aira COMMAND [options]\n\n"
        "Neural agents that sense, decide, act and learn inside real Mesa models.\n\n"
        f"{lines}\n\n"
        "`aira COMMAND --help` shows the options of one; `--debug` shows where an error came from.\n"
    )


if __name__ == "__main__":
    main()
