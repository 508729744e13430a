"""Cart and pole: the yardstick of reinforcement learning, with the physics and limits of Gymnasium's CartPole-v1.

Source: Barto, Sutton & Anderson 1983, "Neuronlike adaptive elements that can solve difficult learning control
problems", appendix; Euler steps of 0.02 s.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.effectors import Effector
from aira_agents.environment import Environment, Role
from aira_agents.parameters import number
from aira_agents.populations import Population, State, clocks, founders, with_columns
from aira_agents.sensors import Sensor
from aira_agents.spaces import Discrete
from aira_agents.types import Actions, Array, Bool, Float, Int, Key

ROLE = "cart"
GRAVITY_M_PER_S2 = 9.8
CART_KG = 1.0
POLE_KG = 0.1
HALF_POLE_M = 0.5
STEP_S = 0.02
TRACK_M = 2.4
FALLEN_RAD = 12 * 2 * 3.141592653589793 / 360


class Carts(Population):
    """Where the cart is and how the pole stands; the angle is 0 when it is upright."""

    motion: Float[Array, "capacity 4"]  # position m, velocity m/s, angle rad, angular velocity rad/s


class Motion(Sensor):
    """Feels position, velocity, angle and angular velocity."""

    name: str = eqx.field(static=True, default="motion")

    @property
    def features(self) -> tuple[str, ...]:
        """The four numbers, with units."""
        return ("position_m", "velocity_m_per_s", "angle_rad", "angular_velocity_rad_per_s")

    def __call__(self, state: State, scene: Any, index: Int[Array, ""], key: Key) -> Float[Array, " features"]:
        """Returns the row as it is."""
        del scene, key
        return state.agents[ROLE].motion[index]


class Push(Effector):
    """Pushes the cart for one time step."""

    force_newton: Float[Array, ""]
    name: str = eqx.field(static=True, default="push")

    @property
    def space(self) -> Discrete:
        """To the left, or to the right."""
        return Discrete(("left", "right"))

    def __call__(self, state: State, actions: Int[Array, " capacity"], key: Key) -> State:
        """Moves cart and pole by one Euler step."""
        del key  # deterministic
        force = jnp.where(actions == 1, self.force_newton, -self.force_newton)
        return with_columns(state, ROLE, motion=jax.vmap(swing)(state.agents[ROLE].motion, force))


def swing(motion: Float[Array, " 4"], force: Float[Array, ""]) -> Float[Array, " 4"]:
    """Returns the motion `STEP_S` later, under `force` newton."""
    _, velocity, angle, angular_velocity = motion
    total_kg = CART_KG + POLE_KG
    sine, cosine = jnp.sin(angle), jnp.cos(angle)
    pull = (force + POLE_KG * HALF_POLE_M * angular_velocity**2 * sine) / total_kg
    turning = (GRAVITY_M_PER_S2 * sine - cosine * pull) / (HALF_POLE_M * (4.0 / 3.0 - POLE_KG * cosine**2 / total_kg))
    acceleration = pull - POLE_KG * HALF_POLE_M * turning * cosine / total_kg
    return motion + STEP_S * jnp.stack([velocity, acceleration, angular_velocity, turning])


class CartPole(Environment):
    """One cart that must keep its pole upright; reward is one for each step."""

    populations = {ROLE: Carts}

    force_newton: Float[Array, ""] = number(10.0, low=0, high=1000, unit="N", help="how hard the cart is pushed")
    max_steps: Int[Array, ""] = number(500, low=1, whole=True, unit="steps", help="length of an episode")

    @property
    def roles(self) -> tuple[Role, ...]:
        """One role: the cart."""
        return (Role(ROLE, 1, (Motion(),), (Push(force_newton=self.force_newton),)),)

    def reset(self, key: Key) -> State:
        """Starts nearly upright and at rest: every number within 0.05 of zero."""
        motion = jax.random.uniform(key, (1, 4), minval=-0.05, maxval=0.05)
        return State(agents={ROLE: Carts(**founders(1), motion=motion)}, **clocks(2))

    def dynamics(self, state: State, key: Key) -> State:
        """Nothing moves by itself: the push is the whole physics."""
        del key
        return state

    def rewards(self, before: State, actions: Actions, after: State) -> dict[str, Float[Array, " capacity"]]:
        """One for each step, the last included."""
        del before, actions, after
        return {ROLE: jnp.ones(1)}

    def terminated(self, state: State) -> Bool[Array, ""]:
        """The cart left the track, or the pole fell."""
        motion = state.agents[ROLE].motion[0]
        return (jnp.abs(motion[0]) > TRACK_M) | (jnp.abs(motion[2]) > FALLEN_RAD)


def upright(observation: dict[str, Array], key: Key) -> Int[Array, ""]:
    """Pushes the way the pole falls."""
    del key
    _, _, angle, angular_velocity = observation["motion"]
    return (angle + 0.5 * angular_velocity > 0).astype(jnp.int32)
