"""What a step of one agent costs as a world grows from a thousand agents to a million, and what memory a million takes.

The peer is the same world with a thousand agents, in the same run. Compile time is apart. One core alone tells how the
cost of a step grows; all of them also what a second core is worth to a small world, which depends on the machine.

    python benchmarks/rollout.py [--one-core] [--json PATH]
"""

import argparse
import math
import os
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import cores
import equinox as eqx
import jax
import jax.numpy as jnp
from figures import Figures

from aira_agents.loop import Now, Policies, start, unroll
from aira_agents.policies.mlp import MLPPolicy
from environments.foraging import ROLE, Foraging

CELLS_PER_AGENT = 4
AGENT_STEPS = 10_000_000  # in one run
SIZES = (1_000, 10_000, 100_000, 1_000_000)
ROUNDS = 9


@eqx.filter_jit
def run(environment: Foraging, policies: Policies, now: Now, n_steps: int) -> tuple[Now, jax.Array]:
    """Runs one world; returns what was eaten, so that nothing can be left out."""
    now, eaten = unroll(environment, policies, now, n_steps, lambda t: jnp.sum(t.feedback[ROLE].reward))
    return now, jnp.sum(eaten)


def compiled(n_agents: int) -> tuple[Callable[[], object], int]:
    """Returns one world of `n_agents` foragers with a 2 x 64 network, ready to run, and its steps."""
    side = math.ceil(math.sqrt(CELLS_PER_AGENT * n_agents))
    environment = Foraging(n_agents=n_agents, width=side, height=side, vision_radius=2)
    role = environment.roles[0]
    policies = {ROLE: MLPPolicy.build(role.n_features, role.n_outputs, jax.random.key(0))}
    now = eqx.filter_jit(start)(environment, policies, jax.random.key(1))
    n_steps = max(AGENT_STEPS // n_agents, 4)
    begun = time.perf_counter()
    program = run.lower(environment, policies, now, n_steps).compile()
    print(f"{n_agents:>9,} agents: compiled in {time.perf_counter() - begun:.1f} s", flush=True)
    return lambda: jax.block_until_ready(program(environment, policies, now, n_steps)), n_steps


def nanoseconds(go: Callable[[], object], agent_steps: int) -> tuple[float, float]:
    """Times one run: nanoseconds an agent-step, on the clock and of a core."""
    begun, busy = time.perf_counter(), time.process_time()
    go()
    return (time.perf_counter() - begun) / agent_steps * 1e9, (time.process_time() - busy) / agent_steps * 1e9


def main() -> None:
    """Measures, prints, and writes JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one-core", action="store_true", help="bound to one core (on Linux)")
    arguments = parser.parse_args()
    if arguments.one_core:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])  # before JAX starts, which counts the cores
    worlds = {n: compiled(n) for n in SIZES}
    seen: dict[int, list[tuple[float, float]]] = {n: [] for n in SIZES}
    distances = []
    for a_round in range(1 + ROUNDS):  # sizes in turn: a slow phase of the machine meets them all
        for n, (go, n_steps) in worlds.items():
            figure = nanoseconds(go, n * n_steps)
            seen[n] += [figure] if a_round else []  # the first warms up
        distances.append(cores.apart())
    print("cores apart, after each round:", ", ".join(distances))
    costs = {}
    for n, figures_of in seen.items():
        costs[n], work = (statistics.median(several) for several in zip(*figures_of, strict=True))
        print(f"{n:>9,} agents: {costs[n]:6.0f} ns an agent-step, {work:6.0f} of a core", flush=True)
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    figures = Figures()
    figures.add(
        f"cost per agent-step{' on one core' * arguments.one_core}, dearest / cheapest size",
        max(costs.values()) / min(costs.values()),
        "x",
        1.5,
        at_least=False,
    )
    figures.add("peak memory with 1,000,000 foragers", gigabytes, "GB", 4, at_least=False)
    figures.finish(arguments.json)


if __name__ == "__main__":
    main()
