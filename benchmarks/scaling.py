"""What a step of one agent costs in the classic models as they grow from a thousand agents to a million.

    python benchmarks/scaling.py [--quick] [--only NAME] [--json PATH]

The peer of each model is itself with a thousand agents, in the same run; every model also says how many agent-steps it
does a second and core, of those alive. Memory is the peak of a process of its own. `--quick` stops at 100,000 agents.
"""

import argparse
import math
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
from figures import Figures

from aira_agents.environment import Environment
from aira_agents.loop import Now, Policies, start, unroll
from aira_agents.neighbours.network import network
from aira_agents.policies.rule import Rule
from environments.flocking import Flocking, boid
from environments.life import Life, conway
from environments.segregation import Segregation, schelling
from environments.traffic import Traffic, nagel_schreckenberg
from environments.virus import Virus, sociable
from environments.wealth import Wealth, boltzmann
from environments.wolf_sheep import WolfSheep, wander

ROUNDS = 15
STEPS = 20  # as many for every size, from the same age of the world: flocks grow denser with time
TOGETHER = 100_000  # agents: smaller worlds are run anew within one call, which costs 0.1 ms in itself
SIZES = (1_000, 10_000, 100_000, 1_000_000)
LONG = {"max_steps": 10**9}


def even(x: float) -> int:
    """Rounds up to what two cores can halve: of an odd number of agents a step costs nearly three times as much."""
    return 2 * math.ceil(x / 2)


def flocking(n: int) -> Environment:
    """As dense as the flock of 400 on 150 x 150."""
    side = even(math.sqrt(n / 400) * 150)
    return Flocking(n_birds=n, width=side, height=side, room=8, **LONG)


def segregation(n: int) -> Environment:
    """Four of five cells are lived in."""
    side = even(math.sqrt(n / 0.8))
    return Segregation(width=side, height=side, capacity=n, density=n / side**2, radius=1, **LONG)


def wolf_sheep(n: int) -> Environment:
    """The large farm of the comparison, by area; about 0.4 animals a cell live there in the long run."""
    side = even(math.sqrt(n / 0.4))
    cells, room = side**2, even(0.4 * side**2)
    return WolfSheep(
        n_sheep=cells // 10, n_wolves=cells // 20, width=side, height=side, regrowth=10, sheep_births=0.4,
        wolf_births=0.2, sheep_capacity=room, wolf_capacity=room, **LONG,
    )  # fmt: skip


def wealth(n: int) -> Environment:
    """One agent a cell on average."""
    side = even(math.sqrt(n))
    return Wealth(n_agents=n, width=side, height=side, **LONG)


def virus(n: int) -> Environment:
    """Six neighbours on average."""
    return Virus(graph=network(nx.fast_gnp_random_graph(n, 6 / n, seed=0)), resistance=0.0, **LONG)


def life(n: int) -> Environment:
    """A square board."""
    side = even(math.sqrt(n))
    return Life(width=side, height=side, **LONG)


def traffic(n: int) -> Environment:
    """A fifth of the road is taken."""
    return Traffic(length=5 * n, capacity=n, density=0.2, **LONG)


MODELS: dict[str, tuple[Callable[[int], Environment], dict[str, Any]]] = {
    "flocking": (flocking, {"bird": boid}),
    "wolf_sheep": (wolf_sheep, {"sheep": wander, "wolf": wander}),
    "segregation": (segregation, {"resident": schelling}),
    "wealth": (wealth, {"agent": boltzmann}),
    "virus": (virus, {"node": sociable}),
    "life": (life, {"cell": conway}),
    "traffic": (traffic, {"car": nagel_schreckenberg}),
}
SCALED = ("flocking", "wolf_sheep", "segregation")


@eqx.filter_jit
def run(world: Environment, policies: Policies, now: Now, times: int) -> tuple[Now, jax.Array]:
    """Runs one world from now, `times` times with another chance; returns how many agent-steps were done."""

    def lived(transition: Any) -> jax.Array:
        return sum((jnp.sum(f.active, dtype=jnp.float32) for f in transition.feedback.values()), start=jnp.zeros(()))

    def once(_: Now, key: jax.Array) -> tuple[Now, jax.Array]:
        return unroll(world, policies, Now(now.state, now.memories, key), STEPS, lived)

    after, done = jax.lax.scan(once, now, jax.random.split(now.key, times))
    return after, jnp.sum(done)


def prepared(name: str, n_agents: int) -> Callable[[], tuple[Now, jax.Array]]:
    """Returns what runs one model of that size, compiled."""
    make, rules = MODELS[name]
    world = make(n_agents)
    policies = {role: Rule(act) for role, act in rules.items()}
    now = eqx.filter_jit(start)(world, policies, jax.random.key(1))
    anew = max(TOGETHER // n_agents, 1)
    begun = time.perf_counter()
    now, _ = jax.block_until_ready(run(world, policies, now, anew))
    first = time.perf_counter() - begun
    crowded = getattr(now.state, "crowded", now.state.refused_births)
    print(
        f"{name:>12} {n_agents:>9,} agents: compile and first run {first:.1f} s, without room {int(crowded)}",
        flush=True,
    )
    return lambda: jax.block_until_ready(run(world, policies, now, anew))


def measure(name: str, sizes: Sequence[int]) -> tuple[list[float], list[float]]:
    """Returns the median cost of an agent-step for each size, in ns, by the clock and of a core; sizes take turns."""
    runs = [prepared(name, n_agents) for n_agents in sizes]
    clock, core = np.zeros((ROUNDS, len(sizes))), np.zeros((ROUNDS, len(sizes)))
    for turn in np.ndindex(clock.shape):
        runs[turn[1]]()  # the other sizes have emptied the caches
        begun, work = time.perf_counter(), time.process_time()
        _, done = runs[turn[1]]()
        clock[turn] = (time.perf_counter() - begun) / float(done) * 1e9
        core[turn] = (time.process_time() - work) / float(done) * 1e9
    by_clock, of_core = np.median(clock, axis=0).tolist(), np.median(core, axis=0).tolist()
    for n_agents, cost, work in zip(sizes, by_clock, of_core, strict=True):
        print(f"{name:>12} {n_agents:>9,} agents: {cost:6.0f} ns, {work:6.0f} ns of a core", flush=True)
    return by_clock, of_core


def gigabytes(n_birds: int) -> float:
    """Returns the peak memory of a process that flies `n_birds`."""
    command = [sys.executable, __file__, "--memory-of", str(n_birds)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def main() -> None:
    """Measures, prints, and writes JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="up to 100,000 agents")
    parser.add_argument("--only", default="", help="models whose name contains this")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--memory-of", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.memory_of:
        prepared("flocking", arguments.memory_of)()
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
        return
    figures = Figures()
    for name in MODELS:
        if arguments.only not in name:
            continue
        sizes = SIZES if name in SCALED else SIZES[1:2]
        clock, core = measure(name, [n for n in sizes if not (arguments.quick and n > 100_000)])
        if name in SCALED:
            figures.add(f"{name} dearest / cheapest size", max(clock) / min(clock), "x", 2, at_least=False)
        figures.add(f"{name} agent-steps a second and core", 1e3 / min(core), "million", 5)
    if not arguments.quick and arguments.only in "flocking":
        figures.add("peak memory with 1,000,000 birds", gigabytes(1_000_000), "GB", 2, at_least=False)
    figures.finish(arguments.json)


if __name__ == "__main__":
    main()
