"""Walking on a grid without borders: up, down, left, right, or stay."""

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.effectors.effector import Effector
from aira_agents.populations import State, with_columns
from aira_agents.scattering import largest
from aira_agents.spaces import Discrete
from aira_agents.symmetries import Relabelling, Symmetry
from aira_agents.types import Array, Bool, Int, Key

MOVES = ("stay", "up", "down", "left", "right")
DX = (0, 0, 0, -1, 1)
DY = (0, 1, -1, 0, 0)


class GridMove(Effector):
    """Moves agents of `role` by one cell on a torus of `height` x `width` cells.

    Where a cell holds one agent (`exclusive`), a move succeeds only into a cell that was free before anybody moved;
    of several agents that want it, a random one gets it, and the others stay.
    """

    role: str = eqx.field(static=True)
    height: int = eqx.field(static=True)
    width: int = eqx.field(static=True)
    exclusive: bool = eqx.field(static=True, default=False)
    name: str = eqx.field(static=True, default="move")

    @property
    def space(self) -> Discrete:
        """The five moves."""
        return Discrete(MOVES)

    def under(self, symmetry: Symmetry) -> Relabelling | None:
        """Moves go where their directions go."""
        return Relabelling.permuted([*zip(DX, DY, strict=True)], symmetry)

    def __call__(self, state: State, actions: Int[Array, " capacity"], key: Key) -> State:
        """Moves the living; a blocked agent stays where it is."""
        agents = state.agents[self.role]
        x = jnp.where(agents.alive, (agents.x + jnp.asarray(DX)[actions]) % self.width, agents.x)
        y = jnp.where(agents.alive, (agents.y + jnp.asarray(DY)[actions]) % self.height, agents.y)
        if self.exclusive:
            here, there = agents.y * self.width + agents.x, y * self.width + x
            moves = winners(here, there, agents.alive, self.height * self.width, key)
            x, y = jnp.where(moves, x, agents.x), jnp.where(moves, y, agents.y)
        return with_columns(state, self.role, x=x, y=y)


def winners(
    here: Int[Array, " agents"], there: Int[Array, " agents"], alive: Bool[Array, " agents"], n_cells: int, key: Key
) -> Bool[Array, " agents"]:
    """Says who may move from cell `here` to cell `there` when a cell holds one agent.

    A scatter-maximum of random priorities: 20 times faster than sorting. The slot in the low bits makes every priority
    different, so that no cell has two winners.
    """
    n_agents = here.shape[0]
    slot_bits = max(1, (n_agents - 1).bit_length())
    luck = jax.random.bits(key, (n_agents,), jnp.uint32) >> slot_bits << slot_bits
    priority = jnp.where(alive & (here != there), luck | jnp.arange(n_agents, dtype=jnp.uint32), 0)
    best = largest(there, priority, n_cells)
    occupied = largest(here, alive.astype(jnp.uint32), n_cells)
    return (priority > 0) & (priority == best[there]) & (occupied[there] == 0)
