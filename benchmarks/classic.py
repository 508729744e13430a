"""Whole runs of the classic models, setup included, against plain Mesa in the same run: one run, and 64 as one program.

    python benchmarks/classic.py [--quick] [--only NAME] [--json PATH]

Settings are those of the public comparison of ABM frameworks (JuliaDynamics/ABMFrameworksComparison). Each figure is a
ratio of medians of 15 interleaved runs (3 with `--quick`). Compiling is told apart; the end of a run is waited for.
The 64 share the cores, as the runs of a sweep do: each core is a device of its own.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import mesa
import numpy as np
from figures import Figures
from jax.sharding import Mesh, PartitionSpec
from plain_mesa_classic import PlainFlocking, PlainSegregation, PlainWolfSheep

from aira_agents.environment import Environment
from aira_agents.loop import Policies, rollout, start, start_worlds, unroll
from aira_agents.policies.rule import Rule
from aira_agents.populations import State
from environments.flocking import Flocking, boid
from environments.segregation import Segregation, schelling
from environments.wolf_sheep import WolfSheep, wander

SEEDS = 64
CORES = max(n for n in (1, 2, 4, 8, 16, 32, 64) if n <= len(os.sched_getaffinity(0)))  # a divisor of the seeds


class Setting(NamedTuple):
    """One model of the comparison, at one size."""

    name: str
    world: Environment
    policies: Policies
    plain: Callable[[int], mesa.Model]
    steps: int
    one: float  # target: how many times Mesa, a single run
    many: float | None  # the same, 64 seeds as one program


def settings() -> list[Setting]:
    """The six settings; targets of single small runs are those of Agents.jl there, of all others those of Ark.jl."""
    fly = {"bird": Rule(boid)}
    live = {"resident": Rule(schelling)}
    roam = {"sheep": Rule(wander), "wolf": Rule(wander)}
    long = {"max_steps": 10**6}
    small_farm = WolfSheep(sheep_capacity=200, wolf_capacity=120, **long)
    large_farm = WolfSheep(
        n_sheep=1000, n_wolves=500, width=100, height=100, regrowth=10, sheep_births=0.4, wolf_births=0.2,
        sheep_capacity=4400, wolf_capacity=5000, **long,  # of 64 farms the fullest had 3,865 and 4,420
    )  # fmt: skip
    large = {"sheep": 1000, "wolves": 500, "side": 100, "regrowth": 10, "sheep_births": 0.4, "wolf_births": 0.2}
    small_town = Segregation(capacity=1000, density=1000 / 1600, homophily=0, alike=3, **long)
    large_town = Segregation(
        width=100, height=100, capacity=8000, density=0.8, radius=2, homophily=0, alike=8, **long
    )  # fmt: skip
    large_flock = Flocking(n_birds=400, width=150, height=150, vision=15, **long)
    return [
        Setting("flocking_small", Flocking(**long), fly, lambda seed: PlainFlocking(rng=seed), 100, 83, 115),
        Setting(
            "flocking_large", large_flock, fly, lambda seed: PlainFlocking(400, 150, 15.0, rng=seed), 100, 110, None
        ),
        Setting("schelling_small", small_town, live, lambda seed: PlainSegregation(rng=seed), 20, 37, 60),
        Setting(
            "schelling_large", large_town, live, lambda seed: PlainSegregation(8000, 100, 2, 8, rng=seed), 20, 47, None
        ),
        Setting("wolf_sheep_small", small_farm, roam, lambda seed: PlainWolfSheep(rng=seed), 100, 20, 60),
        Setting(
            "wolf_sheep_large", large_farm, roam, lambda seed: PlainWolfSheep(**large, rng=seed), 100, 28, None
        ),
    ]  # fmt: skip


def programs(setting: Setting) -> tuple[Callable[[int], State], Callable[[int], State]]:
    """Returns whole runs by seed, from the reset to the end: of one world, and of `SEEDS` as one program.

    The arrays of world and policies are arguments, found once: a compiled program serves every value of them.
    """
    arrays, others = eqx.partition((setting.world, setting.policies), eqx.is_array)
    leaves, structure = jax.tree.flatten(arrays)

    def restored(leaves: list[jax.Array]) -> tuple[Environment, Policies]:
        return eqx.combine(jax.tree.unflatten(structure, leaves), others)

    @jax.jit
    def one(leaves: list[jax.Array], seed: jax.Array) -> State:
        world, policies = restored(leaves)
        now = start(world, policies, jax.random.key(seed))
        return unroll(world, policies, now, setting.steps, lambda _: None)[0].state

    def share(leaves: list[jax.Array], keys: jax.Array) -> State:
        world, policies = restored(leaves)
        now = start_worlds(world, policies, keys[0], SEEDS // CORES)
        return rollout(world, policies, now, setting.steps, lambda _: None)[0].state

    cores, across = Mesh(np.asarray(jax.devices()), ("core",)), PartitionSpec("core")
    shares = jax.shard_map(share, mesh=cores, in_specs=(PartitionSpec(), across), out_specs=across, check_vma=False)

    @jax.jit
    def many(leaves: list[jax.Array], seed: jax.Array) -> State:
        return shares(leaves, jax.random.split(jax.random.key(seed), CORES))

    return lambda seed: one(leaves, np.uint32(seed)), lambda seed: many(leaves, np.uint32(seed))


def seconds(act: Callable[[], Any]) -> float:
    """Times one call."""
    begun = time.perf_counter()
    jax.block_until_ready(act())
    return time.perf_counter() - begun


def measure(setting: Setting, rounds: int, figures: Figures) -> None:
    """Times a setting: the peer, a single run and 64 in turn."""

    def plain(seed: int) -> None:
        model = setting.plain(seed)
        for _ in range(setting.steps):
            model.step()

    one, many = programs(setting)
    compile_s = seconds(lambda: one(0)) + seconds(lambda: many(0))
    times: dict[str, list[float]] = {"plain": [], "one": [], "many": []}
    refused = 0
    for seed in range(rounds):
        times["plain"].append(seconds(lambda seed=seed: plain(seed)))
        # A run of a millisecond is timed ten in a row: the first after Mesa's finds cold caches and sleeping threads.
        times["one"].append(seconds(lambda seed=seed: [one(10 * seed + nth) for nth in range(10)]) / 10)
        times["many"].append(seconds(lambda seed=seed: many(seed)))
        refused += int(one(seed).refused_births)
    ms = {kind: statistics.median(values) * 1e3 for kind, values in times.items()}
    each = ms["many"] / SEEDS
    told = f"Mesa {ms['plain']:.1f} ms, one run {ms['one']:.2f} ms, one of {SEEDS} {each:.2f} ms"
    print(f"{setting.name}: {told}; compiling both {compile_s:.1f} s; refused births {refused}", flush=True)
    figures.add(f"{setting.name}_one_run_vs_mesa", ms["plain"] / ms["one"], "ratio", setting.one)
    if setting.many is None:
        print(f"{setting.name}_{SEEDS}_seeds_vs_mesa: {ms['plain'] / each:.0f} times (no target)", flush=True)
    else:
        figures.add(f"{setting.name}_{SEEDS}_seeds_vs_mesa", ms["plain"] / each, "ratio", setting.many)


def main() -> None:
    """Measures, prints, and writes JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3 rounds instead of 15")
    parser.add_argument("--only", default="", help="settings whose name contains this")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    jax.config.update("jax_num_cpu_devices", CORES)
    figures = Figures()
    for setting in settings():
        if arguments.only in setting.name:
            measure(setting, 3 if arguments.quick else 15, figures)
    figures.finish(arguments.json)


if __name__ == "__main__":
    main()
