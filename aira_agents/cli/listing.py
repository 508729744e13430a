"""`aira list`: what there is to run, train and learn with. Nothing of it is imported."""

from aira_agents.cli.console import console
from aira_agents.errors import InputError
from aira_agents.registry import names, summary

HEADINGS = {"world": "Worlds", "scenario": "Scenarios", "learner": "Learners"}


def list_command(arguments: list[str]) -> None:
    """Prints every name, with the first line of its file."""
    if arguments and arguments[0] in ("-h", "--help"):
        console.print("usage: aira list\n\nPrints the worlds, scenarios and learners that are installed.")
        return
    if arguments:
        raise InputError(f"`aira list` takes no arguments; got {' '.join(arguments)}.")
    width = max((len(name) for kind in HEADINGS for name in names(kind)), default=0)
    for kind, heading in HEADINGS.items():
        console.print(heading, style="bold")
        for name in names(kind):
            console.print(f"  {name:<{width}}  {summary(kind, name)}".rstrip())
