"""Segregation: agents of two kinds who move away where too few around them are alike.

Nobody wants to live apart, and yet all do in the end. Source: Schelling 1971, "Dynamic models of segregation", in two
dimensions. Whoever is not content moves to an empty cell drawn by lot: where all move together, cells that are left in
the step count as empty, too.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from aira_agents.arrays import places_by_lot, running_count
from aira_agents.drawing import Drawing, Marks
from aira_agents.effectors import Effector, in_turn
from aira_agents.environment import Environment, Role
from aira_agents.errors import InputError
from aira_agents.hosting import HostedModel
from aira_agents.materialized import materialized
from aira_agents.neighbours.boxes import box_sums
from aira_agents.parameters import number, option, size
from aira_agents.populations import Population, State, clocks, founders, with_columns
from aira_agents.scattering import put
from aira_agents.sensors import Range, Sensor
from aira_agents.spaces import Discrete
from aira_agents.turns import ONE_BY_ONE, first_turns, next_turns, turn_option
from aira_agents.types import Actions, Array, Float, Int, Key, Number, UInt32

ROLE = "resident"
KINDS = 2
PACK = 1024  # both counts in one whole number: more than the cells of the widest neighbourhood


class Residents(Population):
    """Agents in cells, one a cell."""

    x: Int[Array, " capacity"]
    y: Int[Array, " capacity"]
    kind: Int[Array, " capacity"]  # 0 or 1


class TownState(State):
    """The residents, and whose turn it is where they act one by one."""

    turns: UInt32[Array, " turns"]


class Surroundings(Sensor):
    """Counts the neighbours who are alike and those who are not, and knows how many of its kind it wants."""

    radius: int = eqx.field(static=True)
    share: Float[Array, ""]
    count: Float[Array, ""]
    name: str = eqx.field(static=True, default="surroundings")

    @property
    def features(self) -> tuple[str, ...]:
        """Two counts, and two wishes."""
        return ("alike", "unlike", "wanted(share)", "wanted(count)")

    @property
    def ranges(self) -> tuple[Range | None, ...]:
        """As many as there are cells around."""
        most = (2 * self.radius + 1) ** 2 - 1
        return (Range(0, most, whole=True), Range(0, most, whole=True), Range(0, 1), Range(0, most))

    def __call__(self, state: TownState, scene: Any, index: Int[Array, ""], key: Key) -> Float[Array, " features"]:
        """Returns `[4]`."""
        del key
        agents = state.agents[ROLE]
        both = scene[agents.y[index], agents.x[index]]
        zeros, ones = both % PACK, both // PACK
        first = agents.kind[index] == 0
        alike, unlike = jnp.where(first, zeros, ones) - 1, jnp.where(first, ones, zeros)
        return jnp.stack([alike.astype(jnp.float32), unlike.astype(jnp.float32), self.share, self.count])


class Relocate(Effector):
    """Moves to an empty cell drawn by lot, or stays."""

    width: int = eqx.field(static=True)
    height: int = eqx.field(static=True)
    order: str = eqx.field(static=True)
    name: str = eqx.field(static=True, default="move")

    @property
    def space(self) -> Discrete:
        """Two choices."""
        return Discrete(("stay", "move"))

    def __call__(self, state: TownState, actions: Int[Array, " capacity"], key: Key) -> TownState:
        """Moves all who want to, each to a cell of its own; who finds none stays."""
        agents = state.agents[ROLE]
        moves = agents.alive & (actions == 1)
        # One by one, the own cell is not empty yet when the next is looked for.
        stays = agents.alive if self.order == ONE_BY_ONE else agents.alive & ~moves
        cells = jnp.where(stays, agents.y * self.width + agents.x, self.width * self.height)
        free = ~put(cells, stays, self.width * self.height)
        target = places_by_lot(key, free, moves)
        found = target >= 0
        x = jnp.where(found, target % self.width, agents.x)
        y = jnp.where(found, target // self.width, agents.y)
        return with_columns(state, ROLE, x=x, y=y)


class Segregation(Environment):
    """Residents of two kinds, who are rewarded where they are content."""

    populations = {ROLE: Residents}
    grid = True
    usual = "schelling"
    draw = Drawing(marks=(Marks(ROLE, shape="square", size=0.95, colour="kind", low=0, high=KINDS - 1),))

    width: int = size(40, low=3, high=4096, unit="cells", help="the town from left to right")
    height: int = size(40, low=3, high=4096, unit="cells", help="the town from bottom to top")
    capacity: int = size(0, low=0, high=16_777_216, help="how many residents there is room for; 0: as many as cells")
    radius: int = size(1, high=15, unit="cells", help="how far the neighbourhood reaches in each direction")
    torus: bool = option(False, (False, True), help="whether the town is closed, without a border")
    order: str = turn_option()
    density: Number = number(0.8, low=0, high=1, help="share of cells where somebody lives")
    minority: Number = number(0.5, low=0, high=1, help="share of residents who are of the second kind")
    homophily: Number = number(0.4, low=0, high=1, help="share of neighbours that must be alike for content")
    alike: Number = number(0.0, low=0, help="how many neighbours must be alike for content")
    max_steps: Number = number(200, low=1, whole=True, unit="steps", help="length of an episode")

    def check_together(self) -> None:
        """Raises `InputError` where parameters do not go together."""
        if self.torus and 2 * self.radius + 1 > min(self.width, self.height):
            raise InputError(
                f"Segregation: on a torus of {self.width} x {self.height} cells `radius` must be at most "
                f"{(min(self.width, self.height) - 1) // 2}, or a neighbour counts twice; got {self.radius}. Enlarge "
                "the town, or set `torus` to False."
            )
        if isinstance(self.density, Tracer) or self.capacity == 0:
            return
        wanted = round(float(np.max(self.density)) * self.width * self.height)
        if wanted > min(self.capacity, self.width * self.height):
            raise InputError(
                f"Segregation: `density` {float(np.max(self.density)):g} of {self.width} x {self.height} cells are "
                f"{wanted} residents; `capacity` leaves room for {self.capacity}. Raise `capacity`, or set it to 0."
            )

    @property
    def rows(self) -> int:
        """How many residents there is room for; a cell holds one."""
        cells = self.width * self.height
        return min(self.capacity, cells) if self.capacity else cells

    @property
    def roles(self) -> tuple[Role, ...]:
        """One role: residents, who see who lives around, and stay or move."""
        eyes = Surroundings(radius=self.radius, share=self.homophily, count=self.alike)
        legs = Relocate(width=self.width, height=self.height, order=self.order)
        return (Role(ROLE, self.rows, (eyes,), (in_turn(legs, ROLE),)),)

    def reset(self, key: Key) -> TownState:
        """Settles the residents in cells drawn by lot."""
        place_key, turn_key = jax.random.split(key)
        n_cells = self.width * self.height
        count = jnp.round(self.density * n_cells).astype(jnp.int32)
        rows = jnp.arange(self.rows, dtype=jnp.int32)
        kind = (rows >= jnp.round(count * (1 - self.minority))).astype(jnp.int32)
        places = places_by_lot(place_key, jnp.ones(n_cells, bool), rows < count)
        # Rows of a kind in the order of cells: whoever is near in the world is near in memory.
        lived = put(materialized(jnp.where(rows < count, places, n_cells)), kind + 1, n_cells)
        nth = materialized((running_count(lived == 1), running_count(lived == 2)))
        row = jnp.where(lived == 1, nth[0], nth[0][-1] + nth[1]) - 1
        cells = put(jnp.where(lived > 0, row, self.rows), jnp.arange(n_cells, dtype=jnp.int32), self.rows)
        agents = Residents(
            **founders(self.rows, count),
            x=cells % self.width,
            y=cells // self.width,
            kind=kind,
        )
        turns = first_turns(self.order, self.rows, turn_key)
        return TownState(agents={ROLE: agents}, **clocks(count + 1), turns=turns)

    def scene(self, state: TownState) -> Int[Array, "height width"]:
        """How many of each kind live around every cell, itself included; the second kind counts `PACK`."""
        agents = state.agents[ROLE]
        cells = jnp.where(agents.alive, agents.y * self.width + agents.x, self.width * self.height)
        weights = jnp.where(agents.kind == 0, 1, PACK)
        lived = put(cells, weights, self.width * self.height)
        return materialized(box_sums(lived.reshape(self.height, self.width), self.radius, torus=self.torus))

    def dynamics(self, state: TownState, key: Key) -> TownState:
        """Nothing moves but who wants to."""
        return eqx.tree_at(lambda s: s.turns, state, next_turns(state.turns, state.agents[ROLE].alive, key))

    def rewards(self, before: State, actions: Actions, after: TownState) -> dict[str, Float[Array, " capacity"]]:
        """One for whoever is content after the step."""
        del before, actions
        return {ROLE: self._content(after)[0]}

    def _content(self, state: TownState) -> tuple[Array, Array, Array]:
        role, scene = self.roles[0], self.scene(state)
        seen = role.perceive(state, scene, jax.random.key(0)).features
        alike, unlike = seen[:, 0], seen[:, 1]
        return content(alike, unlike, self.homophily, self.alike).astype(jnp.float32), alike, alike + unlike

    def measures(self, state: TownState) -> dict[str, Float[Array, ""]]:
        """The segregation index."""
        return {"segregation": self.index(state)}

    def index(self, state: TownState) -> Float[Array, ""]:
        """The segregation index: the share of neighbours who are alike, on average over those who have any."""
        _, alike, all_around = self._content(state)
        counts = state.agents[ROLE].alive & (all_around > 0)
        return jnp.sum(jnp.where(counts, alike / jnp.maximum(all_around, 1), 0.0)) / jnp.maximum(jnp.sum(counts), 1)


def content(alike: Array, unlike: Array, share: Array, count: Array) -> Array:
    """Whether so many neighbours suffice: a share of them, and a number."""
    return (alike >= count) & (alike >= share * (alike + unlike))


def schelling(observation: dict[str, Array], key: Key) -> Int[Array, ""]:
    """The classic rule: whoever is not content moves."""
    del key
    alike, unlike, share, count = observation["surroundings"]
    return jnp.where(content(alike, unlike, share, count), 0, 1).astype(jnp.int32)


class SegregationModel(HostedModel, environment=Segregation):
    """`Segregation` as a Mesa model."""
