"""Predators, prey and grass: two roles on one grid, who feed, starve, are caught and have young.

Source: the rules are those of the wolf-sheep model, Wilensky 1997; here both sides may learn, and meetings in a cell
are settled by lot: one predator catches one prey, and one prey gets the grass.
"""

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.drawing import Drawing, Ground, Marks
from aira_agents.effectors import GridMove
from aira_agents.environment import Environment, Role
from aira_agents.errors import InputError
from aira_agents.hosting import HostedModel
from aira_agents.parameters import number, size
from aira_agents.populations import Population, State, clocks, founders, give_birth, with_columns
from aira_agents.sensors import ColumnSensor, GridVision, Strips
from aira_agents.symmetries import FLIPS, SQUARE, Symmetry
from aira_agents.types import Actions, Array, Bool, Float, Int, Key, Number

PREDATOR, PREY = "predator", "prey"


class Animals(Population):
    """Animals in cells; several may share one."""

    x: Int[Array, " capacity"]
    y: Int[Array, " capacity"]
    energy: Float[Array, " capacity"]  # one unit is spent a step; who has none left dies
    ate: Bool[Array, " capacity"]  # in this step


class MeadowState(State):
    """The animals, and where grass has grown."""

    grass: Bool[Array, "height width"]


class PredatorPrey(Environment):
    """A food chain; who dies and who is born is told by the columns and by `uid`."""

    populations = {PREY: Animals, PREDATOR: Animals}
    grid = True
    draw = Drawing(
        grounds=(Ground("grass", "grass"),), marks=(Marks(PREY), Marks(PREDATOR, shape="triangle", size=1.0))
    )

    n_prey: int = size(100, low=0, high=1_000_000, help="prey at the start")
    n_predators: int = size(40, low=0, high=1_000_000, help="predators at the start")
    prey_capacity: int = size(1000, low=1, high=1_000_000, help="how many prey there is room for")
    predator_capacity: int = size(500, low=1, high=1_000_000, help="how many predators there is room for")
    width: int = size(40, low=3, high=4096, unit="cells", help="the meadow from left to right")
    height: int = size(40, low=3, high=4096, unit="cells", help="the meadow from bottom to top")
    vision_radius: int = size(2, high=10, unit="cells", help="how far an animal sees in each direction")
    energy_of_grass: Number = number(5, low=0, help="what prey gains by a meal")
    energy_of_prey: Number = number(20, low=0, help="what a predator gains by a catch")
    prey_births: Number = number(0.1, low=0, high=1, help="chance that a prey has young in a step")
    predator_births: Number = number(0.05, low=0, high=1, help="chance that a predator has young in a step")
    regrowth: Number = number(0.1, low=0, high=1, help="chance that a bare cell grows grass in a step")
    max_steps: Number = number(1000, low=1, whole=True, unit="steps", help="length of an episode")

    def check_together(self) -> None:
        """Raises `InputError` where parameters do not go together."""
        for count, capacity in (("n_prey", "prey_capacity"), ("n_predators", "predator_capacity")):
            if getattr(self, count) > getattr(self, capacity):
                raise InputError(
                    f"PredatorPrey: `{count}` must be at most `{capacity}` = {getattr(self, capacity)}; "
                    f"got {getattr(self, count)}. Raise `{capacity}`, and leave room for births."
                )

    @property
    def roles(self) -> tuple[Role, ...]:
        """Prey and predators, who see grass and each other, feel their energy, and move."""
        return (self._role(PREY, self.prey_capacity, 10.0), self._role(PREDATOR, self.predator_capacity, 50.0))

    def _role(self, role: str, capacity: int, scale: float) -> Role:
        vision = GridVision(role=role, layers=("grass", PREY, PREDATOR), radius=self.vision_radius)
        move = GridMove(role=role, height=self.height, width=self.width)
        return Role(role, capacity, (vision, ColumnSensor(role=role, name="energy", scale=scale)), (move,))

    @property
    def symmetries(self) -> tuple[Symmetry, ...]:
        """Those of the meadow: a torus has no corners, but sides of a length."""
        return SQUARE if self.width == self.height else FLIPS

    def reset(self, key: Key) -> MeadowState:
        """Scatters the animals, with energy for some time; grass has grown in half of the cells."""
        prey_key, predator_key, grass_key = jax.random.split(key, 3)
        agents = {
            PREY: self._scattered(prey_key, self.n_prey, self.prey_capacity, 2 * self.energy_of_grass, 1),
            PREDATOR: self._scattered(
                predator_key, self.n_predators, self.predator_capacity, 2 * self.energy_of_prey, self.n_prey + 1
            ),
        }
        grass = jax.random.bernoulli(grass_key, 0.5, (self.height, self.width))
        return MeadowState(agents=agents, **clocks(self.n_prey + self.n_predators + 1), grass=grass)

    def _scattered(self, key: Key, count: int, capacity: int, most_energy: Array, first_uid: int) -> Animals:
        x_key, y_key, energy_key = jax.random.split(key, 3)
        return Animals(
            **founders(capacity, count, first_uid),
            x=jax.random.randint(x_key, (capacity,), 0, self.width),
            y=jax.random.randint(y_key, (capacity,), 0, self.height),
            energy=1 + most_energy * jax.random.uniform(energy_key, (capacity,)),
            ate=jnp.zeros(capacity, bool),
        )

    def scene(self, state: MeadowState) -> Strips:
        """Grass, prey and predators, in strips for vision."""
        crowds = []
        for role in (PREY, PREDATOR):
            agents = state.agents[role]
            crowds.append(jnp.zeros((self.height, self.width), bool).at[agents.y, agents.x].max(agents.alive))
        return Strips.of((state.grass, *crowds), self.vision_radius)

    def dynamics(self, state: MeadowState, key: Key) -> MeadowState:
        """All spend energy; predators hunt, prey that is left grazes; who has no energy dies; some have young."""
        hunt_key, hunted_key, graze_key, prey_key, predator_key, grass_key = jax.random.split(key, 6)
        for role in (PREY, PREDATOR):
            state = with_columns(state, role, energy=state.agents[role].energy - state.agents[role].alive)
        state = self._hunt(state, hunt_key, hunted_key)
        state = self._graze(state, graze_key)
        for role, chance, own_key in (
            (PREY, self.prey_births, prey_key),
            (PREDATOR, self.predator_births, predator_key),
        ):
            state = with_columns(state, role, alive=state.agents[role].alive & (state.agents[role].energy > 0))
            state = _have_young(state, role, chance, own_key)
        grown = jax.random.bernoulli(grass_key, self.regrowth, state.grass.shape)
        return eqx.tree_at(lambda s: s.grass, state, state.grass | grown)

    def _hunt(self, state: MeadowState, hunt_key: Key, hunted_key: Key) -> MeadowState:
        prey, predators = state.agents[PREY], state.agents[PREDATOR]
        hunter, hunts = self._one_a_cell(predators, hunt_key)
        victim, hunted = self._one_a_cell(prey, hunted_key)
        ate = hunter & hunted[predators.y, predators.x]
        caught = victim & hunts[prey.y, prey.x]
        energy = predators.energy + self.energy_of_prey * ate
        state = with_columns(state, PREDATOR, energy=energy, ate=ate)
        return with_columns(state, PREY, alive=prey.alive & ~caught)

    def _graze(self, state: MeadowState, key: Key) -> MeadowState:
        prey = state.agents[PREY]
        grazer, grazed = self._one_a_cell(prey, key)
        ate = grazer & state.grass[prey.y, prey.x]
        state = with_columns(state, PREY, energy=prey.energy + self.energy_of_grass * ate, ate=ate)
        return eqx.tree_at(lambda s: s.grass, state, state.grass & ~grazed)

    def _one_a_cell(self, agents: Animals, key: Key) -> tuple[Bool[Array, " capacity"], Bool[Array, "height width"]]:
        """Draws one of those alive in each cell; returns who was drawn, and where there was anybody."""
        # The slot in the low bits makes every lot different: no cell has two winners.
        bits = max(1, agents.capacity.bit_length())
        luck = jax.random.bits(key, (agents.capacity,), jnp.uint32) >> bits << bits
        lot = jnp.where(agents.alive, luck | jnp.arange(1, agents.capacity + 1, dtype=jnp.uint32), 0)
        best = jnp.zeros((self.height, self.width), jnp.uint32).at[agents.y, agents.x].max(lot)
        return agents.alive & (lot == best[agents.y, agents.x]), best > 0

    def rewards(self, before: State, actions: Actions, after: State) -> dict[str, Float[Array, " capacity"]]:
        """One for each meal, minus one for dying."""
        del actions
        rewards = {}
        for role, agents in after.agents.items():
            was = before.agents[role]
            died = was.alive & ~agents.alive
            rewards[role] = (agents.ate & was.alive).astype(jnp.float32) - died
        return rewards


