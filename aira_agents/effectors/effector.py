"""The contract of an effector: how the actions of a whole role change the world."""

from abc import abstractmethod
from typing import Any

import equinox as eqx

from aira_agents.populations import State
from aira_agents.spaces import Space
from aira_agents.symmetries import Relabelling, Symmetry
from aira_agents.types import Array, Bool, Int, Key


class Effector(eqx.Module):
    """Acts for its own role as a whole, since agents collide. The dead are the effector's to ignore."""

    name: eqx.AbstractVar[str]

    @property
    @abstractmethod
    def space(self) -> Space:
        """What it can be told."""

    def valid(self, state: State, scene: Any, index: Int[Array, ""]) -> Bool[Array, " n"] | None:
        """Which actions of a `Discrete` space the agent at row `index` may take now; `None`: always all."""
        del state, scene, index
        return None

    def under(self, symmetry: Symmetry) -> Relabelling | None:
        """What becomes of the actions when the world is seen through `symmetry`; `None`: not known."""
        del symmetry
        return None

    @abstractmethod
    def __call__(self, state: State, actions: Array, key: Key) -> State:
        """Carries out `actions` (`[capacity]`, or `[capacity, size]` of a `Box`), within the space's bounds."""
