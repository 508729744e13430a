"""CartPole: a cart that is pushed left or right to keep the pole upon it upright; a known yardstick.

Physics, limits and reward of Gymnasium's `CartPole-v1`, which a test compares with step by step.
Source: Barto, Sutton and Anderson 1983, "Neuronlike adaptive elements that can solve difficult learning control
problems"; equations: Florian 2007, "Correct equations for the dynamics of the cart-pole system".
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.drawing import Drawing, Marks
from aira_agents.effectors import Effector
from aira_agents.environment import Environment, Role
from aira_agents.hosting import HostedModel
from aira_agents.parameters import number
from aira_agents.populations import Population, State, clocks, founders, with_columns
from aira_agents.sensors import Range, Sensor
from aira_agents.spaces import Discrete
from aira_agents.symmetries import MIRROR, Relabelling, Symmetry
from aira_agents.types import Actions, Array, Bool, Float, Int, Key, Number

ROLE = "cart"
STEP_S = 0.02
HALF_POLE_M = 0.5
MAX_POSITION_M = 2.4
MAX_ANGLE_RAD = math.radians(12)
USUAL_SPEED_M_PER_S, USUAL_ANGULAR_SPEED_RAD_PER_S = 2.4, 3.0  # what a cart that is steered stays within
START_RANGE = 0.05  # each of the four numbers starts within plus or minus this


class Carts(Population):
    """The cart and its pole."""

    motion: Float[Array, "capacity 4"]  # position m, velocity m/s, pole angle rad, pole velocity rad/s
    push_n: Float[Array, " capacity"]  # force of this step, newton


class MotionSensor(Sensor):
    """Feels position and velocity of cart and pole."""

    name: str = eqx.field(static=True, default="motion")

    @property
    def features(self) -> tuple[str, ...]:
        """The four numbers, with their units."""
        return ("position_m", "velocity_m_per_s", "angle_rad", "angular_velocity_rad_per_s")

    @property
    def ranges(self) -> tuple[Range | None, ...]:
        """The limits, and the usual speeds."""
        highest = (MAX_POSITION_M, USUAL_SPEED_M_PER_S, MAX_ANGLE_RAD, USUAL_ANGULAR_SPEED_RAD_PER_S)
        return tuple(Range(-high, high) for high in highest)

    def under(self, symmetry: Symmetry) -> Relabelling | None:
        """In a mirror all four change their sign."""
        return Relabelling(tuple(range(4)), (-1,) * 4) if symmetry == MIRROR else None

    def __call__(self, state: State, scene: Any, index: Int[Array, ""], key: Key) -> Float[Array, " features"]:
        """Returns `[4]`."""
        del scene, key
        return state.agents[ROLE].motion[index]


class Push(Effector):
    """Pushes the cart with full force, to one side or the other."""

    force_n: Float[Array, ""]
    name: str = eqx.field(static=True, default="push")

    @property
    def space(self) -> Discrete:
        """Left or right."""
        return Discrete(("left", "right"))

    def under(self, symmetry: Symmetry) -> Relabelling | None:
        """In a mirror left is right."""
        return Relabelling.permuted([(-1, 0), (1, 0)], symmetry)

    def __call__(self, state: State, actions: Int[Array, " capacity"], key: Key) -> State:
        """Sets the force of this step."""
        del key
        return with_columns(state, ROLE, push_n=jnp.where(actions == 1, self.force_n, -self.force_n))


class CartPole(Environment):
    """Keep the pole upright: a reward of 1 for every step until it falls, or the cart leaves the track."""

    populations = {ROLE: Carts}
    draw = Drawing(
        marks=(
            Marks(ROLE, x="motion[0]", y=0.0, shape="square", size=0.5),
            Marks(ROLE, x="motion[0]", y=0.0, shape="needle", size=2 * HALF_POLE_M, heading="motion[2]"),
        ),
        extent=(-MAX_POSITION_M, -0.8, MAX_POSITION_M, 1.2),
    )

    gravity_m_per_s2: Number = number(9.8, low=0, high=100, unit="m/s2", help="gravity")
    cart_kg: Number = number(1.0, low=0.01, high=100, unit="kg", help="mass of the cart")
    pole_kg: Number = number(0.1, low=0.001, high=10, unit="kg", help="mass of the pole")
    force_n: Number = number(10.0, low=0, high=1000, unit="N", help="force of a push")
    max_steps: Number = number(500, low=1, whole=True, unit="steps", help="length of an episode")

    @property
    def roles(self) -> tuple[Role, ...]:
        """One cart, which feels its motion and is pushed."""
        return (Role(ROLE, 1, (MotionSensor(),), (Push(force_n=self.force_n),)),)

    @property
    def symmetries(self) -> tuple[Symmetry, ...]:
        """Left and right are alike."""
        return (MIRROR,)

    def reset(self, key: Key) -> State:
        """Starts nearly upright, in the middle, nearly at rest."""
        motion = jax.random.uniform(key, (1, 4), minval=-START_RANGE, maxval=START_RANGE)
        return State(agents={ROLE: Carts(**founders(1), motion=motion, push_n=jnp.zeros(1))}, **clocks(2))

    def dynamics(self, state: State, key: Key) -> State:
        """One Euler step."""
        del key  # deterministic
        cart = state.agents[ROLE]
        _, velocity, angle, angular_velocity = jnp.moveaxis(cart.motion, -1, 0)
        sine, cosine = jnp.sin(angle), jnp.cos(angle)
        total_kg, moment_kg_m = self.cart_kg + self.pole_kg, self.pole_kg * HALF_POLE_M
        pushed = (cart.push_n + moment_kg_m * angular_velocity**2 * sine) / total_kg
        angular_acceleration = (self.gravity_m_per_s2 * sine - cosine * pushed) / (
            HALF_POLE_M * (4.0 / 3.0 - self.pole_kg * cosine**2 / total_kg)
        )
        acceleration = pushed - moment_kg_m * angular_acceleration * cosine / total_kg
        change = jnp.stack([velocity, acceleration, angular_velocity, angular_acceleration], axis=-1)
        return with_columns(state, ROLE, motion=cart.motion + STEP_S * change)

    def rewards(self, before: State, actions: Actions, after: State) -> dict[str, Float[Array, " capacity"]]:
        """One for every step, the last included."""
        del before, actions, after
        return {ROLE: jnp.ones(1)}

    def terminated(self, state: State) -> Bool[Array, ""]:
        """The cart left the track, or the pole leans too far."""
        motion = state.agents[ROLE].motion[0]
        return (jnp.abs(motion[0]) > MAX_POSITION_M) | (jnp.abs(motion[2]) > MAX_ANGLE_RAD)


class CartPoleModel(HostedModel, environment=CartPole):
    """`CartPole` as a Mesa model."""
