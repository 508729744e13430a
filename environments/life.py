"""Life: cells that are lit or dark by what is around them.

Source: Conway's game, in Gardner 1970, "The fantastic combinations of John Conway's new solitaire game 'life'". Every
cell is an agent that sees its eight neighbours and decides whether to be lit; all decide at once.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.drawing import Drawing, Marks
from aira_agents.effectors import Effector
from aira_agents.environment import Environment, Role
from aira_agents.hosting import HostedModel
from aira_agents.neighbours.boxes import box_sums
from aira_agents.parameters import number, option, size
from aira_agents.populations import Population, State, clocks, founders, with_columns
from aira_agents.sensors import Range, Sensor
from aira_agents.spaces import Discrete
from aira_agents.types import Actions, Array, Float, Int, Key, Number

ROLE = "cell"


class Cells(Population):
    """Cells in order, row by row from the lowest."""

    x: Int[Array, " capacity"]
    y: Int[Array, " capacity"]
    lit: Int[Array, " capacity"]  # 0 or 1


class LifeState(State):
    """The cells."""


class Surroundings(Sensor):
    """Sees whether it is lit itself, and how many of its eight neighbours are."""

    name: str = eqx.field(static=True, default="surroundings")

    @property
    def features(self) -> tuple[str, ...]:
        """Two counts."""
        return ("lit", "lit_neighbours")

    @property
    def ranges(self) -> tuple[Range | None, ...]:
        """One cell, and eight."""
        return (Range(0, 1, whole=True), Range(0, 8, whole=True))

    def __call__(self, state: LifeState, scene: Any, index: Int[Array, ""], key: Key) -> Float[Array, " features"]:
        """Returns `[2]`."""
        del key
        return jnp.stack([state.agents[ROLE].lit[index], scene[index]]).astype(jnp.float32)


class Shine(Effector):
    """Is dark or lit."""

    name: str = eqx.field(static=True, default="be")

    @property
    def space(self) -> Discrete:
        """Two choices."""
        return Discrete(("dark", "lit"))

    def __call__(self, state: LifeState, actions: Int[Array, " capacity"], key: Key) -> LifeState:
        """Every cell is what it chose."""
        del key  # cells do not get in each other's way
        return with_columns(state, ROLE, lit=actions)


class Life(Environment):
    """Cells, who are rewarded for being lit."""

    populations = {ROLE: Cells}
    grid = True
    usual = "conway"
    draw = Drawing(marks=(Marks(ROLE, shape="square", size=0.95, colour="lit", low=0, high=1),))

    width: int = size(50, low=3, high=4096, unit="cells", help="the board from left to right")
    height: int = size(50, low=3, high=4096, unit="cells", help="the board from bottom to top")
    torus: bool = option(True, (True, False), help="whether the board is closed, without a border")
    density: Number = number(0.3, low=0, high=1, help="chance that a cell is lit at the start")
    max_steps: Number = number(200, low=1, whole=True, unit="steps", help="length of an episode")

    @property
    def roles(self) -> tuple[Role, ...]:
        """One role: cells, who see their neighbours and are lit or dark."""
        return (Role(ROLE, self.width * self.height, (Surroundings(),), (Shine(),)),)

    def reset(self, key: Key) -> LifeState:
        """Cells lit by chance."""
        n = self.width * self.height
        rows = jnp.arange(n, dtype=jnp.int32)
        lit = jax.random.bernoulli(key, self.density, (n,)).astype(jnp.int32)
        cells = Cells(**founders(n), x=rows % self.width, y=rows // self.width, lit=lit)
        return LifeState(agents={ROLE: cells}, **clocks(n + 1))

    def scene(self, state: LifeState) -> Int[Array, " cells"]:
        """How many of its eight neighbours are lit, for every cell."""
        lit = state.agents[ROLE].lit.reshape(self.height, self.width)
        return (box_sums(lit, 1, torus=self.torus) - lit).reshape(-1)

    def dynamics(self, state: LifeState, key: Key) -> LifeState:
        """Nothing happens but what the cells do."""
        del key
        return state

    def rewards(self, before: State, actions: Actions, after: State) -> dict[str, Float[Array, " capacity"]]:
        """One for whoever is lit."""
        del before, actions
        return {ROLE: after.agents[ROLE].lit.astype(jnp.float32)}


def conway(observation: dict[str, Array], key: Key) -> Int[Array, ""]:
    """The classic rule: lit by three neighbours, and by two if lit before."""
    del key
    lit, neighbours = observation["surroundings"]
    return ((neighbours == 3) | ((neighbours == 2) & (lit > 0))).astype(jnp.int32)


class LifeModel(HostedModel, environment=Life):
    """`Life` as a Mesa model."""
