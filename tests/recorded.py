"""Episodes that many tests read: recorded once in a process, by four programs for all of them."""

import functools

from aira_agents.data.recording import record
from aira_agents.policies import RandomPolicy, Rule
from environments.cartpole import CartPole
from environments.foraging import Foraging
from environments.predator_prey import PREDATOR, PREY, PredatorPrey
from environments.thermostat import Thermostat, proportional

MEADOW = Foraging(n_agents=3, width=6, height=5, max_steps=4)
WILD = PredatorPrey(n_prey=8, n_predators=4, prey_capacity=20, predator_capacity=10, width=5, height=5, max_steps=40)
ROOMS = Thermostat(n_rooms=2, max_steps=10)


@functools.cache
def meadow(who="p1"):
    """Ten episodes of three foragers that act at random, four steps each."""
    return record(MEADOW, {"forager": RandomPolicy()}, 0, 10, columns=("x",), who=who)


@functools.cache
def carts():
    """Three episodes, each as long as its pole stood."""
    return record(CartPole(), {"cart": RandomPolicy()}, 0, 3)


@functools.cache
def wildlife():
    """Three episodes of two roles that are born and die."""
    return record(WILD, {PREY: RandomPolicy(), PREDATOR: RandomPolicy()}, 0, 3, columns=("energy",), who="p1")


@functools.cache
def rooms():
    """Three episodes of two thermostats that act by numbers."""
    return record(ROOMS, {"thermostat": Rule(proportional())}, 0, 3)
