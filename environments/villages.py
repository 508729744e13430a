"""Villages: two villages by a river, where food lies far from home, and in the east there is marsh on the way.

A villager carries one food home at a time; only that is rewarded, so reward is sparse. Who steps into the marsh falls
ill and dies ten steps later, so reward does not punish at once. The second variant has one home for all, on a bridge.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from aira_agents.drawing import Drawing, Ground, Marks, Places
from aira_agents.effectors import Effector
from aira_agents.effectors.grid_move import DX, DY, MOVES
from aira_agents.environment import Environment, Role
from aira_agents.hosting import HostedModel
from aira_agents.parameters import number, option, size
from aira_agents.populations import Population, State, clocks, founders, with_columns
from aira_agents.sensors import ColumnSensor, GridVision, Range, Sensor
from aira_agents.spaces import Discrete
from aira_agents.symmetries import UP_AND_DOWN, Relabelling, Symmetry
from aira_agents.types import Actions, Array, Bool, Float, Int, Key, Number

ROLE = "villager"
HEIGHT, WIDTH = 7, 17
MIDDLE, RIVER = HEIGHT // 2, WIDTH // 2  # the row of the homes, and the column of the river
OUTER = 3  # columns on each side where food grows
WEST, EAST = -1, 1


class Villagers(Population):
    """Agents in cells; several may share one."""

    x: Int[Array, " capacity"]
    y: Int[Array, " capacity"]
    carries: Bool[Array, " capacity"]
    source: Int[Array, " capacity"]  # where its last food grew: -1 west, 1 east, 0 it had none yet
    ill: Int[Array, " capacity"]  # steps since it stepped into the marsh, that one included; 0: it never did
    delivered: Bool[Array, " capacity"]  # whether it brought food home in this step


class VillagesState(State):
    """The villagers, where food has grown, and where the ground is marsh."""

    food: Bool[Array, "height width"]
    marsh: Bool[Array, "height width"]

    @property
    def land(self) -> Float[Array, "height width"]:
        """What a picture shows of the ground: 0 bare, 1/2 marsh, 1 food, between them where food grows in the marsh."""
        return jnp.where(self.food, 1 - self.marsh / 4, self.marsh / 2)


class WayHome(Sensor):
    """Knows the way home as the crow flies, in units of half the land's width."""

    shared_home: bool = eqx.field(static=True)
    name: str = eqx.field(static=True, default="home")

    @property
    def features(self) -> tuple[str, ...]:
        """Two displacements."""
        return ("home(dx)", "home(dy)")

    @property
    def ranges(self) -> tuple[Range | None, ...]:
        """No home is farther than the border."""
        return (Range(-1, 1),) * 2

    def under(self, symmetry: Symmetry) -> Relabelling:
        """A displacement is a vector."""
        return Relabelling.turned(1, symmetry)

    def __call__(self, state: VillagesState, scene: Any, index: Int[Array, ""], key: Key) -> Float[Array, " features"]:
        """Returns the displacement."""
        del scene, key
        agents = state.agents[ROLE]
        away = jnp.stack([homes(self.shared_home)[index] - agents.x[index], MIDDLE - agents.y[index]])
        return away.astype(jnp.float32) / RIVER


class Walk(Effector):
    """Walks one cell; the river and the border stop whoever walks into them."""

    shared_home: bool = eqx.field(static=True)
    name: str = eqx.field(static=True, default="move")

    @property
    def space(self) -> Discrete:
        """The five moves."""
        return Discrete(MOVES)

    def under(self, symmetry: Symmetry) -> Relabelling | None:
        """Moves go where their directions go."""
        return Relabelling.permuted([*zip(DX, DY, strict=True)], symmetry)

    def __call__(self, state: State, actions: Int[Array, " capacity"], key: Key) -> State:
        """Moves the living."""
        del key  # cells are shared: nobody contests them
        agents = state.agents[ROLE]
        x, y = agents.x + jnp.asarray(DX)[actions], agents.y + jnp.asarray(DY)[actions]
        stopped = jnp.asarray(np.pad(barred(self.shared_home), 1, constant_values=True))[y + 1, x + 1]
        moves = agents.alive & ~stopped
        return with_columns(state, ROLE, x=jnp.where(moves, x, agents.x), y=jnp.where(moves, y, agents.y))


def homes(shared: bool) -> Int[Array, " villagers"]:
    """Returns the column of each villager's home: two live in the west, two in the east."""
    return jnp.full(4, RIVER) if shared else jnp.array([RIVER - 1] * 2 + [RIVER + 1] * 2)


def barred(shared: bool) -> np.ndarray:
    """Returns where nobody can walk: the river, but for the bridge on which the shared home stands."""
    cells = np.zeros((HEIGHT, WIDTH), bool)
    cells[:, RIVER] = True
    cells[MIDDLE, RIVER] = not shared
    return cells


