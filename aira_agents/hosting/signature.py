"""The keyword parameters of a model: Mesa's browser page and `batch_run` read them off the signature."""

import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import Any

from aira_agents.environment import Environment
from aira_agents.errors import unknown_name
from aira_agents.keys import checked_seed
from aira_agents.parameters import Parameter, plain


def with_signature(init: Callable[..., None], environment: type[Environment]) -> Callable[..., None]:
    """Returns `init` with a keyword parameter for every field of the world, besides `policy` and `rng`."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    fields = [inspect.Parameter(name, kind, default=_default(field)) for name, field in _fields(environment).items()]
    signature = inspect.Signature(
        [
            inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY),
            *fields,
            inspect.Parameter("policy", kind, default=None),
            inspect.Parameter("rng", inspect.Parameter.KEYWORD_ONLY, default=None),
        ]
    )

    @functools.wraps(init)
    def named(self: Any, *args: Any, **kwargs: Any) -> None:
        for name in kwargs:
            if name not in signature.parameters or name == "self":
                raise unknown_name(f"parameter of {type(self).__name__}", name, [*signature.parameters][1:])
        given = signature.bind(self, *args, **kwargs).arguments
        given.pop("self")
        init(self, **given)

    named.__signature__ = signature  # type: ignore[attr-defined]
    return named


def world_of(environment: type[Environment], values: dict[str, Any]) -> Environment:
    """Makes the world; what is `None`, as forms and batches leave what was not filled in, is the default."""
    return environment(**{name: value for name, value in values.items() if value is not None})


def live_parameter(name: str, parameter: Parameter) -> property:
    """Returns the property of a model that shows one parameter of its world, and sets it if it is a number."""

    def read(model: Any) -> Any:
        return plain(getattr(model.environment, name))

    def write(model: Any, value: Any) -> None:
        model.set_parameter(name, value)

    return property(read, write, doc=f"{parameter.help} ({parameter.expected}).")


def _fields(environment: type[Environment]) -> dict[str, Any]:
    return {field.name: field for field in dataclasses.fields(environment) if field.init}


def _default(field: Any) -> Any:
    declared = field.metadata.get("parameter")
    if declared is not None:
        return declared.default
    return None if field.default is dataclasses.MISSING else field.default


def checked_rng(rng: Any) -> Any:
    """Returns `rng`; raises `InputError` if it is neither `None` nor a seed."""
    return None if rng is None else checked_seed(rng, "rng", ", or None for a new world each time")
