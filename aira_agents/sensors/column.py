"""A sensor that feels a column of the agent itself, such as its energy."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp

from aira_agents.populations import State
from aira_agents.sensors.sensor import Range, Sensor
from aira_agents.symmetries import Relabelling, Symmetry
from aira_agents.types import Array, Float, Int, Key


class ColumnSensor(Sensor):
    """Senses one column of `role`, divided by `scale` so that a network sees numbers near one."""

    role: str = eqx.field(static=True)
    name: str = eqx.field(static=True)
    scale: float = eqx.field(static=True, default=1.0)
    range: Range | None = eqx.field(static=True, default=None)  # of what is sensed, after scaling

    @property
    def features(self) -> tuple[str, ...]:
        """The column's name."""
        return (self.name,)

    @property
    def ranges(self) -> tuple[Range | None, ...]:
        """As declared."""
        return (self.range,)

    def under(self, symmetry: Symmetry) -> Relabelling | None:
        """A number without a direction stays as it is; of a coordinate, a sensor of its own must say."""
        del symmetry
        return Relabelling.unchanged(1)

    def __call__(self, state: State, scene: Any, index: Int[Array, ""], key: Key) -> Float[Array, " features"]:
        """Returns `[1]`: the agent's own value, in units of `scale`."""
        del scene, key
        column = getattr(state.agents[self.role], self.name)
        return jnp.reshape(column[index].astype(jnp.float32) / self.scale, (1,))
