"""Flocking: birds that fly at one speed, each turning by what it sees of those around it.

Nobody leads; that all come to fly one way follows from three urges. Source: Reynolds 1987, "Flocks, herds, and
schools", in the form of the public comparison of ABM frameworks (JuliaDynamics), in which a bird weighs the mean vector
to its neighbours, the vectors away from those too close, and the mean of their headings.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from aira_agents.angles import arctan2
from aira_agents.drawing import Drawing, Marks
from aira_agents.effectors import Effector
from aira_agents.environment import Environment, Role
from aira_agents.errors import InputError
from aira_agents.hosting import HostedModel
from aira_agents.materialized import materialized
from aira_agents.neighbours.plane import Around, Near, Plane, all_pairs
from aira_agents.neighbours.plane_cells import Mesh, cells_of, crowded, in_cells
from aira_agents.parameters import number, option, size
from aira_agents.populations import Population, State, clocks, founders, with_columns
from aira_agents.sensors import Sensor
from aira_agents.spaces import Box
from aira_agents.types import Actions, Array, Float, Int, Key, Number

ROLE = "bird"
ALL_PAIRS, CELLS = "all_pairs", "cells"
# A place in a stretch of cells costs as much as ten to fifteen pairs (two cores); but among pairs nobody lacks room.
PAIRS_A_PLACE = 20
ROOM = 8  # as many as three cells side by side hold, if nobody says otherwise


class Birds(Population):
    """Points that fly."""

    x: Float[Array, " capacity"]
    y: Float[Array, " capacity"]
    heading: Float[Array, " capacity"]  # radians, clockwise from upward


class FlockState(State):
    """The birds."""

    crowded: Int[Array, ""]  # times since the reset that a bird could not see all around it for want of room


class Seen(eqx.Module):
    """What every bird has around it."""

    within_vision: Near
    ahead: Float[Array, "2 capacity"]
    features: Float[Array, "capacity 7"]  # of `Flockmates`, a row a bird


class Flockmates(Sensor):
    """Sees the others within vision: where their middle is, whom it might touch, and where they fly."""

    name: str = eqx.field(static=True, default="flockmates")

    @property
    def features(self) -> tuple[str, ...]:
        """Three vectors, each summed over the others and divided by the number of those in sight."""
        return ("centre(dx)", "centre(dy)", "close(dx)", "close(dy)", "course(dx)", "course(dy)", "in_sight")

    def __call__(self, state: FlockState, scene: Seen, index: Int[Array, ""], key: Key) -> Float[Array, " features"]:
        """Returns `[7]`; zeros where there is nobody."""
        del state, key
        return scene.features[index]


class Course(Sensor):
    """Feels where it flies itself, and its urges: to keep together, apart, and in line."""

    cohere: Float[Array, ""]
    separate: Float[Array, ""]
    match: Float[Array, ""]
    name: str = eqx.field(static=True, default="course")

    @property
    def features(self) -> tuple[str, ...]:
        """Its heading as a vector, and three weights."""
        return ("own(dx)", "own(dy)", "cohere", "separate", "match")

    def __call__(self, state: FlockState, scene: Seen, index: Int[Array, ""], key: Key) -> Float[Array, " features"]:
        """Returns `[5]`."""
        del state, key
        return jnp.concatenate([scene.ahead[:, index], jnp.stack([self.cohere, self.separate, self.match])])


class Fly(Effector):
    """Turns to where a vector points, and flies there at the bird's speed."""

    plane: Plane = eqx.field(static=True)
    speed: Float[Array, ""]
    name: str = eqx.field(static=True, default="fly")

    @property
    def space(self) -> Box:
        """A vector; only where it points counts."""
        return Box(("dx", "dy"), (-1.0, -1.0), (1.0, 1.0), ("", ""))

    def __call__(self, state: FlockState, actions: Float[Array, "capacity 2"], key: Key) -> FlockState:
        """Flies over the border to the other side, or turns round there where the plane ends."""
        del key  # birds do not get in each other's way
        birds = state.agents[ROLE]
        dx, dy = actions[:, 0], actions[:, 1]
        length = jnp.sqrt(dx**2 + dy**2)
        points = length > 1e-9
        dx, dy = jnp.where(points, dx, jnp.sin(birds.heading)), jnp.where(points, dy, jnp.cos(birds.heading))
        dx, dy = materialized((dx, dy))
        step = self.speed / jnp.where(points, length, 1.0)
        x, y = birds.x + step * dx, birds.y + step * dy
        if self.plane.torus:
            x, y = _wrapped(x, self.plane.width), _wrapped(y, self.plane.height)
        else:
            dx = jnp.where((x < 0) | (x > self.plane.width), -dx, dx)
            dy = jnp.where((y < 0) | (y > self.plane.height), -dy, dy)
            x, y = jnp.clip(x, 0, self.plane.width), jnp.clip(y, 0, self.plane.height)
        return with_columns(state, ROLE, x=x, y=y, heading=arctan2(dx, dy))


