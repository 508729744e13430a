"""Command-line options made from what a world or a learner declares of its parameters."""

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import tyro

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


def _type(parameter: Parameter) -> Any:
    if parameter.kind == "option":
        return Literal[parameter.options]
    return float if parameter.kind == "number" else int


def _help(parameter: Parameter) -> str:
    told = f"{parameter.help}; " if parameter.help else ""
    return f"{told}{parameter.expected}"
