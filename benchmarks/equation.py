"""How long the full ablation takes: eight sums, 16 seeds each, compiling included.

`python benchmarks/equation.py [--seeds 16] [--json PATH]`
The peer, in the same run: plain PPO through the same loop, once for each of the 64 runs that learn by reinforcement.
"""

import argparse
import time
from pathlib import Path

import jax
from figures import Figures

from aira_agents.equation import ablate
from aira_agents.policies.mlp import MLPPolicy
from scenarios.equation import LEARNER, WORLDS, demonstrations, equation

STEPS = 32_000


def plain_ppo_s(world):
    """Returns the seconds that one plain run of PPO takes, compiling left out."""
    learner = LEARNER.learner(world, MLPPolicy.build)
    n_updates = STEPS // learner.steps_per_update
    state = jax.jit(learner.init)(jax.random.key(0))
    many = jax.jit(lambda own: jax.lax.scan(lambda s, _: (learner.update(s)[0], None), own, None, n_updates)[0])
    run = many.lower(state).compile()
    jax.block_until_ready(run(state))
    began = time.perf_counter()
    jax.block_until_ready(run(state))
    return time.perf_counter() - began


def main():
    """Measures both and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    world, figures = WORLDS["villages"], Figures()
    ai = equation(world, [demonstrations(world, "west", seed) for seed in range(arguments.seeds)], 320, STEPS)
    began = time.perf_counter()
    ablate(ai, world, arguments.seeds, seed=1)
    whole_s = time.perf_counter() - began
    plain_s = 4 * arguments.seeds * plain_ppo_s(world)
    figures.add(f"ablation_8x{arguments.seeds}", whole_s, "s", 300, at_least=False)
    figures.add("ablation_vs_plain_ppo_of_as_many_runs", whole_s / plain_s, "ratio", 4, at_least=False)
    figures.finish(arguments.json)


if __name__ == "__main__":
    main()