def _wrapped(coordinate: Array, side: float) -> Array:
    # Nine times faster than `%`.
    return coordinate - side * jnp.floor(coordinate * (1 / side))


class Flocking(Environment):
    """Birds, who are rewarded for flying as those around them do."""

    populations = {ROLE: Birds}
    usual = "boid"
    draw = Drawing(
        marks=(Marks(ROLE, shape="triangle", size=1.6, heading="heading"),), extent=(0, 0, "width", "height")
    )

    n_birds: int = size(200, high=16_777_216, help="how many birds there are")
    width: int = size(100, low=1, high=1_000_000, help="the plane from left to right")
    height: int = size(100, low=1, high=1_000_000, help="the plane from bottom to top")
    torus: bool = option(True, (True, False), help="whether who leaves on one side comes back on the other")
    vision: Number = number(5.0, low=0, help="how far a bird sees")
    separation: Number = number(1.0, low=0, help="who is nearer is too close")
    speed: Number = number(1.0, low=0, help="how far a bird flies in a step")
    cohere: Number = number(0.03, low=0, high=10, help="weight of the vector to the middle of those in sight")
    separate: Number = number(0.015, low=0, high=10, help="weight of the vectors away from those too close")
    match: Number = number(0.05, low=0, high=10, help="weight of the headings of those in sight")
    neighbours: str = option(
        "fastest", ("fastest", ALL_PAIRS, CELLS), help="how those in sight are found: chosen, or forced"
    )
    reach: int = size(5, high=1_000_000, help="width of a cell at least, and the farthest that can be seen by cells")
    room: int = size(ROOM, high=256, help="how many birds three cells side by side can hold; see `crowded`")
    max_steps: Number = number(200, low=1, whole=True, unit="steps", help="length of an episode")

    def check_together(self) -> None:
        """Raises `InputError` where parameters do not go together."""
        farthest = 0.25 * min(self.width, self.height)
        for name in ("vision", "separation"):
            value = getattr(self, name)
            if self.torus and not isinstance(value, Tracer) and np.max(value) > farthest:
                raise InputError(
                    f"Flocking: on a torus `{name}` must be at most a quarter of the shorter side, {farthest:g}; got "
                    f"{np.max(value):g}. Enlarge `width` and `height`, or set `torus` to False."
                )
            if self.method == CELLS and not isinstance(value, Tracer) and np.max(value) > self.reach:
                raise InputError(
                    f"Flocking: by cells `{name}` must be at most `reach` = {self.reach}; got {np.max(value):g}. "
                    f"Raise `reach`, or set `neighbours` to {ALL_PAIRS!r}."
                )
        if self.neighbours == CELLS and not self.mesh.fits(self.plane):
            raise InputError(
                f"Flocking: a torus of {self.width} x {self.height} has fewer than three cells of {self.reach} a side. "
                f"Set `neighbours` to {ALL_PAIRS!r}."
            )

    @property
    def plane(self) -> Plane:
        """Where they fly."""
        return Plane(float(self.width), float(self.height), self.torus)

    @property
    def mesh(self) -> Mesh:
        """The cells of the plane."""
        return Mesh(max(self.width // self.reach, 1), max(self.height // self.reach, 1), self.room)

    @property
    def method(self) -> str:
        """How those in sight are found: by cells where all pairs cost more than the places that are looked through.

        More `room` changes nothing: a run that is made again with more is the same run.
        """
        if self.neighbours != "fastest":
            return self.neighbours
        return CELLS if self.n_birds > PAIRS_A_PLACE * 3 * ROOM and self.mesh.fits(self.plane) else ALL_PAIRS

    @property
    def roles(self) -> tuple[Role, ...]:
        """One role: birds, who see their flockmates, feel their course, and fly."""
        course = Course(cohere=self.cohere, separate=self.separate, match=self.match)
        return (Role(ROLE, self.n_birds, (Flockmates(), course), (Fly(plane=self.plane, speed=self.speed),)),)

    def reset(self, key: Key) -> FlockState:
        """Birds anywhere, heading anywhere."""
        x, y, turn = jax.random.uniform(key, (3, self.n_birds))
        x, y, heading = x * self.width, y * self.height, (turn - 0.5) * 2 * jnp.pi
        if self.method == CELLS:  # rows in the order of cells: whoever is near in the plane is near in memory
            columns, rows = cells_of(jnp.stack([x, y]), self.plane, self.mesh)
            _, x, y = jax.lax.sort((rows * self.mesh.across + columns, x, y), num_keys=1)
        birds = Birds(**founders(self.n_birds), x=x, y=y, heading=heading)
        return FlockState(agents={ROLE: birds}, **clocks(self.n_birds + 1), crowded=self._left_out(birds))

    def scene(self, state: FlockState) -> Seen:
        """What every bird has around it, worked out once for all sensors."""
        birds = state.agents[ROLE]
        places = jnp.stack([birds.x, birds.y])
        ahead = materialized(jnp.stack([jnp.sin(birds.heading), jnp.cos(birds.heading)]))
        asked = (Around(self.vision, ahead), Around(self.separation, jnp.zeros((0, self.n_birds))))
        if self.method == CELLS:
            sight, touch = in_cells(places, birds.alive, asked, self.plane, self.mesh)
        else:
            sight, touch = all_pairs(places, birds.alive, asked, self.plane)
        some = jnp.maximum(sight.count, 1.0)
        sums = [sums / some for sums in (*sight.away, *touch.away, *sight.values)]
        return Seen(sight, ahead, materialized(jnp.stack([*sums, sight.count], axis=1)))

    def dynamics(self, state: FlockState, key: Key) -> FlockState:
        """Nothing moves but birds; who finds no room in its new cell is counted."""
        del key
        return eqx.tree_at(lambda s: s.crowded, state, state.crowded + self._left_out(state.agents[ROLE]))

    def _left_out(self, birds: Birds) -> Int[Array, ""]:
        if self.method != CELLS:
            return jnp.zeros((), jnp.int32)
        return crowded(jnp.stack([birds.x, birds.y]), birds.alive, self.plane, self.mesh)

    def rewards(self, before: State, actions: Actions, after: FlockState) -> dict[str, Float[Array, " capacity"]]:
        """How well the heading agrees with that of those in sight: from -1 to 1, 0 where there is nobody."""
        del before, actions
        seen = self.scene(after)
        agreement = jnp.sum(seen.within_vision.values * seen.ahead, axis=0)
        return {ROLE: agreement / jnp.maximum(seen.within_vision.count, 1.0)}

    def measures(self, state: FlockState) -> dict[str, Float[Array, ""]]:
        """How far all fly one way."""
        return {"order": order_parameter(state)}


def order_parameter(state: FlockState) -> Float[Array, ""]:
    """How far all fly one way: the length of the mean heading, from 0 to 1."""
    birds = state.agents[ROLE]
    mean = jnp.stack([jnp.mean(jnp.sin(birds.heading)), jnp.mean(jnp.cos(birds.heading))])
    return jnp.sqrt(jnp.sum(mean**2))


def boid(observation: dict[str, Array], key: Key) -> Float[Array, " 2"]:
    """The classic rule: the own heading, pulled by the three urges."""
    del key
    centre, close, course = (observation["flockmates"][i : i + 2] for i in (0, 2, 4))
    own, (cohere, separate, match) = observation["course"][:2], observation["course"][2:]
    wanted = own + cohere * centre - separate * close + match * course
    return wanted / jnp.sqrt(jnp.maximum(wanted[0] ** 2 + wanted[1] ** 2, 1e-12))


class FlockingModel(HostedModel, environment=Flocking):
    """`Flocking` as a Mesa model."""
