"""Mesa's agents and agent sets as views of columns, made only when somebody looks."""

import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import mesa
import numpy as np
from mesa.agent import AgentSet

from aira_agents.errors import InputError
from aira_agents.hosting.columns import OWNED, Columns, column_names, unknown_column
from aira_agents.populations import Population

if TYPE_CHECKING:
    from aira_agents.hosting.model import HostedModel


class HostedAgent(mesa.Agent):
    """One agent of a hosted world: its columns are its attributes, and setting one changes the world.

    Attributes:
        model: The model it lives in.
        unique_id: Never used twice in a model.
        role: The part it plays.
    """

    model: "HostedModel"  # pyright: ignore[reportIncompatibleVariableOverride]
    unique_id: int
    role: str

    def __init__(self, *args: Any, **columns: Any) -> None:
        raise InputError(
            f"Agents of a hosted world are rows of its arrays: make one by `model.add({self.role!r}, ...)`, "
            f"not by `{type(self).__name__}(model)`."
        )

    @classmethod
    def view(cls, model: "HostedModel", unique_id: int, row: int) -> "HostedAgent":
        """Returns the view of one row; `Agent.__init__` would register, and count, what is no registered agent."""
        agent = object.__new__(cls)
        agent.__dict__.update(model=model, unique_id=unique_id, _row=row)
        return agent

    def _columns(self) -> Columns:
        columns = self.model.columns(self.role)
        if columns["uid"][self._row] != self.unique_id:
            raise InputError(f"{self.role} {self.unique_id} is dead and its row may be another's.")
        return columns

    @property
    def is_alive(self) -> bool:
        """Whether it still lives; asking anything else of the dead is an error, one step after the death."""
        columns = self.model.columns(self.role)
        return bool(columns["uid"][self._row] == self.unique_id and columns["alive"][self._row])

    @property
    def pos(self) -> tuple[int, int] | None:  # pyright: ignore[reportIncompatibleVariableOverride, reportIncompatibleMethodOverride]
        """The cell's `(x, y)`, or `None` in a world without a grid; may be set."""
        return (self.x, self.y) if self.model.environment.grid else None

    @pos.setter
    def pos(self, place: tuple[int, int]) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        self.model.check_place(place)
        self.x, self.y = place

    @property
    def cell(self) -> Any:
        """The Mesa cell it stands in, of `model.grid`; may be set."""
        return self.model.grid[self.pos] if self.model.environment.grid else None

    @cell.setter
    def cell(self, cell: Any) -> None:
        if not hasattr(cell, "coordinate"):
            raise InputError(f"`cell` takes a cell of `model.grid`, such as model.grid[0, 0]; got {cell!r}.")
        self.pos = cell.coordinate  # pyright: ignore[reportIncompatibleVariableOverride]

    def remove(self) -> None:
        """Takes the agent out of the world; removing one that is dead does nothing, as in Mesa."""
        if self.is_alive:
            self.model.columns(self.role).remove(self._row)
            self.model.changed()

    def step(self) -> None:
        """Refused: in a hosted world all agents act at once."""
        raise InputError("All agents of a hosted world act at once: call `model.step()`, not a step of each agent.")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise unknown_column(self.role, name, column_names(self.model.environment.populations[self.role]))

    def __setattr__(self, name: str, value: Any) -> None:
        if not isinstance(getattr(type(self), name, None), property):
            raise unknown_column(self.role, name, column_names(self.model.environment.populations[self.role]))
        object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.unique_id}>"


def agent_class(role: str, population: type[Population], owner: type) -> type[HostedAgent]:
    """Returns the class of the agents of one role, such as `ForagingModel.Forager`, with a property for each column."""
    name = "".join(part.capitalize() for part in role.split("_"))
    properties = {column: _property(column) for column in column_names(population)}
    place = {"role": role, "__module__": owner.__module__, "__qualname__": f"{owner.__qualname__}.{name}"}
    return type(name, (HostedAgent,), {**properties, **place, "__doc__": f"A {role.replace('_', ' ')}."})


def _property(name: str) -> property:
    def read(agent: HostedAgent) -> Any:
        value = agent._columns()[name][agent._row]
        return value.item() if value.ndim == 0 else value.copy()

    def write(agent: HostedAgent, value: Any) -> None:
        agent._columns().write(name, agent._row, value)
        agent.model.changed()

    return property(read, write, doc="Kept by the framework." if name in OWNED else "A column; may be set.")


