"""Wolves, sheep and grass: who walks by chance, feeds on what stands there, starves, and has young.

Source: Wilensky 1997, "NetLogo wolf sheep predation", with the rules of the public comparison of ABM frameworks
(JuliaDynamics): sheep walk, graze and have young, then wolves do; grass grows again after a fixed time. All of a kind
act at once: of those in a cell one gets the grass, and each wolf one sheep as long as there are any, by lot. A cell
settles `CONTESTS` catches a step at most.
"""

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.arrays import lots
from aira_agents.drawing import Drawing, Ground, Marks
from aira_agents.effectors import CompassWalk
from aira_agents.environment import Environment, Role
from aira_agents.errors import InputError
from aira_agents.hosting import HostedModel
from aira_agents.parameters import number, size
from aira_agents.populations import Population, State, clocks, founders, give_birth, with_columns
from aira_agents.scattering import largest
from aira_agents.sensors import ColumnSensor, GridVision, Strips
from aira_agents.types import Actions, Array, Bool, Float, Int, Key, Number, UInt32

SHEEP, WOLF = "sheep", "wolf"
STARVES_BELOW = {SHEEP: 1.0, WOLF: 0.0}
CONTESTS = 2


class Animals(Population):
    """Animals in cells; several may share one."""

    x: Int[Array, " capacity"]
    y: Int[Array, " capacity"]
    energy: Float[Array, " capacity"]  # one unit is spent a step
    ate: Bool[Array, " capacity"]  # in this step


class FarmState(State):
    """The animals, and how long every cell still waits for grass."""

    wait: Int[Array, "height width"]  # steps until grass has grown; 0: it has

    @property
    def grass(self) -> Bool[Array, "height width"]:
        """Where grass has grown."""
        return self.wait == 0


