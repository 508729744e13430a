"""Command-line options made from what a world or a learner declares of its parameters."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import tyro

from aira_agents.errors import InputError
from aira_agents.parameters import Parameter, parameters_of


def options_of(module: type[Any], name: str, defaults: Mapping[str, Any] | None = None) -> type[Any]:
    """Returns a dataclass with a field for each declared parameter of `module`: its type, default, help and range."""
    fields = []
    for field, parameter in parameters_of(module).items():
        default = parameter.default if defaults is None else defaults.get(field, parameter.default)
        fields.append((field, Annotated[_type(parameter), tyro.conf.arg(help=_help(parameter))], default))
    return dataclasses.make_dataclass(name, fields, frozen=True)


def made(module: type[Any], options: Any) -> Any:
    """Returns `module` with the values of `options`; raises `InputError` for one that is out of range."""
    return module(**{field.name: getattr(options, field.name) for field in dataclasses.fields(options)})


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


def _type(parameter: Parameter) -> Any:
    if parameter.kind == "option":
        return Literal[parameter.options]
    return float if parameter.kind == "number" else int


def _help(parameter: Parameter) -> str:
    told = f"{parameter.help}; " if parameter.help else ""
    return f"{told}{parameter.expected}"
