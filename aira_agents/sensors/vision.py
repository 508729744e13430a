"""Sight on a grid: the patch of cells around an agent, one layer for each thing it can see."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.populations import State
from aira_agents.sensors.sensor import Range, Sensor
from aira_agents.sensors.strips import Strips
from aira_agents.symmetries import Relabelling, Symmetry
from aira_agents.types import Array, Float, Int, Key


def padded_scene(layers: Sequence[Array], radius: int) -> Float[Array, "layers height width"]:
    """Stacks grid layers and pads them around the torus, once a step for all agents.

    Slicing a padded scene is three times faster than gathering cells by wrapped index; where all is yes or no,
    `Strips` are faster yet.
    """
    stacked = jnp.stack([layer.astype(jnp.float32) for layer in layers])
    return jnp.pad(stacked, ((0, 0), (radius, radius), (radius, radius)), mode="wrap")


class GridVision(Sensor):
    """Sees `2 * radius + 1` cells square around the agent's `y`, `x`; the scene is a `padded_scene`, or `Strips`."""

    role: str = eqx.field(static=True)
    layers: tuple[str, ...] = eqx.field(static=True)
    radius: int = eqx.field(static=True)
    name: str = eqx.field(static=True, default="vision")
    values: Range = eqx.field(static=True, default=Range(0, 1, whole=True))  # of a cell, in every layer

    @property
    def features(self) -> tuple[str, ...]:
        """A name for each cell, such as `food(dy=-1, dx=+2)`; y grows upward, x to the right."""
        reach = range(-self.radius, self.radius + 1)
        return tuple(f"{layer}(dy={dy:+d}, dx={dx:+d})" for layer in self.layers for dy in reach for dx in reach)

    @property
    def shape(self) -> tuple[int, ...]:
        """`(layers, 2 * radius + 1, 2 * radius + 1)`: rows are y, columns x, the agent in the middle."""
        side = 2 * self.radius + 1
        return (len(self.layers), side, side)

    @property
    def ranges(self) -> tuple[Range | None, ...]:
        """The same for every cell."""
        return (self.values,) * len(self.features)

    def under(self, symmetry: Symmetry) -> Relabelling | None:
        """Cells go where their places around the agent go, in every layer."""
        reach = range(-self.radius, self.radius + 1)
        patch = Relabelling.permuted([(dx, dy) for dy in reach for dx in reach], symmetry)
        if patch is None:
            return None
        size = len(patch.order)
        order = tuple(layer * size + cell for layer in range(len(self.layers)) for cell in patch.order)
        return Relabelling(order, (1,) * len(order))

    def __call__(self, state: State, scene: Any, index: Int[Array, ""], key: Key) -> Float[Array, " features"]:
        """Cuts the patch out of the scene, flattened."""
        del key
        agents = state.agents[self.role]
        if isinstance(scene, Strips):
            return scene.patch(agents.y[index], agents.x[index])
        return jax.lax.dynamic_slice(scene, (0, agents.y[index], agents.x[index]), self.shape).reshape(-1)