class WolfSheep(Environment):
    """A food chain whose animals pay for each step."""

    populations = {SHEEP: Animals, WOLF: Animals}
    grid = True
    usual = "wander"
    draw = Drawing(grounds=(Ground("grass", "grass"),), marks=(Marks(SHEEP), Marks(WOLF, shape="triangle", size=1.0)))

    n_sheep: int = size(60, low=0, high=1_000_000, help="sheep at the start")
    n_wolves: int = size(40, low=0, high=1_000_000, help="wolves at the start")
    sheep_capacity: int = size(400, low=1, high=16_777_216, help="how many sheep there is room for")
    wolf_capacity: int = size(300, low=1, high=16_777_216, help="how many wolves there is room for")
    width: int = size(25, low=3, high=4096, unit="cells", help="the farm from left to right")
    height: int = size(25, low=3, high=4096, unit="cells", help="the farm from bottom to top")
    vision_radius: int = size(1, high=10, unit="cells", help="how far an animal sees in each direction")
    energy_of_grass: Number = number(5, low=0, help="what a sheep gains by a meal")
    energy_of_sheep: Number = number(13, low=0, help="what a wolf gains by a catch")
    sheep_births: Number = number(0.2, low=0, high=1, help="chance that a sheep has young in a step")
    wolf_births: Number = number(0.1, low=0, high=1, help="chance that a wolf has young in a step")
    regrowth: Number = number(20, low=1, whole=True, unit="steps", help="how long eaten grass takes to grow again")
    max_steps: Number = number(500, low=1, whole=True, unit="steps", help="length of an episode")

    def check_together(self) -> None:
        """Raises `InputError` where parameters do not go together."""
        for count, capacity in (("n_sheep", "sheep_capacity"), ("n_wolves", "wolf_capacity")):
            if getattr(self, count) > getattr(self, capacity):
                raise InputError(
                    f"WolfSheep: `{count}` must be at most `{capacity}` = {getattr(self, capacity)}; "
                    f"got {getattr(self, count)}. Raise `{capacity}`, and leave room for births."
                )

    @property
    def roles(self) -> tuple[Role, ...]:
        """Sheep and wolves, who see grass and each other, feel their energy, and walk."""
        return (self._role(SHEEP, self.sheep_capacity, 10.0), self._role(WOLF, self.wolf_capacity, 26.0))

    def _role(self, role: str, capacity: int, scale: float) -> Role:
        vision = GridVision(role=role, layers=("grass", SHEEP, WOLF), radius=self.vision_radius)
        walk = CompassWalk(role=role, height=self.height, width=self.width)
        return Role(role, capacity, (vision, ColumnSensor(role=role, name="energy", scale=scale)), (walk,))

    def reset(self, key: Key) -> FarmState:
        """Scatters the animals, with energy for up to two meals; grass has grown in half of the cells."""
        sheep_key, wolf_key, grown_key, wait_key = jax.random.split(key, 4)
        cells = (self.height, self.width)
        agents = {
            SHEEP: self._scattered(sheep_key, self.n_sheep, self.sheep_capacity, self.energy_of_grass, 1),
            WOLF: self._scattered(
                wolf_key, self.n_wolves, self.wolf_capacity, self.energy_of_sheep, self.n_sheep + 1
            ),
        }  # fmt: skip
        wait = jax.random.randint(wait_key, cells, 1, self.regrowth + 1)
        wait = jnp.where(jax.random.bernoulli(grown_key, 0.5, cells), 0, wait)
        return FarmState(agents=agents, **clocks(self.n_sheep + self.n_wolves + 1), wait=wait)

    def _scattered(self, key: Key, count: int, capacity: int, gain: Array, first_uid: int) -> Animals:
        place_key, energy_key = jax.random.split(key)
        # Rows in the order of cells: whoever is near in the world is near in memory, and children stay there.
        n, every = max(count, 1), capacity // max(count, 1)
        drawn = jnp.sort(jax.random.randint(place_key, (n,), 0, self.height * self.width))
        cells = drawn[jnp.minimum(jnp.arange(capacity) // every, n - 1)]
        energy = jax.random.uniform(energy_key, (capacity,))
        return Animals(
            **founders(capacity, count, first_uid, every=every),
            x=cells % self.width,
            y=cells // self.width,
            energy=jnp.floor(energy * 2 * gain),
            ate=jnp.zeros(capacity, bool),
        )

    def scene(self, state: FarmState) -> Strips:
        """Grass, sheep and wolves, in strips for vision."""
        crowds = []
        for role in (SHEEP, WOLF):
            agents = state.agents[role]
            crowds.append(jnp.zeros((self.height, self.width), bool).at[agents.y, agents.x].max(agents.alive))
        return Strips.of((state.grass, *crowds), self.vision_radius)

    def dynamics(self, state: FarmState, key: Key) -> FarmState:
        """Sheep graze and live on; wolves hunt and live on; grass grows."""
        graze_key, sheep_key, hunt_key, wolf_key = jax.random.split(key, 4)
        state = self._graze(state, graze_key)
        state = self._live_on(state, SHEEP, self.sheep_births, sheep_key)
        state = self._hunt(state, hunt_key)
        state = self._live_on(state, WOLF, self.wolf_births, wolf_key)
        return eqx.tree_at(lambda s: s.wait, state, jnp.maximum(state.wait - 1, 0))

    def _graze(self, state: FarmState, key: Key) -> FarmState:
        sheep, grown = state.agents[SHEEP], state.grass.reshape(-1)
        cells, lot = self._cells(sheep), _lots(sheep.alive, key)
        best = largest(cells, lot, grown.size, near=True)
        ate, _ = _contest(cells, lot, jnp.where(grown, best, 0))
        energy = sheep.energy - 1 + self.energy_of_grass * ate
        wait = jnp.where(grown & (best > 0), self.regrowth, state.wait.reshape(-1)).reshape(state.wait.shape)
        return eqx.tree_at(lambda s: s.wait, with_columns(state, SHEEP, energy=energy, ate=ate), wait)

    def _hunt(self, state: FarmState, key: Key) -> FarmState:
        sheep, wolves = state.agents[SHEEP], state.agents[WOLF]
        sheep_cells, wolf_cells = self._cells(sheep), self._cells(wolves)
        n_cells = self.height * self.width
        wolf_key, sheep_key = jax.random.split(key)
        hunting, hiding = _lots(wolves.alive, wolf_key), _lots(sheep.alive, sheep_key)
        ate, alive = jnp.zeros_like(wolves.alive), sheep.alive
        for contest in range(CONTESTS):
            near = contest == 0
            hunter = largest(wolf_cells, hunting, n_cells, near=near)
            victim = largest(sheep_cells, hiding, n_cells, near=near)
            catches, hunting = _contest(wolf_cells, hunting, jnp.where(victim > 0, hunter, 0))
            caught, hiding = _contest(sheep_cells, hiding, jnp.where(hunter > 0, victim, 0))
            ate, alive = ate | catches, alive & ~caught
            # Few are left for the next contest; the others are nowhere, where nothing is read or written.
            wolf_cells = jnp.where(hunting > 0, wolf_cells, n_cells)
            sheep_cells = jnp.where(hiding > 0, sheep_cells, n_cells)
        energy = wolves.energy - 1 + self.energy_of_sheep * ate
        return with_columns(with_columns(state, WOLF, energy=energy, ate=ate), SHEEP, alive=alive)

    def _live_on(self, state: FarmState, role: str, chance: Array, key: Key) -> FarmState:
        """Who lacks energy dies; of the others some have young, who take half of it and stand in the same cell."""
        agents = state.agents[role]
        alive = agents.alive & (agents.energy >= STARVES_BELOW[role])
        bears = alive & jax.random.bernoulli(key, chance, alive.shape)
        energy = jnp.where(bears, agents.energy / 2, agents.energy)
        state = with_columns(state, role, alive=alive, energy=energy)
        child = eqx.tree_at(lambda a: a.ate, state.agents[role], jnp.zeros_like(agents.ate))
        return give_birth(state, role, bears, child)

    def _cells(self, agents: Animals) -> Int[Array, " capacity"]:
        return agents.y * self.width + agents.x

    def rewards(self, before: State, actions: Actions, after: State) -> dict[str, Float[Array, " capacity"]]:
        """One for each meal, minus one for dying."""
        del actions
        rewards = {}
        for role, agents in after.agents.items():
            was = before.agents[role]
            rewards[role] = (agents.ate & was.alive).astype(jnp.float32) - (was.alive & ~agents.alive)
        return rewards


def _lots(takes_part: Bool[Array, " capacity"], key: Key) -> UInt32[Array, " capacity"]:
    """Draws a lot above zero for everybody who takes part; 0 for the others."""
    return jnp.where(takes_part, lots(key, takes_part.shape[0]), 0)


def _contest(
    cells: Int[Array, " capacity"], lot: UInt32[Array, " capacity"], best: UInt32[Array, " cells"]
) -> tuple[Bool[Array, " capacity"], UInt32[Array, " capacity"]]:
    """Returns who holds the best lot of a cell, and the lots of those who held another: 0 where nothing was to win."""
    here = best.at[cells].get(mode="clip", wrap_negative_indices=False)
    wins = (lot > 0) & (lot == here)
    return wins, jnp.where((here > 0) & ~wins, lot, 0)


def wander(observation: dict[str, Array], key: Key) -> Int[Array, ""]:
    """The classic rule: to one of the eight cells around, whatever is there."""
    del observation
    return 1 + (jax.random.bits(key, (), jnp.uint32) >> 29).astype(jnp.int32)


class WolfSheepModel(HostedModel, environment=WolfSheep):
    """`WolfSheep` as a Mesa model."""
