"""Simple spread: agents that must cover all landmarks between them without bumping into each other.

Physics and reward of the multi-agent particle environments' `simple_spread`; the messages of that world, which nobody
ever sends, are left out of the observation.
Source: Lowe et al. 2017, "Multi-agent actor-critic for mixed cooperative-competitive environments".
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from aira_agents.drawing import Drawing, Marks, Places
from aira_agents.effectors import Effector
from aira_agents.environment import Environment, Role
from aira_agents.hosting import HostedModel
from aira_agents.parameters import number, size
from aira_agents.populations import Population, State, clocks, founders, with_columns
from aira_agents.sensors import Sensor
from aira_agents.spaces import Discrete
from aira_agents.symmetries import SQUARE, Relabelling, Symmetry
from aira_agents.types import Actions, Array, Float, Int, Key, Number

ROLE = "agent"
STEP_S = 0.1
DAMPING = 0.25
ACCELERATION = 5.0
AGENT_RADIUS = 0.15
CONTACT_FORCE = 100.0
CONTACT_MARGIN = 1e-3
DX = (0.0, -1.0, 1.0, 0.0, 0.0)
DY = (0.0, 0.0, 0.0, -1.0, 1.0)


class Spreaders(Population):
    """Discs of mass 1 in a plane."""

    position: Float[Array, "capacity 2"]
    velocity: Float[Array, "capacity 2"]
    thrust: Float[Array, "capacity 2"]  # the force of this step that is its own


class SpreadState(State):
    """The agents, and where the landmarks lie."""

    landmarks: Float[Array, "landmarks 2"]


class Surroundings(Sensor):
    """Feels its own motion, and where landmarks and other agents are, relative to itself."""

    n_agents: int = eqx.field(static=True)
    name: str = eqx.field(static=True, default="surroundings")

    @property
    def features(self) -> tuple[str, ...]:
        """Velocity, position, then x and y to each landmark and each other agent."""
        own = ("velocity_x", "velocity_y", "position_x", "position_y")
        marks = tuple(f"landmark_{i}_{axis}" for i in range(self.n_agents) for axis in "xy")
        return own + marks + tuple(f"other_{i}_{axis}" for i in range(self.n_agents - 1) for axis in "xy")

    def under(self, symmetry: Symmetry) -> Relabelling:
        """All numbers are vectors."""
        return Relabelling.turned(len(self.features) // 2, symmetry)

    def __call__(self, state: SpreadState, scene: Any, index: Int[Array, ""], key: Key) -> Float[Array, " features"]:
        """Returns `[4 + 2 * landmarks + 2 * others]`."""
        del scene, key
        agents = state.agents[ROLE]
        position = agents.position[index]
        rank = jnp.arange(self.n_agents - 1, dtype=jnp.int32)
        others = agents.position[rank + (rank >= index)] - position[None]
        marks = state.landmarks - position[None]
        return jnp.concatenate([agents.velocity[index], position, marks.reshape(-1), others.reshape(-1)])


class Thrust(Effector):
    """Pushes itself in one of four directions, or not at all."""

    name: str = eqx.field(static=True, default="move")

    @property
    def space(self) -> Discrete:
        """The five moves."""
        return Discrete(("stay", "left", "right", "down", "up"))

    def under(self, symmetry: Symmetry) -> Relabelling | None:
        """Pushes go where their directions go."""
        return Relabelling.permuted(np.stack([DX, DY], axis=1).astype(int), symmetry)

    def __call__(self, state: State, actions: Int[Array, " capacity"], key: Key) -> State:
        """Sets the force of this step."""
        del key
        direction = jnp.stack([jnp.asarray(DX)[actions], jnp.asarray(DY)[actions]], axis=-1)
        return with_columns(state, ROLE, thrust=ACCELERATION * direction)


class SimpleSpread(Environment):
    """As many landmarks as agents; the reward tells how well all are covered, and who collided."""

    populations = {ROLE: Spreaders}
    draw = Drawing(
        places=(Places("landmarks"),),
        marks=(Marks(ROLE, x="position[0]", y="position[1]", size=2 * AGENT_RADIUS),),
        extent=(-1.5, -1.5, 1.5, 1.5),
    )

    n_agents: int = size(3, low=2, high=1000, help="how many agents, and landmarks, there are")
    local_ratio: Number = number(0.5, low=0, high=1, help="weight of one's own collisions in the reward")
    max_steps: Number = number(25, low=1, whole=True, unit="steps", help="length of an episode")

    @property
    def roles(self) -> tuple[Role, ...]:
        """One role, which sees everything and moves."""
        return (Role(ROLE, self.n_agents, (Surroundings(n_agents=self.n_agents),), (Thrust(),)),)

    @property
    def symmetries(self) -> tuple[Symmetry, ...]:
        """Those of the square."""
        return SQUARE

    def reset(self, key: Key) -> SpreadState:
        """Scatters agents, at rest, and landmarks over the square from -1 to 1."""
        agent_key, landmark_key = jax.random.split(key)
        shape = (self.n_agents, 2)
        position = jax.random.uniform(agent_key, shape, minval=-1.0, maxval=1.0)
        landmarks = jax.random.uniform(landmark_key, shape, minval=-1.0, maxval=1.0)
        still = jnp.zeros(shape)
        agents = Spreaders(**founders(self.n_agents), position=position, velocity=still, thrust=still)
        return SpreadState(agents={ROLE: agents}, **clocks(self.n_agents + 1), landmarks=landmarks)

    def dynamics(self, state: SpreadState, key: Key) -> SpreadState:
        """Moves everybody; discs that overlap push each other apart."""
        del key  # deterministic
        agents = state.agents[ROLE]
        apart, distance = _apart(agents.position)
        overlap = CONTACT_MARGIN * jax.nn.softplus((2 * AGENT_RADIUS - distance) / CONTACT_MARGIN)
        strength = jnp.where(jnp.eye(self.n_agents, dtype=bool), 0.0, CONTACT_FORCE * overlap / distance)
        # A product of matrices, not a sum of products: the compiler rounds the latter as suits the program around it.
        force = agents.thrust + jnp.einsum("ij,ijk->ik", strength, apart)
        position = agents.position + STEP_S * agents.velocity
        velocity = (1 - DAMPING) * agents.velocity + STEP_S * force
        return with_columns(state, ROLE, position=position, velocity=velocity)

    def rewards(self, before: State, actions: Actions, after: SpreadState) -> dict[str, Float[Array, " capacity"]]:
        """Minus the distance from each landmark to the nearest agent, shared by all; minus one's own collisions."""
        del before, actions
        position = after.agents[ROLE].position
        to_marks = jnp.linalg.norm(position[:, None] - after.landmarks[None], axis=-1)
        uncovered = jnp.sum(jnp.min(to_marks, axis=0))
        collides = (_apart(position)[1] < 2 * AGENT_RADIUS) & ~jnp.eye(self.n_agents, dtype=bool)
        collisions = jnp.sum(collides, axis=1)
        return {ROLE: -(1 - self.local_ratio) * uncovered - self.local_ratio * collisions}


def _apart(position: Float[Array, "agents 2"]) -> tuple[Float[Array, "agents agents 2"], Float[Array, "agents agents"]]:
    """Returns vectors from agent j to agent i at `[i, j]`, and their lengths, at least 1e-6: nobody divides by zero."""
    apart = position[:, None] - position[None]
    return apart, jnp.sqrt(jnp.maximum(jnp.sum(apart**2, axis=-1), 1e-12))


class SimpleSpreadModel(HostedModel, environment=SimpleSpread):
    """`SimpleSpread` as a Mesa model."""