def _have_young(state: MeadowState, role: str, chance: Array, key: Key) -> MeadowState:
    """Parent and child share the parent's energy, and stand in the same cell."""
    agents = state.agents[role]
    bears = agents.alive & jax.random.bernoulli(key, chance, agents.alive.shape)
    state = with_columns(state, role, energy=jnp.where(bears, agents.energy / 2, agents.energy))
    child = eqx.tree_at(lambda a: a.ate, state.agents[role], jnp.zeros_like(agents.ate))
    return give_birth(state, role, bears, child)


def hunt(observation: dict[str, Array], key: Key) -> Int[Array, ""]:
    """A predator's rule: toward the nearest prey in sight, and anywhere where there is none."""
    _, prey, _ = observation["vision"]
    radius = prey.shape[0] // 2
    dy, dx = jnp.meshgrid(jnp.arange(-radius, radius + 1), jnp.arange(-radius, radius + 1), indexing="ij")
    tie_key, walk_key = jax.random.split(key)
    distance = jnp.abs(dx) + jnp.abs(dy) + 0.5 * jax.random.uniform(tie_key, dx.shape)
    distance = jnp.where(prey > 0, distance, jnp.inf)
    to_x, to_y = (way.reshape(-1)[jnp.argmin(distance)] for way in (dx, dy))
    sideways = jnp.where(to_x > 0, 4, 3)
    upright = jnp.where(to_y > 0, 1, 2)
    toward = jnp.where(jnp.abs(to_x) > jnp.abs(to_y), sideways, upright)
    toward = jnp.where((to_x == 0) & (to_y == 0), 0, toward)
    return jnp.where(jnp.any(prey > 0), toward, jax.random.randint(walk_key, (), 1, 5)).astype(jnp.int32)


class PredatorPreyModel(HostedModel, environment=PredatorPrey):
    """`PredatorPrey` as a Mesa model."""
