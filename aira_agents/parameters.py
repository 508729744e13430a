"""A world's parameters: declared once, with range, unit and help, checked when a world is made.

A `number` is traced, so one compiled program serves every value of it, a thousand at once if need be; a `size` or an
`option` is static, and a new value compiles anew.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from aira_agents.errors import InputError, unknown_name
from aira_agents.types import Array

_Module = TypeVar("_Module", bound=eqx.Module)


@dataclasses.dataclass(frozen=True)
class Parameter:
    """What a field declares of itself: for checks, sliders and help texts."""

    default: Any
    kind: str  # "number", "whole number", "size" or "option"
    low: float | None = None
    high: float | None = None
    unit: str = ""
    help: str = ""
    options: tuple[Any, ...] = ()

    @property
    def expected(self) -> str:
        """The values that are allowed, in words."""
        if self.kind == "option":
            return "one of " + ", ".join(map(repr, self.options))
        words = "a number" if self.kind == "number" else "a whole number"
        match self.low, self.high:
            case None, None:
                return words
            case low, None:
                return f"{words} of at least {low:g}{self._unit}"
            case None, high:
                return f"{words} of at most {high:g}{self._unit}"
            case low, high:
                return f"{words} in {low:g}..{high:g}{self._unit}"

    @property
    def _unit(self) -> str:
        return f" {self.unit}" if self.unit else ""


def number(
    default: float,
    *,
    low: float | None = None,
    high: float | None = None,
    unit: str = "",
    help: str = "",
    whole: bool = False,
) -> Any:
    """Declares a traced number: float32, or int32 if `whole`."""
    kind = "whole number" if whole else "number"
    return _declare(Parameter(default, kind, low, high, unit, help), converter=_Strong(whole))


def size(default: int, *, low: int = 1, high: int | None = None, unit: str = "", help: str = "") -> Any:
    """Declares a static whole number, one that shapes of arrays depend on."""
    return _declare(Parameter(default, "size", low, high, unit, help), static=True)


def option(default: Any, options: Sequence[Any], *, help: str = "") -> Any:
    """Declares a static choice among `options`."""
    return _declare(Parameter(default, "option", help=help, options=tuple(options)), static=True)


def _declare(parameter: Parameter, **kwargs: Any) -> Any:
    return eqx.field(default=parameter.default, metadata={"parameter": parameter}, **kwargs)


@dataclasses.dataclass(frozen=True)
class _Strong:
    """Converts to a strongly typed array: a plain Python float would compile anew for every value."""

    whole: bool

    def __call__(self, value: Any) -> Any:
        # What is returned as it is, no array, `check_parameters` refuses: it knows the field's name.
        if isinstance(value, str) or value is None:
            return value
        try:
            if self.whole and not isinstance(value, jax.Array) and np.any(np.asarray(value) % 1 != 0):
                return value
            return jnp.asarray(value, jnp.int32 if self.whole else jnp.float32)
        except (TypeError, ValueError, OverflowError):  # no number, or more than 32 bits hold
            return value


def parameters_of(module: type[eqx.Module] | eqx.Module) -> dict[str, Parameter]:
    """Returns the declared parameters by field name; reading them starts no JAX backend."""
    fields = dataclasses.fields(module)  # type: ignore[arg-type]
    return {field.name: field.metadata["parameter"] for field in fields if "parameter" in field.metadata}


def check_parameters(module: eqx.Module) -> None:
    """Raises `InputError` for a field that is out of its declared range or of the wrong type."""
    for name, parameter in parameters_of(module).items():
        value = getattr(module, name)
        # A tracer stands for a value that was checked when the world was made.
        if not isinstance(value, Tracer) and not _fits(parameter, value):
            shown = f"{np.asarray(value):g}" if isinstance(value, jax.Array) and value.ndim == 0 else repr(value)
            beyond = isinstance(value, int) and abs(value) >= 2**31
            expected = parameter.expected + (", below 2147483648" if beyond else "")
            raise InputError(f"{type(module).__name__}: `{name}` must be {expected}; got {shown}.")


def _fits(parameter: Parameter, value: Any) -> bool:
    if parameter.kind == "option":
        return value in parameter.options
    if parameter.kind == "size":
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            return False
    elif not isinstance(value, jax.Array) or value.shape != ():
        return False
    figure = np.asarray(value)
    # In the figure's own precision: float32(0.1) is above the 0.1 of a declaration.
    low = True if parameter.low is None else figure >= np.asarray(parameter.low, figure.dtype)
    high = True if parameter.high is None else figure <= np.asarray(parameter.high, figure.dtype)
    return bool(np.isfinite(figure) and low and high)


def plain(value: Any) -> Any:
    """Returns a parameter's value as plain Python: a number, a list, or what it is."""
    if not isinstance(value, jax.Array):
        return value
    # The shortest decimals that give the same float32 back: 0.02, not 0.019999999552965164.
    return float(str(np.asarray(value))) if value.ndim == 0 and value.dtype.kind == "f" else np.asarray(value).tolist()


def replace(module: _Module, **values: Any) -> _Module:
    """Returns a copy with other parameter values, checked; raises `InputError` with the nearest name."""
    known = parameters_of(module)
    for name in values:
        if name not in known:
            raise unknown_name(f"parameter of {type(module).__name__}", name, known)
    return dataclasses.replace(module, **values)  # type: ignore[type-var]


def sweep(module: _Module, **values: Sequence[float] | Array) -> tuple[_Module, _Module]:
    """Puts an axis of settings on some numbers of a world, for `jax.vmap(f, in_axes=(axes, ...))`.

    Args:
        module: A world, or any module with declared parameters.
        values: Parameter name to `[n_settings]` values; all of the same length. Each value is checked like a single.

    Returns:
        The world with `[n_settings]` arrays in those fields, and `axes` for `in_axes`: 0 there and `None` elsewhere.

    Raises:
        InputError: A name is unknown or static, a value out of range, or the lengths differ.
    """
    lengths = {name: len(several) for name, several in values.items()}
    if len(set(lengths.values())) != 1:
        raise InputError(f"A sweep needs the same number of values for each parameter; got {lengths or 'none'}.")
    for name, several in values.items():
        for value in several:
            replace(module, **{name: value})
        if parameters_of(module)[name].kind not in ("number", "whole number"):
            raise InputError(f"`{name}` is static: each value compiles a program of its own, so it cannot be swept.")
    return with_axis(module, values)


def with_axis(module: _Module, values: Mapping[str, Any]) -> tuple[_Module, _Module]:
    """Does what `sweep` does with values that were checked, `[n_settings]` each; there may be none."""
    unmapped = jax.tree.map(lambda _: None, module)
    if not values:
        return module, unmapped

    def swept(tree: Any) -> list[Any]:
        return [getattr(tree, name) for name in values]

    arrays = [jnp.asarray(several, getattr(module, name).dtype) for name, several in values.items()]
    axes = eqx.tree_at(swept, unmapped, [0] * len(arrays), is_leaf=lambda leaf: leaf is None)
    return eqx.tree_at(swept, module, arrays), axes
