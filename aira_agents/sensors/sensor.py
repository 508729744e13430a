"""The contract of a sensor: what one agent perceives, with a name for every number."""

from abc import abstractmethod
from typing import Any, NamedTuple

import equinox as eqx

from aira_agents.populations import State
from aira_agents.symmetries import Relabelling, Symmetry
from aira_agents.types import Array, Float, Int, Key


class Range(NamedTuple):
    """The values that a feature usually takes, `low` and `high` included; what lies beyond counts as the nearest."""

    low: float
    high: float
    whole: bool = False  # only whole numbers occur


class Sensor(eqx.Module):
    """One agent's view of the world. Written for one agent; `vmap` is the framework's business."""

    name: eqx.AbstractVar[str]

    @property
    @abstractmethod
    def features(self) -> tuple[str, ...]:
        """The name of each number sensed, so that explanations and pictures can speak."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape a person sees: `()` for one number, `(layers, height, width)` for a patch."""
        return () if len(self.features) == 1 else (len(self.features),)

    @property
    def ranges(self) -> tuple[Range | None, ...]:
        """The range of each feature, for what must cut it into pieces, as a table does; `None`: unknown."""
        return (None,) * len(self.features)

    def under(self, symmetry: Symmetry) -> Relabelling | None:
        """What becomes of the features when the world is seen through `symmetry`; `None`: not known."""
        del symmetry
        return None

    @abstractmethod
    def __call__(self, state: State, scene: Any, index: Int[Array, ""], key: Key) -> Float[Array, " features"]:
        """Senses for the agent at row `index` of its role; always flat, whatever `shape` says."""
