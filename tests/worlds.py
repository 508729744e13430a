"""Every world, small, long-lived and hosted: for tests that hold for all of them."""

import jax.numpy as jnp

from environments.cartpole import CartPoleModel
from environments.flocking import FlockingModel, boid
from environments.foraging import ForagingModel, greedy
from environments.life import LifeModel, conway
from environments.predator_prey import PredatorPreyModel
from environments.segregation import SegregationModel, schelling
from environments.simple_spread import SimpleSpreadModel
from environments.thermostat import ThermostatModel, proportional
from environments.traffic import TrafficModel, nagel_schreckenberg
from environments.villages import VillagesModel, expert
from environments.virus import VirusModel, sociable
from environments.wealth import NetworkWealthModel, WealthModel, boltzmann, give
from environments.wolf_sheep import WolfSheepModel, wander

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
    "flocking": (
        FlockingModel,
        {"n_birds": 12, "width": 20, "height": 20, "vision": 2.0, "speed": 0.02, "max_steps": LONG},
        {"bird": boid},
    ),
    "segregation": (
        SegregationModel,
        {"width": 8, "height": 7, "homophily": 0.9, "max_steps": LONG},
        {"resident": schelling},
    ),
    "life": (LifeModel, {"width": 7, "height": 6, "max_steps": LONG}, {"cell": conway}),
    "traffic": (TrafficModel, {"length": 30, "density": 0.4, "max_steps": LONG}, {"car": nagel_schreckenberg}),
    "virus": (VirusModel, {"outbreak": 0.1, "resistance": 0.0, "max_steps": LONG}, {"node": sociable}),
    "wealth": (WealthModel, {"n_agents": 12, "width": 5, "height": 4, "max_steps": LONG}, {"agent": boltzmann}),
    "network_wealth": (NetworkWealthModel, {"max_steps": LONG}, {"agent": give}),
    "simple_spread": (SimpleSpreadModel, {"max_steps": LONG}, {"agent": toward_the_middle}),
    "thermostat": (ThermostatModel, {"n_rooms": 3, "max_steps": LONG}, {"thermostat": proportional()}),
    "wolf_sheep": (
        WolfSheepModel,
        {
            "n_sheep": 20,
            "n_wolves": 8,
            "sheep_capacity": 60,
            "wolf_capacity": 40,
            "width": 12,
            "height": 11,
            "max_steps": LONG,
        },
        {"sheep": wander, "wolf": wander},
    ),
    "villages": (VillagesModel, {"marsh": 0.0, "max_steps": LONG}, {"villager": expert()}),
}