class Villages(Environment):
    """Four villagers who bring food home."""

    populations = {ROLE: Villagers}
    grid = True
    width, height = WIDTH, HEIGHT
    draw = Drawing(
        grounds=(Ground("land", "land", levels=("bare", "marsh", "food")),),
        places=(Places("river", "square", 0.95, "water"), Places("houses", "diamond", 0.9)),
        marks=(Marks(ROLE, size=0.6, colour="carries", low=0, high=1),),
    )

    shared_home: bool = option(False, (False, True), help="whether all have one home, on a bridge over the river")
    vision_radius: int = size(2, high=4, unit="cells", help="how far a villager sees in each direction")
    food_west: Number = number(0.3, low=0, high=1, help="share of cells in the outer west with food at the start")
    food_east: Number = number(0.3, low=0, high=1, help="share of cells in the outer east with food at the start")
    regrowth: Number = number(0.1, low=0, high=1, help="how fast food comes back, as a share of that at the start")
    marsh: Number = number(0.15, low=0, high=1, help="share of the cells of the east that are marsh")
    ill_steps: Number = number(10, low=1, whole=True, unit="steps", help="time from stepping into the marsh to death")
    max_steps: Number = number(100, low=1, whole=True, unit="steps", help="length of an episode")

    @property
    def roles(self) -> tuple[Role, ...]:
        """One role: villagers, who see food, marsh and what stops them, know the way home, and walk."""
        sensors = (
            GridVision(role=ROLE, layers=("food", "marsh", "barred"), radius=self.vision_radius),
            WayHome(shared_home=self.shared_home),
            ColumnSensor(role=ROLE, name="carries", range=Range(0, 1, whole=True)),
            ColumnSensor(role=ROLE, name="ill", scale=10.0, range=Range(0, 1)),
        )
        return (Role(ROLE, 4, sensors, (Walk(shared_home=self.shared_home),)),)

    @property
    def symmetries(self) -> tuple[Symmetry, ...]:
        """Up and down are alike; west and east are not: only there is marsh."""
        return (UP_AND_DOWN,)

    @property
    def river(self) -> Int[np.ndarray, "cells 2"]:
        """Where nobody can walk, as x and y of cells."""
        return np.argwhere(barred(self.shared_home))[:, ::-1]

    @property
    def houses(self) -> Int[np.ndarray, "4 2"]:
        """X and y of each villager's home."""
        return np.stack([np.asarray(homes(self.shared_home)), np.full(4, MIDDLE)], axis=1)

    def reset(self, key: Key) -> VillagesState:
        """Puts everybody at home, sows food and makes the marsh, which leaves a column beside the river dry."""
        food_key, marsh_key = jax.random.split(key)
        nothing = jnp.zeros(4, jnp.int32)
        agents = Villagers(
            **founders(4),
            x=homes(self.shared_home).astype(jnp.int32),
            y=nothing + MIDDLE,
            carries=nothing > 0,
            source=nothing,
            ill=nothing,
            delivered=nothing > 0,
        )
        east = jnp.arange(WIDTH)[None] > RIVER + 1
        return VillagesState(
            agents={ROLE: agents},
            **clocks(5),
            food=jax.random.bernoulli(food_key, self._fertility, (HEIGHT, WIDTH)),
            marsh=jax.random.bernoulli(marsh_key, jnp.where(east, self.marsh, 0.0), (HEIGHT, WIDTH)),
        )

    @property
    def _fertility(self) -> Float[Array, "1 width"]:
        x = jnp.arange(WIDTH)
        return jnp.where(x < OUTER, self.food_west, jnp.where(x >= WIDTH - OUTER, self.food_east, 0.0))[None]

    def scene(self, state: VillagesState) -> Float[Array, "layers height width"]:
        """Food, marsh and what stops a walker; beyond the border all is barred."""
        pad = self.vision_radius
        layers = [jnp.pad(layer, pad) for layer in (state.food, state.marsh)]
        stops = np.pad(barred(self.shared_home), pad, constant_values=True)
        return jnp.stack([*layers, jnp.asarray(stops)]).astype(jnp.float32)

    def dynamics(self, state: VillagesState, key: Key) -> VillagesState:
        """Food is delivered and taken up, one by one villager; who stands in the marsh falls ill; the ill die."""
        lot_key, grow_key = jax.random.split(key)
        agents = state.agents[ROLE]
        here, home = (agents.y, agents.x), (agents.y == MIDDLE) & (agents.x == homes(self.shared_home))
        delivered = agents.alive & agents.carries & home
        wants = agents.alive & ~agents.carries & state.food[here]
        # The slot in the low bits makes every lot different: a food has one taker.
        lot = jax.random.bits(lot_key, wants.shape, jnp.uint32) >> 2 << 2 | jnp.arange(4, dtype=jnp.uint32)
        lot = jnp.where(wants, lot | 4, 0)
        takes = wants & (lot == jnp.zeros(state.food.shape, jnp.uint32).at[here].max(lot)[here])
        ill = jnp.where(state.marsh[here] | (agents.ill > 0), agents.ill + 1, 0)
        ill = jnp.where(agents.alive, ill, agents.ill)
        state = with_columns(
            state,
            ROLE,
            carries=(agents.carries & ~delivered) | takes,
            source=jnp.where(takes, jnp.sign(agents.x - RIVER), agents.source).astype(jnp.int32),
            ill=ill,
            delivered=delivered,
            alive=agents.alive & (ill <= self.ill_steps),
        )
        grown = jax.random.bernoulli(grow_key, self.regrowth * self._fertility, state.food.shape)
        return eqx.tree_at(lambda s: s.food, state, state.food.at[here].min(~takes) | grown)

    def rewards(self, before: State, actions: Actions, after: State) -> dict[str, Float[Array, " capacity"]]:
        """One for each food brought home."""
        del before, actions
        return {ROLE: after.agents[ROLE].delivered.astype(jnp.float32)}


