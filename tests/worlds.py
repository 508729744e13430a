"""Every world, small, long-lived and hosted: for tests that hold for all of them."""

import jax.numpy as jnp

from environments.cartpole import CartPoleModel
from environments.foraging import ForagingModel, greedy
from environments.predator_prey import PredatorPreyModel
from environments.simple_spread import SimpleSpreadModel
from environments.thermostat import ThermostatModel, proportional

LONG = 1000  # steps: nothing ends while it is looked at


def push_where_it_leans(observation, key):
    del key
    return (observation["motion"][2] > 0).astype(jnp.int32)


def toward_the_middle(observation, key):
    del key
    x, y = observation["surroundings"][2:4]
    return jnp.where(jnp.abs(x) > jnp.abs(y), jnp.where(x > 0, 1, 2), jnp.where(y > 0, 3, 4)).astype(jnp.int32)


def after_the_nearest_column(observation, key):
    del key
    return 1 + jnp.argmax(observation["vision"][1].sum(axis=0)).astype(jnp.int32) % 4


# Model, its parameters, a rule for each role.
WORLDS = {
    "foraging": (
        ForagingModel,
        {"n_agents": 5, "width": 8, "height": 7, "regrowth": 0.05, "max_steps": LONG},
        {"forager": greedy},
    ),
    # Without gravity, and pushed softly, the pole stands whoever pushes.
    "cartpole": (
        CartPoleModel,
        {"gravity_m_per_s2": 0.0, "force_n": 0.05, "max_steps": LONG},
        {"cart": push_where_it_leans},
    ),
    "predator_prey": (
        PredatorPreyModel,
        {
            "n_prey": 20,
            "n_predators": 8,
            "prey_capacity": 60,
            "predator_capacity": 30,
            "width": 12,
            "height": 11,
            "max_steps": LONG,
        },
        {"prey": after_the_nearest_column, "predator": after_the_nearest_column},
    ),
    "simple_spread": (SimpleSpreadModel, {"max_steps": LONG}, {"agent": toward_the_middle}),
    "thermostat": (ThermostatModel, {"n_rooms": 3, "max_steps": LONG}, {"thermostat": proportional()}),
}
