"""Foraging: agents on a grid with regrowing food, who see a patch around them and get in each other's way.

A cell holds one agent, so a crowd starves where one forager would thrive. Reward is food eaten.
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
from aira_agents.populations import Population, State, clocks, founders, with_columns
from aira_agents.sensors import GridVision, Strips
from aira_agents.symmetries import FLIPS, SQUARE, Symmetry
from aira_agents.types import Actions, Array, Bool, Float, Int, Key, Number

ROLE = "forager"


class Foragers(Population):
    """Agents in cells."""

    x: Int[Array, " capacity"]
    y: Int[Array, " capacity"]
    eaten: Bool[Array, " capacity"]  # whether it ate in this step
    meals: Int[Array, " capacity"]  # eaten since the reset


class ForagingState(State):
    """The agents, and where food has grown."""

    food: Bool[Array, "height width"]


class Foraging(Environment):
    """Agents that feed on a meadow."""

    populations = {ROLE: Foragers}
    grid = True
    draw = Drawing(grounds=(Ground("food", "food"),), marks=(Marks(ROLE),))

    n_agents: int = size(8, high=1_000_000, help="how many foragers there are")
    width: int = size(32, low=3, high=4096, unit="cells", help="the meadow from left to right")
    height: int = size(32, low=3, high=4096, unit="cells", help="the meadow from bottom to top")
    vision_radius: int = size(1, high=10, unit="cells", help="how far a forager sees in each direction")
    food_at_start: Number = number(0.02, low=0, high=1, help="share of cells with food at the start")
    regrowth: Number = number(0.002, low=0, high=1, help="chance that an empty cell grows food in a step")
    max_steps: Number = number(200, low=1, whole=True, unit="steps", help="length of an episode")

    def check_together(self) -> None:
        """Raises `InputError` where parameters do not go together."""
        if self.n_agents > self.width * self.height:
            raise InputError(
                f"Foraging: a cell holds one agent, so `n_agents` must be at most width x height = "
                f"{self.width * self.height}; got {self.n_agents}."
            )

    @property
    def roles(self) -> tuple[Role, ...]:
        """One role: foragers, who see food and each other, and move."""
        vision = GridVision(role=ROLE, layers=("food", "agents"), radius=self.vision_radius)
        move = GridMove(role=ROLE, height=self.height, width=self.width, exclusive=True)
        return (Role(ROLE, self.n_agents, (vision,), (move,)),)

    @property
    def symmetries(self) -> tuple[Symmetry, ...]:
        """Those of the meadow: a torus has no corners, but sides of a length."""
        return SQUARE if self.width == self.height else FLIPS

    def reset(self, key: Key) -> ForagingState:
        """Puts the agents in different cells and sows food.

        Neighbours get rows side by side: a million agents then read the meadow in order, in a third of the time.
        """
        place_key, food_key = jax.random.split(key)
        cells = jnp.sort(jax.random.choice(place_key, self.width * self.height, (self.n_agents,), replace=False))
        nothing = jnp.zeros(self.n_agents, jnp.int32)
        agents = Foragers(
            **founders(self.n_agents),
            x=(cells % self.width).astype(jnp.int32),
            y=(cells // self.width).astype(jnp.int32),
            eaten=nothing > 0,
            meals=nothing,
        )
        food = jax.random.bernoulli(food_key, self.food_at_start, (self.height, self.width))
        return ForagingState(agents={ROLE: agents}, **clocks(self.n_agents + 1), food=food)

    def scene(self, state: ForagingState) -> Strips:
        """Food and agents, in strips for vision."""
        agents = state.agents[ROLE]
        crowd = jnp.zeros((self.height, self.width), bool).at[agents.y, agents.x].max(agents.alive)
        return Strips.of((state.food, crowd), self.vision_radius)

    def dynamics(self, state: ForagingState, key: Key) -> ForagingState:
        """Who stands on food eats it; then food grows."""
        agents = state.agents[ROLE]
        eaten = state.food[agents.y, agents.x] & agents.alive
        state = with_columns(state, ROLE, eaten=eaten, meals=agents.meals + eaten)
        bare = state.food.at[agents.y, agents.x].min(~agents.alive)
        grown = jax.random.bernoulli(key, self.regrowth, bare.shape)
        return eqx.tree_at(lambda s: s.food, state, bare | grown)

    def rewards(self, before: State, actions: Actions, after: State) -> dict[str, Float[Array, " capacity"]]:
        """One for each meal."""
        del before, actions
        return {ROLE: after.agents[ROLE].eaten.astype(jnp.float32)}


def greedy(observation: dict[str, Array], key: Key) -> Int[Array, ""]:
    """Steps toward the nearest food in sight that nobody stands on; wanders at random where there is none."""
    food, agents = observation["vision"]
    radius = food.shape[0] // 2
    dy, dx = jnp.meshgrid(jnp.arange(-radius, radius + 1), jnp.arange(-radius, radius + 1), indexing="ij")
    tie_key, side_key, walk_key = jax.random.split(key, 3)
    distance = jnp.abs(dy) + jnp.abs(dx) + 0.5 * jax.random.uniform(tie_key, dx.shape)
    distance = jnp.where((food > 0) & (agents == 0), distance, jnp.inf)
    nearest = jnp.argmin(distance)
    to_x, to_y = dx.reshape(-1)[nearest], dy.reshape(-1)[nearest]
    horizontal = jnp.where(to_x > 0, 4, 3)
    vertical = jnp.where(to_y > 0, 1, 2)
    goes_sideways = jnp.where(to_y == 0, True, (to_x != 0) & jax.random.bernoulli(side_key))
    toward = jnp.where(goes_sideways, horizontal, vertical)
    return jnp.where(jnp.isfinite(jnp.min(distance)), toward, jax.random.randint(walk_key, (), 1, 5)).astype(jnp.int32)


class ForagingModel(HostedModel, environment=Foraging):
    """`Foraging` as a Mesa model."""
