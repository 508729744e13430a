"""A Mesa grid whose cells show who stands in them."""

import functools
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from mesa.discrete_space import Cell, OrthogonalVonNeumannGrid

from aira_agents.errors import InputError

if TYPE_CHECKING:
    from aira_agents.hosting.model import HostedModel


def cells_of(environment: Any) -> tuple[int, int] | None:
    """Returns how many cells a world has from side to side and from end to end; `None` without a grid."""
    return (environment.width, environment.height) if environment.grid else None


def check_place(cells: tuple[int, int] | None, place: Any) -> None:
    """Raises `InputError` if `place` is none of the cells."""
    if cells is None:
        raise InputError("This world has no cells to stand in, so there is no `pos` to set: set the agent's columns.")
    width, height = cells
    if np.shape(place) != (2,) or not (0 <= place[0] < width and 0 <= place[1] < height):
        raise InputError(f"A place is (x, y) with x in 0..{width - 1} and y in 0..{height - 1}; got {place!r}.")


def hosted_grid(model: "HostedModel") -> Any:
    """Returns a torus of Mesa cells over the world's `width` x `height`; made when first asked for."""
    crowds = _Crowds(model)

    class HostedCell(Cell):
        """A cell that looks up who stands in it."""

        # Mesa's slot, which all of its methods read.
        _agents: Any = property(lambda cell: crowds.of(cell.coordinate), lambda cell, _: None)

        def add_agent(self, agent: Any) -> None:
            """Refused: `agent.cell = cell` moves one."""
            raise InputError("Agents of a hosted world are moved by `agent.cell = cell` or `agent.pos = (x, y)`.")

        remove_agent = add_agent

        def _clear_cache(self) -> None:
            pass  # cells are connected once, before anybody asks

        @property
        def is_empty(self) -> bool:
            """Whether nobody stands here."""
            return not self._agents

        @property
        def is_full(self) -> bool:
            """Whether Mesa would let nobody else in; the world's own rules decide, so never."""
            return False

    size: Any = cells_of(model.environment)
    return OrthogonalVonNeumannGrid(size, torus=True, random=model.random, cell_klass=HostedCell)


class _Crowd(list):
    """Who stands in a cell, now: Mesa's collections of cells keep the very lists that they were made with."""

    def __init__(self, crowds: "_Crowds") -> None:
        super().__init__()
        self._crowds = crowds

    def __iter__(self) -> Iterator[Any]:
        self._crowds.refresh()
        return super().__iter__()

    def __len__(self) -> int:
        self._crowds.refresh()
        return super().__len__()


class _Crowds:
    """For every cell the list of its agents: always the same list, filled anew when the world has moved."""

    def __init__(self, model: "HostedModel") -> None:
        self._model, self._seen = model, -1
        self._lists: dict[tuple[int, ...], _Crowd] = defaultdict(functools.partial(_Crowd, self))

    def of(self, place: tuple[int, ...]) -> _Crowd:
        self.refresh()
        return self._lists[place]

    def refresh(self) -> None:
        if self._seen == self._model.version:
            return
        self._seen = self._model.version
        for crowd in self._lists.values():
            crowd.clear()
        for role in self._model.agent_classes:
            for agent in self._model.views(role):
                self._lists[(agent.x, agent.y)].append(agent)
