"""Traffic: cars on a ring road, who jam out of nothing because drivers dawdle.

Source: Nagel and Schreckenberg 1992, "A cellular automaton model for freeway traffic", section 2: accelerate, brake to
the gap, dawdle, drive; all at once. The first three are the driver's, the last is the world's: no car can drive faster
than one more than before, or into the one ahead.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from aira_agents.arrays import places_by_lot, running_count, running_sum
from aira_agents.drawing import Drawing, Marks
from aira_agents.effectors import Effector
from aira_agents.environment import Environment, Role
from aira_agents.errors import InputError
from aira_agents.hosting import HostedModel
from aira_agents.parameters import number, size
from aira_agents.populations import Population, State, clocks, founders, with_columns
from aira_agents.scattering import put
from aira_agents.sensors import Range, Sensor
from aira_agents.spaces import Discrete
from aira_agents.types import Actions, Array, Float, Int, Key, Number

ROLE = "car"


class Cars(Population):
    """Cars in the order in which they drive: each follows the one in the next row, the last alive the first."""

    cell: Int[Array, " capacity"]
    speed: Int[Array, " capacity"]  # cells in the last step


class RoadState(State):
    """The cars."""


class Dashboard(Sensor):
    """Sees the own speed and the gap ahead, and knows the speed limit and how often it dawdles."""

    fastest: int = eqx.field(static=True)
    limit: Int[Array, ""]
    dawdle: Float[Array, ""]
    name: str = eqx.field(static=True, default="dashboard")

    @property
    def features(self) -> tuple[str, ...]:
        """Cells a step, cells, cells a step, a chance."""
        return ("speed", "gap", "limit", "dawdle")

    @property
    def ranges(self) -> tuple[Range | None, ...]:
        """A gap beyond the highest speed makes no difference."""
        return (*(Range(0, self.fastest, whole=True),) * 3, Range(0, 1))

    def __call__(self, state: RoadState, scene: Any, index: Int[Array, ""], key: Key) -> Float[Array, " features"]:
        """Returns `[4]`."""
        del key
        parts = [state.agents[ROLE].speed[index], scene[index], self.limit, self.dawdle]
        return jnp.stack([part.astype(jnp.float32) for part in parts])


class Drive(Effector):
    """Drives at a wanted speed, as far as engine, limit and the car ahead allow."""

    fastest: int = eqx.field(static=True)
    length: int = eqx.field(static=True)
    limit: Int[Array, ""]
    name: str = eqx.field(static=True, default="speed")

    @property
    def space(self) -> Discrete:
        """Speeds in cells a step."""
        return Discrete(tuple(str(speed) for speed in range(self.fastest + 1)))

    def __call__(self, state: RoadState, actions: Int[Array, " capacity"], key: Key) -> RoadState:
        """All cars drive at once; the gaps are those before anybody did."""
        del key  # cars keep their order
        cars = state.agents[ROLE]
        allowed = jnp.minimum(jnp.minimum(cars.speed + 1, self.limit), gaps(cars, self.length))
        speed = jnp.minimum(actions, allowed)
        return with_columns(state, ROLE, speed=speed, cell=(cars.cell + speed) % self.length)


def gaps(cars: Cars, length: int) -> Int[Array, " capacity"]:
    """Returns the number of empty cells ahead of each car; rows are in the order of the road, some of them empty."""
    nth = running_count(cars.alive)  # of the living, counted from 1: the next one's place, counted from 0
    queue = put(jnp.where(cars.alive, nth - 1, cars.capacity), cars.cell, cars.capacity)
    ahead = queue[jnp.where(nth == nth[-1], 0, nth)]
    return (ahead - cars.cell - 1) % length


class Traffic(Environment):
    """Cars, who are rewarded for getting on."""

    populations = {ROLE: Cars}
    usual = "nagel_schreckenberg"
    draw = Drawing(marks=(Marks(ROLE, x="cell", shape="triangle", size=1.1, ring="length", colour="speed"),))

    length: int = size(200, low=3, high=16_777_216, unit="cells", help="the ring road")
    capacity: int = size(0, low=0, high=16_777_216, help="how many cars there is room for; 0: as many as cells")
    fastest: int = size(5, high=20, unit="cells a step", help="the highest speed that a car can be told")
    density: Number = number(0.2, low=0, high=1, help="share of cells with a car")
    limit: Number = number(5, low=1, whole=True, unit="cells a step", help="the speed limit")
    dawdle: Number = number(0.3, low=0, high=1, help="chance that a driver is slower than possible by one")
    max_steps: Number = number(500, low=1, whole=True, unit="steps", help="length of an episode")

    def check_together(self) -> None:
        """Raises `InputError` where parameters do not go together."""
        if isinstance(self.density, Tracer):
            return
        density = float(np.max(self.density))
        cars = round(density * self.length)
        if cars < 1 or cars > self.rows:
            raise InputError(
                f"Traffic: `density` {density:g} of {self.length} cells are {cars} cars; it must be 1..{self.rows}. "
                "Change `density`, or set `capacity` to 0: room for a car in every cell."
            )

    @property
    def rows(self) -> int:
        """How many cars there is room for."""
        return min(self.capacity, self.length) if self.capacity else self.length

    @property
    def roles(self) -> tuple[Role, ...]:
        """One role: cars, who see speed and gap, and choose a speed."""
        sees = Dashboard(fastest=self.fastest, limit=self.limit, dawdle=self.dawdle)
        drives = Drive(fastest=self.fastest, length=self.length, limit=self.limit)
        return (Role(ROLE, self.rows, (sees,), (drives,)),)

    def reset(self, key: Key) -> RoadState:
        """Cars that stand in cells drawn by lot, numbered along the road."""
        count = jnp.round(self.density * self.length).astype(jnp.int32)
        rows = jnp.arange(self.rows, dtype=jnp.int32)
        places = places_by_lot(key, jnp.ones(self.length, bool), rows < count)
        taken = jnp.zeros(self.length, jnp.int32).at[jnp.where(places < 0, self.length, places)].set(1, mode="drop")
        order = jnp.where(taken > 0, running_sum(taken) - 1, self.rows)
        cells = jnp.zeros(self.rows, jnp.int32).at[order].set(jnp.arange(self.length, dtype=jnp.int32), mode="drop")
        cars = Cars(**founders(self.rows, count), cell=cells, speed=jnp.zeros(self.rows, jnp.int32))
        return RoadState(agents={ROLE: cars}, **clocks(count + 1))

    def scene(self, state: RoadState) -> Int[Array, " capacity"]:
        """The gap ahead of every car."""
        return gaps(state.agents[ROLE], self.length)

    def dynamics(self, state: RoadState, key: Key) -> RoadState:
        """Nothing moves but cars."""
        del key
        return state

    def rewards(self, before: State, actions: Actions, after: State) -> dict[str, Float[Array, " capacity"]]:
        """One for each cell driven."""
        del before, actions
        return {ROLE: after.agents[ROLE].speed.astype(jnp.float32)}

    def measures(self, state: RoadState) -> dict[str, Float[Array, ""]]:
        """The flow."""
        return {"flow": self.flow(state)}

    def flow(self, state: RoadState) -> Float[Array, ""]:
        """How many cars pass a place in a step, on average over the road."""
        cars = state.agents[ROLE]
        return jnp.sum(jnp.where(cars.alive, cars.speed, 0)) / self.length


def nagel_schreckenberg(observation: dict[str, Array], key: Key) -> Int[Array, ""]:
    """The classic rule: one faster up to the limit, no farther than the gap, and at times one slower than that."""
    speed, gap, limit, dawdle = observation["dashboard"]
    wanted = jnp.minimum(jnp.minimum(speed + 1, limit), gap)
    slower = jax.random.uniform(key) < dawdle
    return jnp.maximum(wanted - slower, 0).astype(jnp.int32)


class TrafficModel(HostedModel, environment=Traffic):
    """`Traffic` as a Mesa model."""