class HostedAgents(AgentSet):
    """All agents of some roles, as they are whenever it is asked; columns are read and written whole.

    What `select`, `shuffle`, `sort` and `groupby` return are plain agent sets, fixed as Mesa's are.
    """

    def __init__(self, model: "HostedModel", roles: tuple[str, ...]) -> None:
        self._model, self._roles = model, roles
        self._seen = -1
        self._views: Any = None
        self.random = model.random

    @property
    def _agents(self) -> Any:  # what all of Mesa's methods go through
        if self._seen != self._model.version:
            views = [view for role in self._roles for view in self._model.views(role)]
            self._views = weakref.WeakKeyDictionary(dict.fromkeys(views))
            self._seen = self._model.version
        return self._views

    def _rows(self, role: str) -> np.ndarray:
        return np.flatnonzero(self._model.columns(role)["alive"])

    # `Any`: beartype looks into the set by `__getitem__`, which Mesa 3.5 warns of.
    def _plain(self) -> Any:
        return AgentSet(list(self._agents), random=self.random)

    def __len__(self) -> int:
        return sum(len(self._rows(role)) for role in self._roles)

    def __getitem__(self, item: Any) -> Any:
        return list(self._agents)[item]

    def _column(self, name: str) -> np.ndarray | None:
        """Returns a column over all agents, `[agents, ...]`, if every role has it."""
        columns = [self._model.columns(role) for role in self._roles]
        known = [column_names(self._model.environment.populations[role]) for role in self._roles]
        name = "uid" if name == "unique_id" else name
        if not all(name in names for names in known):
            return None
        return np.concatenate([own[name][self._rows(own.role)] for own in columns])

    def get(self, attr_names: Any, handle_missing: Any = "error", default_value: Any = None) -> list[Any]:
        """As Mesa's, from whole columns."""
        names = [attr_names] if isinstance(attr_names, str) else list(attr_names)
        found = [self._column(name) for name in names]
        if any(column is None for column in found):
            return super().get(attr_names, handle_missing, default_value)
        lists = [column.tolist() if column.ndim == 1 else list(column) for column in found if column is not None]
        return lists[0] if isinstance(attr_names, str) else [list(values) for values in zip(*lists, strict=True)]

    def agg(self, attribute: str, func: Callable[..., Any] | Iterable[Callable[..., Any]]) -> Any:
        """As Mesa's; a NumPy function is given the column, which is quicker than a list."""
        column = self._column(attribute)
        if column is None:
            return super().agg(attribute, func)
        if callable(func):
            return func(column if _is_numpy(func) else column.tolist())
        return [f(column if _is_numpy(f) else column.tolist()) for f in func]

    def set(self, attr_name: str, value: Any) -> Any:
        """As Mesa's, into whole columns."""
        if self._column(attr_name) is None:
            return super().set(attr_name, value)
        for role in self._roles:
            self._model.columns(role).write(attr_name, self._rows(role), value)
        self._model.changed()
        return self

    def select(self, filter_func: Any = None, at_most: Any = float("inf"), inplace: bool = False, **kwargs: Any) -> Any:
        """As Mesa's; not in place, since the set shows the world as it is."""
        self._refuse(inplace)
        return self._plain().select(filter_func, at_most, False, **kwargs)

    def shuffle(self, inplace: bool = False) -> Any:
        """As Mesa's; not in place."""
        self._refuse(inplace)
        return self._plain().shuffle()

    def sort(self, key: Any, ascending: bool = False, inplace: bool = False) -> Any:
        """As Mesa's; not in place."""
        self._refuse(inplace)
        return self._plain().sort(key, ascending)

    def groupby(self, by: Any, result_type: str = "agentset") -> Any:
        """As Mesa's."""
        return self._plain().groupby(by, result_type)

    def copy(self) -> Any:
        """Returns a plain agent set of who lives now."""
        return self._plain()

    __copy__ = copy

    def add(self, agent: Any) -> None:
        """Refused: `model.add` makes agents."""
        self._refuse(True)

    def discard(self, agent: Any) -> None:
        """Refused: `agent.remove()` removes them."""
        self._refuse(True)

    remove = discard

    def __reduce__(self) -> Any:
        return (AgentSet, (list(self._agents), self.random))

    def _refuse(self, changes: bool) -> None:
        if changes:
            raise InputError(
                "This set shows the agents of a hosted world as they are and cannot be changed itself: use "
                "`model.add`, `agent.remove()`, or a copy (`model.agents.copy()`)."
            )


class AgentSets(dict[tuple[str, ...], HostedAgents]):
    """The sets of a model by their roles, each made when it is asked for; a copied model makes its own."""

    def __init__(self, model: "HostedModel") -> None:
        self._model = model

    def __missing__(self, roles: tuple[str, ...]) -> HostedAgents:
        self[roles] = made = HostedAgents(self._model, roles)
        return made

    def __reduce__(self) -> Any:
        return (AgentSets, (self._model,))


def _is_numpy(func: Any) -> bool:
    return isinstance(func, np.ufunc) or str(getattr(func, "__module__", "")).startswith("numpy")
