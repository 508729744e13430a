"""Walking on a grid without borders to one of the eight cells around, where cells are shared."""

import equinox as eqx
import jax.numpy as jnp

from aira_agents.effectors.effector import Effector
from aira_agents.populations import State, with_columns
from aira_agents.spaces import Discrete
from aira_agents.symmetries import Relabelling, Symmetry
from aira_agents.types import Array, Int, Key

COMPASS = ("stay", "n", "ne", "e", "se", "s", "sw", "w", "nw")
DX = (0, 0, 1, 1, 1, 0, -1, -1, -1)
DY = (0, 1, 1, 0, -1, -1, -1, 0, 1)


class CompassWalk(Effector):
    """Moves agents of `role` by one cell, straight or aslant, on a torus of `height` x `width` cells."""

    role: str = eqx.field(static=True)
    height: int = eqx.field(static=True)
    width: int = eqx.field(static=True)
    name: str = eqx.field(static=True, default="walk")

    @property
    def space(self) -> Discrete:
        """Staying, and eight directions."""
        return Discrete(COMPASS)

    def under(self, symmetry: Symmetry) -> Relabelling | None:
        """Moves go where their directions go."""
        return Relabelling.permuted([*zip(DX, DY, strict=True)], symmetry)

    def __call__(self, state: State, actions: Int[Array, " capacity"], key: Key) -> State:
        """Walks; where the dead lie means nothing."""
        del key  # cells are shared: nobody contests them
        agents = state.agents[self.role]
        x = (agents.x + jnp.asarray(DX)[actions]) % self.width
        y = (agents.y + jnp.asarray(DY)[actions]) % self.height
        return with_columns(state, self.role, x=x, y=y)
