"""What an effector can be told: one of several named actions, or numbers with units within bounds."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from aira_agents.errors import InputError
from aira_agents.types import Array, Key

ROUNDING = 1e-5  # of a box's range
NO_ACTION = -(2**31)  # what a network decides whose outputs for a `Discrete` space are no numbers


class Discrete(eqx.Module):
    """One of `names`; an action is an int32 from 0 to `len(names) - 1`."""

    names: tuple[str, ...] = eqx.field(static=True)

    def __check_init__(self) -> None:
        if len(self.names) < 2 or len(set(self.names)) != len(self.names):
            raise InputError(f"Discrete needs at least two different action names; got {self.names}.")

    @property
    def n_parameters(self) -> int:
        """How many policy outputs this space takes: one logit an action."""
        return len(self.names)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one action."""
        return ()

    def sample(self, key: Key, valid: Array | None = None) -> Array:
        """Draws one action uniformly from those that are `valid` (`[n]`, bool; `None`: all)."""
        if valid is None:
            return jax.random.randint(key, (), 0, len(self.names), jnp.int32)
        seen = jnp.cumsum(valid)
        return jnp.argmax(seen > jax.random.randint(key, (), 0, seen[-1])).astype(jnp.int32)

    def project(self, action: Array) -> Array:
        """Returns the action as it is: a discrete action has no bounds to clip to."""
        return action

    def check(self, action: Any) -> np.ndarray:
        """Returns `action` as int32; raises `InputError` if it is not one of this space."""
        value = np.asarray(action)
        if value.shape == () and self.holds(value):
            return value.astype(np.int32)
        got, hint = f"{value} of dtype {value.dtype}", ""
        if value.shape != ():
            got = f"an array of shape {value.shape}"
            hint = " Did you return probabilities? Return the number of one action, such as their `argmax`."
        elif value.dtype.kind == "f":
            hint = " Did you return a probability? Return the number of an action."
        elif action is None:
            got, hint = "None", " Is a `return` missing?"
        raise InputError(f"`act` must return {self.expected}; got {got}.{hint}")

    def holds(self, actions: np.ndarray) -> bool:
        """Says whether all of `actions` (`[*batch]`) are actions of this space."""
        return actions.dtype.kind in "iu" and bool(np.all((actions >= 0) & (actions < len(self.names))))

    def spans(self, low: Any, high: Any) -> Any:
        """Says whether a world can carry out all actions from `low` to `high`, two numbers."""
        return (low >= 0) & (high < len(self.names))

    @property
    def advice(self) -> str:
        """What to try where an action is none."""
        return "Actions are counted from 0."

    @property
    def expected(self) -> str:
        """What an action is, in words."""
        return f"an integer in 0..{len(self.names) - 1} ({', '.join(self.names)})"


class Box(eqx.Module):
    """Numbers with `units` between `low` and `high`; an action is float32 of shape `[len(names)]`."""

    names: tuple[str, ...] = eqx.field(static=True)
    low: tuple[float, ...] = eqx.field(static=True)
    high: tuple[float, ...] = eqx.field(static=True)
    units: tuple[str, ...] = eqx.field(static=True)

    def __check_init__(self) -> None:
        lengths = {len(self.names), len(self.low), len(self.high), len(self.units)}
        if len(lengths) != 1 or not self.names:
            raise InputError(f"Box needs a name, low, high and unit for each number; got lengths {sorted(lengths)}.")
        for name, low, high in zip(self.names, self.low, self.high, strict=True):
            if not (math.isfinite(low) and math.isfinite(high) and low < high):
                raise InputError(f"Box {name!r} needs finite low < high; got {low} and {high}.")

    @property
    def n_parameters(self) -> int:
        """How many policy outputs this space takes: a mean and a log-deviation for each number."""
        return 2 * len(self.names)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one action."""
        return (len(self.names),)

    @property
    def centre(self) -> Array:
        """The middle of the bounds, `[size]`."""
        return (jnp.asarray(self.high) + jnp.asarray(self.low)) / 2

    @property
    def half_range(self) -> Array:
        """Half the distance between the bounds, `[size]`; a policy's outputs are in this unit."""
        return (jnp.asarray(self.high) - jnp.asarray(self.low)) / 2

    def sample(self, key: Key, valid: Array | None = None) -> Array:
        """Draws one action uniformly within the bounds."""
        del valid  # a box has no invalid actions
        return self.centre + self.half_range * jax.random.uniform(key, self.shape, minval=-1.0, maxval=1.0)

    def project(self, action: Array) -> Array:
        """Clips `[*batch, size]` to the bounds. A policy's normal distribution reaches beyond them; no world does."""
        low, high = (jnp.broadcast_to(jnp.asarray(bound), action.shape) for bound in (self.low, self.high))
        return jnp.clip(action, low, high)

    def check(self, action: Any) -> np.ndarray:
        """Returns `action` as float32 `[size]`; raises `InputError` if it is not one of this space."""
        value = np.asarray(action)
        if value.dtype.kind not in "iuf" or value.size != len(self.names) or value.ndim > 1:
            got = "None. Is a `return` missing?" if action is None else f"dtype {value.dtype}, shape {value.shape}."
            raise InputError(f"`act` must return {self.expected}; got {got}")
        value = value.reshape(self.shape).astype(np.float32)
        if not self.holds(value):
            raise InputError(f"`act` must return {self.expected}; got {value}. Clip what you return.")
        return value

    def holds(self, actions: np.ndarray) -> bool:
        """Says whether all of `actions` (`[*batch, size]`) are actions of this space; not-a-number never is.

        What rounding puts beyond a bound is within it, such as a unit vector that is a little too long.
        """
        low, high = np.asarray(self.low, np.float32), np.asarray(self.high, np.float32)
        slack = ROUNDING * (high - low)
        return actions.dtype.kind in "iuf" and bool(np.all((actions >= low - slack) & (actions <= high + slack)))

    def spans(self, low: Any, high: Any) -> Any:
        """Says whether a world can carry out all actions from `low` to `high`: those beyond the bounds are clipped.

        Infinity too; only not-a-number is nowhere.
        """
        return (low == low) & (high == high)

    @property
    def advice(self) -> str:
        """What to try where an action is none."""
        return "Look for a division by zero, and for the root or the logarithm of a negative number."

    @property
    def expected(self) -> str:
        """What an action is, in words."""
        bounds = zip(self.names, self.low, self.high, self.units, strict=True)
        each = [f"{name} in {low:g}..{high:g} {unit}".rstrip() for name, low, high, unit in bounds]
        return f"{len(each)} number(s) within bounds: {'; '.join(each)}"


Space = Discrete | Box
