"""The columns of a hosted world as NumPy arrays: read once a step, written to by people, flushed once before the next.

Nothing here runs while nobody looks.
"""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np

from aira_agents.errors import InputError, unknown_name
from aira_agents.populations import Population, State, with_columns

OWNED = ("alive", "uid", "parent")  # the framework's own: changed by births, deaths, `remove` and `add` only


class UnknownColumnError(InputError, AttributeError):
    """An agent has no such column; an `AttributeError` too, so that `hasattr` and `getattr` work."""


def column_names(population: type[Population]) -> list[str]:
    """Returns the names of a population's columns."""
    return [field.name for field in dataclasses.fields(population)]


class Columns:
    """The agents of one role at one moment."""

    def __init__(self, role: str, population: Population, grid: tuple[int, int] | None = None) -> None:
        self.role = role
        self._cells = dict(zip("xy", grid, strict=True)) if grid else {}  # along each side of the grid
        self._population = population
        self._read: dict[str, np.ndarray] = {}
        self._written: dict[str, np.ndarray] = {}
        self.added = np.zeros(population.capacity, bool)  # rows that got an agent by hand since the last step

    def __getitem__(self, name: str) -> np.ndarray:
        """Returns a column `[capacity, ...]`, not to be written to; raises `UnknownColumnError`."""
        if name in self._written:
            return self._written[name]
        if name not in self._read:
            self._read[name] = np.asarray(self._device(name))
        return self._read[name]

    def _device(self, name: str) -> Any:
        try:
            return self._population.__dict__[name]
        except KeyError:
            raise unknown_column(self.role, name, self._population.__dict__) from None

    def write(self, name: str, rows: Any, value: Any) -> None:
        """Sets a column in some rows.

        Raises:
            UnknownColumnError: There is no such column.
            InputError: It is not to be written to, or `value` is of another shape or kind, not finite, or off the grid.
        """
        self._put(name, rows, self.check(name, value, self[name][rows].shape))

    def check(self, name: str, value: Any, shape: tuple[int, ...] | None = None) -> np.ndarray:
        """Returns `value` as the column holds it, `shape` (by default one agent's); raises as `write` does."""
        column = self[name]
        if name in OWNED:
            raise InputError(
                f"{self.role}.{name} is kept by the framework; agents are made by `model.add` and ended by `remove()`."
            )
        checked = _fitting(f"{self.role}.{name}", value, column.dtype)
        if name in self._cells and not np.all((checked >= 0) & (checked < self._cells[name])):
            most = self._cells[name] - 1
            raise InputError(f"{self.role}.{name} takes a cell of the grid, {name} in 0..{most}; got {value!r}.")
        wanted = column.shape[1:] if shape is None else shape
        try:
            return np.broadcast_to(checked, wanted)
        except ValueError:
            raise InputError(
                f"{self.role}.{name} takes a value of shape {wanted}; got one of shape {checked.shape}."
            ) from None

    def _put(self, name: str, rows: Any, value: Any) -> None:
        if name not in self._written:
            self._written[name] = np.array(self[name])
        self._written[name][rows] = value

    def remove(self, row: int) -> None:
        """Takes an agent out, and frees its row."""
        self._put("alive", row, False)
        self._put("uid", row, -1)

    def add(self, uid: int) -> int:
        """Puts a new agent with all columns zero into a free row; returns the row.

        Raises:
            InputError: There is no free row.
        """
        free = np.flatnonzero(self["uid"] < 0)
        if not len(free):
            raise InputError(
                f"There is no room for another {self.role}: all {self._population.capacity} rows are taken. Make the "
                "model with a larger capacity, or remove agents (a row is free one step after a death)."
            )
        row = int(free[0])
        for name in column_names(type(self._population)):
            self._put(name, row, {"alive": True, "uid": uid, "parent": -1}.get(name, 0))
        self.added[row] = True
        return row

    def flush(self, state: State) -> State:
        """Returns the state with all that was written."""
        if not self._written:
            return state
        return with_columns(state, self.role, **{name: jnp.asarray(new) for name, new in self._written.items()})


def unknown_column(role: str, name: str, known: Any) -> UnknownColumnError:
    """Returns the error for a column that does not exist, with the nearest name."""
    return UnknownColumnError(str(unknown_name(f"column of {role}", name, known)))


def _fitting(what: str, value: Any, dtype: np.dtype) -> np.ndarray:
    given = np.asarray(value)
    fits = {"f": "fiub", "i": "iu", "b": "b"}[dtype.kind]
    if given.dtype.kind not in fits:
        raise InputError(f"{what} takes {dtype}; got {value!r}.")
    if not np.all(np.isfinite(given)):
        raise InputError(f"{what} takes finite numbers; got {value!r}.")
    return given.astype(dtype)
