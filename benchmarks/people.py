"""What people in the loop are known for, measured over seeds and printed as it comes out.

The peers are in each line: with and without, one method beside another, at equal steps and equal labels.

    python benchmarks/people.py [--seeds 8] [--steps 50000] [--json PATH]
"""

import argparse
import json
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # the small worlds that the experiments were built for
import people_experiments as experiments
from ring import accuracy

from aira_agents.human.judge import Judge
from aira_agents.human.preferences import Preferences
from aira_agents.human.tamer import TAMER
from aira_agents.human.teacher import Teacher
from aira_agents.learning.ppo import PPO
from aira_agents.policies import Rule
from aira_agents.policies.mlp import MLPPolicy
from aira_agents.statistics import mean_interval
from environments.foraging import ROLE, Foraging, greedy

WORLD = Foraging()
PARTS = 10  # of a run, each reported by itself


def as_time_goes_by(learner, n_steps, n_seeds):
    """Returns what lives earned, `[seeds, parts]`, and the last metrics."""
    n_updates = max(PARTS, n_steps // learner.steps_per_update)
    metrics = experiments.over_seeds(learner, n_updates, n_seeds)
    parts = np.array_split(metrics["return"], PARTS, axis=1)
    return np.stack([np.nanmean(part, axis=1) for part in parts], axis=1), metrics


def foraging(n_seeds, n_steps):
    """Returns the meals of a life by method, `[seeds, parts]`: at equal steps of the environment."""
    ppo = PPO(learning_rate=1e-3, discount=0.97, n_worlds=8, n_steps=200)
    expert, build = {ROLE: Rule(greedy)}, MLPPolicy.build
    tamer = TAMER(n_worlds=8, n_steps=25, n_gradients=32)
    methods = {
        "PPO": ppo.learner(WORLD, build),
        "TAMER": tamer.learner(WORLD, build, experts=expert, teacher=Teacher()),
        "PPO, 700 comparisons": Preferences().learner(WORLD, build, judge=Judge(), rl=ppo),
        "PPO, 700 comparisons, none wrong": Preferences().learner(WORLD, build, judge=Judge(mistakes=0.0), rl=ppo),
    }
    return {name: as_time_goes_by(learner, n_steps, n_seeds)[0] for name, learner in methods.items()}


def accuracy_by_mistakes(n_seeds):
    """Returns the share of pairs whose better clip the ensemble foretells, by the share of mistakes, `[seeds]`."""
    keys = jax.random.split(jax.random.key(0), n_seeds)
    measure = jax.jit(jax.vmap(accuracy, (None, 0)))
    return {share: np.asarray(measure(jnp.asarray(share), keys)) for share in (0.0, 0.1, 0.2, 0.3, 0.4)}


class Table:
    """Prints a line a figure, and keeps it."""

    def __init__(self):
        self.rows = []

    def add(self, question, what, values):
        """Adds a mean over seeds with its interval."""
        interval = mean_interval(np.asarray(values))
        self.line(question, what, interval.estimate, interval.low, interval.high)

    def line(self, question, what, estimate, low, high):
        """Adds an estimate with its interval."""
        estimate, low, high = map(float, (estimate, low, high))
        print(f"{question:<34} {what:<38} {estimate:8.3f} [{low:.3f}, {high:.3f}]", flush=True)
        self.rows.append({"question": question, "what": what, "estimate": estimate, "low": low, "high": high})


def small_worlds(table, n_seeds):
    """Measures what needs no more than a grid, a road and a ring."""
    for discount in (0.0, 0.99):
        earned = experiments.praise_alone(discount, n_seeds)
        table.add("praise alone: return of a life", f"discount {discount:g}", earned)
    for name, right in experiments.news_only(n_seeds).items():
        half = right.shape[1] // 2
        table.add("praise for news only: right", f"{name}, before", right[:, half - 50 : half].mean(axis=1))
        table.add("praise for news only: right", f"{name}, after", right[:, -50:].mean(axis=1))
    right = experiments.delayed(n_seeds)
    for name, own in right.items():
        table.add("delay: right in the end", name, own)
    restored = (right["window"] - right["late"]).mean() / (right["prompt"] - right["late"]).mean()
    draws = np.random.default_rng(0).integers(0, n_seeds, (1000, n_seeds))
    shares = [
        (right["window"][d] - right["late"][d]).mean() / (right["prompt"][d] - right["late"][d]).mean() for d in draws
    ]
    table.line("delay: share that a window restores", "", restored, *np.quantile(shares, [0.025, 0.975]))
    for name, costs in experiments.cost_of_a_horizon(8 * n_seeds).items():
        table.line("exponent of cost over horizon", name, *experiments.exponent_interval(costs))
    for name, earned in experiments.tamer_beside_reinforcement(n_seeds).items():
        for part in (0, 1, 3, 15):
            table.add("grid: return as steps go by", f"{name}, {(part + 1) * 800} steps", earned[:, part])
    for share, found in accuracy_by_mistakes(n_seeds).items():
        table.add("preferences foretold, 120 answers", f"mistakes {share:g}", found)


def main():
    """Measures, prints, and writes JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--steps", type=int, default=50_000)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    table = Table()
    small_worlds(table, arguments.seeds)
    for name, earned in foraging(arguments.seeds, arguments.steps).items():
        for part in (0, 2, PARTS // 2, PARTS - 1):
            steps = round((part + 1) * arguments.steps / PARTS)
            table.add("foraging: meals of a life", f"{name}, {steps} steps", earned[:, part])
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(table.rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