def expert(prefers: int = EAST) -> Callable[[dict[str, Array], Key], Int[Array, ""]]:
    """Returns a rule that plans within what it sees: around marsh and river to the nearest food, and home with it.

    Args:
        prefers: Where it goes from the bridge, `WEST` or `EAST`; by the river there is no choice.
    """

    def act(observation: dict[str, Array], key: Key) -> Int[Array, ""]:
        food, marsh, stops = observation["vision"]
        radius = food.shape[0] // 2
        reach = jnp.arange(-radius, radius + 1)
        dy, dx = jnp.meshgrid(reach, reach, indexing="ij")
        home_x, home_y = jnp.round(observation["home"] * RIVER)
        bearing = jnp.where(
            stops[radius, radius + 1] > 0, WEST, jnp.where(stops[radius, radius - 1] > 0, EAST, prefers)
        )
        side = jnp.where(home_x == 0, bearing, -jnp.sign(home_x))
        wander_key, tie_key = jax.random.split(key)
        # What lies beyond sight: home is as far as the crow flies; food, somewhere about six columns away from it.
        wander = 2 * jax.random.uniform(wander_key, dx.shape)
        to_food = jnp.abs(dx - (home_x + 6 * side)) + wander
        to_home = jnp.abs(dx - home_x) + jnp.abs(dy - home_y)
        carries = observation["carries"] > 0
        edge = jnp.maximum(jnp.abs(dx), jnp.abs(dy)) == radius
        goal = jnp.where(carries, to_home == 0, food > 0)
        cost = jnp.where(edge, jnp.where(carries, to_home, 3 + to_food), jnp.inf)
        cost = jnp.where(goal, 0.0, cost)
        closed = (stops > 0) | (marsh > 0)

        def relax(cost: Array, _: None) -> tuple[Array, None]:
            return jnp.where(closed, jnp.inf, jnp.minimum(cost, 1 + jnp.min(_neighbours(cost), axis=0))), None

        cost = jax.lax.scan(relax, jnp.where(closed, jnp.inf, cost), None, 4 * radius)[0]
        around = _neighbours(cost)[:, radius, radius] + 1e-3 * jax.random.uniform(tie_key, (4,))
        return jnp.where(jnp.isfinite(jnp.min(around)), 1 + jnp.argmin(around), 0).astype(jnp.int32)

    return act


def _neighbours(cost: Float[Array, "side side"]) -> Float[Array, "4 side side"]:
    """Returns what lies up, down, left and right of each cell: infinite beyond the edge."""
    padded = jnp.pad(cost, 1, constant_values=jnp.inf)
    size = cost.shape[0]
    return jnp.stack([padded[1 + y : 1 + y + size, 1 + x : 1 + x + size] for x, y in zip(DX[1:], DY[1:], strict=True)])


def in_danger(observation: dict[str, Array]) -> Bool[Array, ""]:
    """Says whether a villager who is well has marsh beside it."""
    marsh = observation["vision"][1]
    radius = marsh.shape[0] // 2
    beside = jnp.stack([marsh[radius + y, radius + x] for x, y in zip(DX[1:], DY[1:], strict=True)])
    return jnp.any(beside > 0) & is_well(observation)


def is_well(observation: dict[str, Array]) -> Bool[Array, ""]:
    """Says whether a villager is not ill: the ill die whatever is done for them."""
    return observation["ill"] == 0


def place(observation: dict[str, Array]) -> Float[Array, "2"]:
    """Returns where a villager is, in cells from its home: who stays about one place is stuck."""
    return -observation["home"] * RIVER


class VillagesModel(HostedModel, environment=Villages):
    """`Villages` as a Mesa model."""
