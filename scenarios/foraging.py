"""Foraging: neural agents learn to feed themselves from reward alone.

Question for the class: nobody tells these agents what food is or where to look. Who eats most: one that acts at random,
one that always steps to the nearest food, or one that learned?
Claim: a small neural network, trained by reinforcement alone, beats both the random and the greedy rule.
Source: the talk "Demystifying AI" (Living Lab AiRA, 2022), agents and learning; PPO: Schulman et al. 2017.
To make it fail: `--updates 5` gives too little experience; in a rich meadow (`--regrowth 0.1`) food is everywhere, and
there is nothing to gain by searching well.
"""

from pathlib import Path
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from aira_agents.cli.console import waiting
from aira_agents.cli.run import run_scenario
from aira_agents.errors import InputError
from aira_agents.learning.ppo import PPO
from aira_agents.loop import rollout, start_worlds
from aira_agents.policies import RandomPolicy, Rule
from aira_agents.policies.mlp import MLPPolicy
from aira_agents.policies.policy import AbstractPolicy
from aira_agents.populations import State
from aira_agents.results import results_folder
from aira_agents.statistics import Interval, mean_interval
from aira_agents.types import Array, Key
from environments.foraging import ROLE, Foraging, greedy
from viz.grid import draw_grid
from viz.learning import draw_learning


class Comparison(NamedTuple):
    """What came out: meals of an agent in a life of 200 steps."""

    learned: Interval  # over seeds, as are the others
    greedy: Interval
    random: Interval
    curves: np.ndarray  # [seeds, updates]
    steps: np.ndarray  # [updates], of the environment
    world: Foraging
    scene: State  # a world in which learned agents lived


@eqx.filter_jit
def meals(world: Foraging, policy: AbstractPolicy, key: Key) -> tuple[Array, State]:
    """Lets 32 worlds run for a life; returns the meals of an agent, on average, and the worlds just before its end."""
    policies = {ROLE: policy}
    now = start_worlds(world, policies, key, 32)
    now, eaten = rollout(world, policies, now, 199, keep=lambda step: step.feedback[ROLE].reward)
    return jnp.sum(eaten) / 32 / world.n_agents, now.state


def compare(seed: int, seeds: int, updates: int, world: Foraging) -> Comparison:
    """Trains a network for each seed, then lets everybody forage in worlds that nobody has seen."""
    learner = PPO(learning_rate=1e-3, discount=0.97, n_worlds=8, n_steps=200).learner(world, MLPPolicy.build)
    learn = jax.jit(learner.update, donate_argnums=0)
    curves, learned, greedy_meals, random_meals, scene = [], [], [], [], None
    keys = jax.random.split(jax.random.key(seed), (seeds, 2))
    for train_key, test_key in waiting(keys, "seeds learning"):
        state, curve = learner.init(train_key), []
        for _ in range(updates):
            state, metrics = learn(state)
            curve.append(float(metrics["reward"]) * 200)
        curves.append(curve)
        eaten, scene = meals(world, learner.policies(state)[ROLE], test_key)
        learned.append(float(eaten))
        greedy_meals.append(float(meals(world, Rule(greedy), test_key)[0]))
        random_meals.append(float(meals(world, RandomPolicy(), test_key)[0]))
    return Comparison(
        mean_interval(learned),
        mean_interval(greedy_meals),
        mean_interval(random_meals),
        np.array(curves),
        np.arange(1, updates + 1) * learner.steps_per_update,
        world,
        jax.tree.map(lambda leaf: leaf[0], scene),
    )


def draw(found: Comparison, path: Path) -> None:
    """Draws how the agents learned, and where they ended."""
    figure = Figure(figsize=(11, 4.6), dpi=120, layout="compressed")
    left, right = figure.subplots(1, 2, width_ratios=[1.5, 1])
    levels = {"random": found.random.estimate, "greedy": found.greedy.estimate}
    draw_learning(left, found.steps, found.curves, levels, "meals in 200 steps")
    draw_grid(right, found.world, found.scene)
    figure.savefig(path)


def main(
    seed: int = 0, seeds: int = 8, updates: int = 30, regrowth: float = 0.002, results: Path = Path("results")
) -> None:
    """Compares chance, a rule and a network that learned.

    Args:
        seed: The one source of chance.
        seeds: How many networks learn, each on its own.
        updates: How long each learns, in updates of 1,600 steps.
        regrowth: Chance that an empty cell grows food in a step.
        results: Where the folder with the picture goes.
    """
    if seeds < 2 or updates < 1:
        raise InputError(f"An interval needs at least 2 seeds, and learning 1 update; got {seeds} and {updates}.")
    world = Foraging(regrowth=regrowth)
    path = results_folder("foraging", base=results) / "foraging.png"
    found = compare(seed, seeds, updates, world)
    draw(found, path)
    print(
        f"In 200 steps an agent that learned eats {found.learned} meals, the greedy rule {found.greedy}, "
        f"chance {found.random}: means of {seeds} seeds with 95 % intervals.\nPicture: {path}"
    )


if __name__ == "__main__":
    run_scenario(main)
