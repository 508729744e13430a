"""The command `aira`: finds the command that is meant, and imports only that one."""

import gc
import importlib
import sys
from collections.abc import Callable, Sequence

from aira_agents.cli.guard import guarded
from aira_agents.cli.kept import keep_programs

# Command -> its function and what it does; nothing of it is imported for `aira --help`.
COMMANDS = {
    "list": ("aira_agents.cli.listing:list_command", "worlds, scenarios and learners that there are"),
    "run": ("aira_agents.cli.run:run_command", "run a scenario: aira run foraging"),
    "train": ("aira_agents.cli.train:train_command", "train policies in a world: aira train foraging --steps 1000000"),
    "evaluate": ("aira_agents.cli.evaluate:evaluate_command", "judge policies: aira evaluate foraging --policy random"),
    "sweep": (
        "aira_agents.cli.sweep:sweep_command",
        "run many settings at once: aira sweep foraging --vary regrowth=0.01:0.1:5",
    ),
    "view": ("aira_agents.cli.view:view_command", "see and steer a world in the browser: aira view foraging"),
    "record": ("aira_agents.cli.record:record_command", "film a world: aira record foraging --out clip.gif"),
    "play": ("aira_agents.cli.play:play_command", "play against a policy, on the same seeds: aira play foraging"),
    "demonstrate": ("aira_agents.cli.demonstrate:demonstrate_command", "steer an agent by keys, to be learned from"),
    "check": (
        "aira_agents.cli.check:check_command",
        "try a student's policy on the public worlds: aira check policy.py",
    ),
    "assignment": (
        "aira_agents.cli.assignment:assignment_command",
        "make and pack assignments: aira assignment new NAME",
    ),
    "grade": ("aira_agents.cli.grade:grade_command", "grade what a class handed in: aira grade FOLDER --assignment A"),
    "tournament": ("aira_agents.cli.tournament:tournament_command", "let policies meet: aira tournament FOLDER"),
    "data": ("aira_agents.cli.data:data_command", "record, sum up, export and forget data: aira data list"),
    "doctor": ("aira_agents.cli.doctor:doctor_command", "look for what is known to go wrong on this machine"),
}


# Imports and traces make hundreds of thousands of objects that stay: looking through them again and again, as Python
# does after every 700 new ones, takes a fifth of the time until a command does its work.
OBJECTS_BETWEEN_COLLECTIONS = 100_000


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs `aira` with `arguments` (default: the command line).

    Raises:
        SystemExit: 2 with one line for what the user can mend, 130 for Ctrl-C, 1 if `doctor` finds something.
    """
    is_own_process = arguments is None
    if is_own_process:
        gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    guarded(lambda rest: _dispatch(rest, is_own_process), sys.argv[1:] if arguments is None else list(arguments))


def _dispatch(arguments: list[str], is_own_process: bool) -> None:
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
    if is_own_process:
        keep_programs()
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
