"""Two processes on two cores against one process on one core: how many runs of a sweep they do in the same time.

    python benchmarks/processes.py [--json PATH]

Each process is kept to a core of its own and has a JAX of its own, as the hosts of a sweep have. All have compiled
before the clock starts, so that what is left to share is the memory and its bus. One and two take turns.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from figures import Figures

ROUNDS, SECONDS, SEEDS, STEPS = 5, 4.0, 100, 20


def work(core: int) -> None:
    """Compiles on one core, says so, and each time it is asked to runs sweeps for some seconds and says how many."""
    os.sched_setaffinity(0, {core})  # before JAX counts the cores
    from environments import sweep  # noqa: PLC0415  imports JAX
    from environments.segregation import SegregationModel, schelling  # noqa: PLC0415

    town = {"width": 40, "height": 40, "density": 0.625, "homophily": 0.4}

    def runs() -> int:
        table = sweep(SegregationModel, town, iterations=SEEDS, max_steps=STEPS, policy=schelling, keep=["segregation"])
        assert len(table) == SEEDS and (table["error"] == "").all()
        return SEEDS

    runs()
    print("ready", flush=True)
    for _ in sys.stdin:
        end, done = time.monotonic() + SECONDS, 0
        while time.monotonic() < end:
            done += runs()
        print(done, flush=True)


def done(workers: list[subprocess.Popen[str]]) -> int:
    """Lets these processes work side by side; returns how many runs they did."""
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    return sum(int(worker.stdout.readline()) for worker in workers if worker.stdout is not None)


def main() -> None:
    """Measures, prints, and writes JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--core", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.core is not None:
        work(arguments.core)
        return
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        sys.exit("This machine has one core.")
    commands = [[sys.executable, __file__, "--core", str(core)] for core in cores]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for command in commands
    ]
    try:
        for worker in workers:
            assert worker.stdout is not None and worker.stdout.readline().strip() == "ready"
        ratios = []
        for _ in range(ROUNDS):
            alone, together = done(workers[:1]), done(workers)
            ratios.append(together / alone)
            print(f"{alone / SECONDS:,.0f} runs a second by one, {together / SECONDS:,.0f} by two", flush=True)
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    figures = Figures()
    figures.add("two_processes_vs_one", statistics.median(ratios), "ratio", 1.6)
    figures.finish(arguments.json)


if __name__ == "__main__":
    main()
