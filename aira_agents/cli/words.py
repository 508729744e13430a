"""Words of a command line that decide what its other options are; nothing here imports JAX."""

from collections.abc import Sequence

from aira_agents.errors import InputError


def taken(arguments: Sequence[str], option: str, default: str | None) -> tuple[str | None, list[str]]:
    """Takes `--option VALUE` out of the arguments: what the other options are depends on it."""
    rest, value, waiting = [], default, False
    for argument in arguments:
        if waiting:
            value, waiting = argument, False
        elif argument == option:
            waiting = True
        elif argument.startswith(f"{option}="):
            value = argument.removeprefix(f"{option}=")
        else:
            rest.append(argument)
    if waiting or value == "":
        raise InputError(f"`{option}` needs a value.")
    return value, rest


def first_word(arguments: Sequence[str], command: str, known: Sequence[str]) -> tuple[str, list[str]]:
    """Takes the name of the world, which comes first; raises `InputError` if there is none."""
    if not arguments or arguments[0].startswith("-"):
        raise InputError(f"`aira {command}` needs the name of a world first. There is: {', '.join(known) or 'none'}.")
    return arguments[0], list(arguments[1:])
