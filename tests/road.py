"""A road on which an expert never strays: what cloning never sees, and what that costs as the way gets longer.

Source: the argument is that of Ross and Bagnell 2010, "Efficient reductions for imitation learning", section 2.1: who
errs once is in places that the expert never showed, and errs from there to the end.
"""

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.effectors import Effector
from aira_agents.environment import Environment, Role
from aira_agents.parameters import number
from aira_agents.populations import Population, State, clocks, founders, with_columns
from aira_agents.sensors import ColumnSensor, Range
from aira_agents.spaces import Discrete
from aira_agents.types import Array, Float, Int

ROLE = "driver"
SIGNS = 64  # one is drawn in every step; each means left or right
LEFT, RIGHT, BACK = range(3)


class Drivers(Population):
    sign: Int[Array, " capacity"]
    off: Int[Array, " capacity"]  # 1: off the road


class Steer(Effector):
    name: str = eqx.field(static=True, default="steer")

    @property
    def space(self):
        return Discrete(("left", "right", "back"))

    def __call__(self, state, actions, key):
        drivers = state.agents[ROLE]
        return with_columns(state, ROLE, off=(actions != wanted(drivers.sign, drivers.off)).astype(jnp.int32))


def wanted(sign, off):
    """What each sign means is as good as random; off the road there is only one way."""
    means = jax.random.bernoulli(jax.random.key(7), 0.5, (SIGNS,)).astype(jnp.int32)
    return jnp.where(off > 0, BACK, means[sign])


def expert(observation, key):
    del key
    return wanted(observation["sign"].astype(jnp.int32), observation["off"].astype(jnp.int32))


class Road(Environment):
    """Whoever does what is wanted is on the road in the next step; every step off it costs 1."""

    populations = {ROLE: Drivers}
    max_steps: Int[Array, ""] = number(32, low=1, whole=True)
    cost: Float[Array, ""] = number(1)

    @property
    def roles(self):
        sensors = (
            ColumnSensor(role=ROLE, name="sign", range=Range(0, SIGNS - 1, whole=True)),
            ColumnSensor(role=ROLE, name="off", range=Range(0, 1, whole=True)),
        )
        return (Role(ROLE, 1, sensors, (Steer(),)),)

    def reset(self, key):
        sign = jax.random.randint(key, (1,), 0, SIGNS, jnp.int32)
        return State(agents={ROLE: Drivers(**founders(1), sign=sign, off=jnp.zeros(1, jnp.int32))}, **clocks(2))

    def dynamics(self, state, key):
        return with_columns(state, ROLE, sign=jax.random.randint(key, (1,), 0, SIGNS, jnp.int32))

    def rewards(self, before, actions, after):
        return {ROLE: -self.cost * after.agents[ROLE].off.astype(jnp.float32)}
