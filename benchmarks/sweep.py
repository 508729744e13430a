"""A sweep of 1,000 runs against Mesa's own `batch_run` on all cores, and agent-steps a second of every classic model.

    python benchmarks/sweep.py [--quick] [--json PATH]

Segregation, 40 x 40 cells, 1,000 residents, 20 steps: 5 values of `alike` with 200 seeds each. Mesa runs plain Mesa's
model once (`--quick`: a tenth of the runs); ours is the median of 5. Compiling is told apart. Agent-steps count living
agents, each classic model by its rule, at some thousand agents, on one core.
"""

import argparse
import os
import statistics
import time
from pathlib import Path

import jax
import mesa
from figures import Figures
from plain_mesa_classic import PlainSegregation

from aira_agents.loop import rollout, start_worlds
from aira_agents.policies.rule import Rule
from environments import sweep
from environments.flocking import Flocking, boid
from environments.life import Life, conway
from environments.segregation import SegregationModel, schelling
from environments.traffic import Traffic, nagel_schreckenberg
from environments.virus import Virus, sociable
from environments.wealth import Wealth, boltzmann
from environments.wolf_sheep import WolfSheep, wander

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
STEPS, ALIKE = 20, (1, 2, 3, 4, 5)
TOWN = {"capacity": 1000, "density": 1000 / 1600, "homophily": 0, "alike": ALIKE}


class Collected(PlainSegregation):
    """The peer, with the least that `batch_run` asks for."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.datacollector = mesa.DataCollector({"residents": lambda model: len(model.agents)})

    def step(self):
        """One step, and its row."""
        super().step()
        self.datacollector.collect(self)


def against_mesa(figures: Figures, *, quick: bool) -> None:
    """Times both."""
    n_seeds = 200

    def ours() -> float:
        begun = time.perf_counter()
        table = sweep(
            SegregationModel, TOWN, iterations=n_seeds, max_steps=STEPS, policy=schelling, keep=["segregation"]
        )
        assert len(table) == n_seeds * len(ALIKE) and (table["error"] == "").all()
        return time.perf_counter() - begun

    compiled = ours()
    seconds = statistics.median(ours() for _ in range(5))
    share = 10 if quick else 1
    begun = time.perf_counter()
    mesa.batch_run(
        Collected,
        {"alike": list(ALIKE), "n": 1000},
        number_processes=CORES,
        iterations=n_seeds // share,
        max_steps=STEPS - 1,  # this one takes a step more
        data_collection_period=-1,
        display_progress=False,
    )
    mesa_seconds = (time.perf_counter() - begun) * share
    print(f"1,000 runs: Mesa {mesa_seconds:.1f} s on {CORES} cores, ours {seconds:.3f} s; first call {compiled:.1f} s")
    figures.add("sweep_1000_runs_vs_batch_run", mesa_seconds / seconds, "ratio", 150)


def agent_steps(figures: Figures) -> None:
    """Times a rollout of each classic model; alone on one device, so mostly on one core."""
    models = {
        "flocking": (Flocking(n_birds=1000, width=220, height=220), boid),
        "segregation": (SegregationModel.environment_class(capacity=1000, density=1000 / 1600), schelling),
        "wolf_sheep": (WolfSheep(), wander),
        "wealth": (Wealth(n_agents=1000, width=32, height=32), boltzmann),
        "virus": (Virus(), sociable),
        "life": (Life(), conway),
        "traffic": (Traffic(), nagel_schreckenberg),
    }
    for name, (world, rule) in models.items():
        policies = {role.name: Rule(rule) for role in world.roles}
        n_worlds, n_steps = 16, 100

        def run(now, world=world, policies=policies, n_steps=n_steps):
            def alive(transition):
                return sum(feedback.active.sum() for feedback in transition.feedback.values())

            now, counts = rollout(world, policies, now, n_steps, alive)
            return now, counts.sum()

        program = jax.jit(run)
        now = start_worlds(world, policies, jax.random.key(0), n_worlds)
        now, _ = jax.block_until_ready(program(now))
        rates = []
        for _ in range(7):
            begun, busy = time.perf_counter(), time.process_time()
            now, count = jax.block_until_ready(program(now))
            wall, cores = time.perf_counter() - begun, time.process_time() - busy
            rates.append(int(count) / max(wall, cores))  # a core: whoever keeps two busy is charged for two
        figures.add(f"{name}_agent_steps_per_core", statistics.median(rates) / 1e6, "M/s", 5)


def main() -> None:
    """Measures, prints, and writes JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of Mesa's runs")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    jax.config.update("jax_num_cpu_devices", CORES)  # a device a core, as `aira sweep` does
    figures = Figures()
    agent_steps(figures)
    against_mesa(figures, quick=arguments.quick)
    figures.finish(arguments.json)


if __name__ == "__main__":
    main()
