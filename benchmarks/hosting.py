"""A step of neural foragers in a hosted Mesa model, against plain Mesa, and against the compiled loop.

While nobody looks, and with every agent's meals read after each step.

    python benchmarks/hosting.py [--json PATH]

What a first step costs more than the others, compiling, is printed apart.
"""

import argparse
import gc
import math
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import cores
import equinox as eqx
import jax
import numpy as np
from figures import Figures
from plain_mesa import PlainForaging

from aira_agents.hosting.programs import Program
from aira_agents.loop import start, unroll
from aira_agents.policies.mlp import MLPPolicy
from environments.foraging import ROLE, Foraging, ForagingModel

ROUNDS = 21
run = eqx.filter_jit(lambda world, policies, now, n: unroll(world, policies, now, n, lambda t: None)[0])


def seconds(act: Callable[[], None]) -> float:
    """Times one call."""
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def measure(n_agents: int) -> dict[str, list[float]]:
    """Returns ms a step in each of some interleaved rounds, hosted, compiled and plain."""
    side = math.ceil(math.sqrt(4 * n_agents))
    size = {"n_agents": n_agents, "width": side, "height": side}
    world = Foraging(**size, max_steps=10**9)
    role = world.roles[0]
    network = MLPPolicy.build(role.n_features, role.n_outputs, jax.random.key(0))
    hosted = ForagingModel(**size, max_steps=10**9, policy=network, rng=1)
    compile_s = seconds(hosted.step)
    layers = [(np.asarray(layer.weight), np.asarray(layer.bias)) for layer in network.layers]
    plain = PlainForaging(n_agents, side, side, world.vision_radius, 0.002, layers, rng=1)
    policies = {ROLE: network}
    begun = start(world, policies, jax.random.key(1))
    program = Program(world, policies)
    now = [jax.block_until_ready(run(world, policies, begun, 100)), program.steps(begun, 1)[0]]

    def step_hosted() -> None:
        for _ in range(100):
            hosted.step()

    def step_seen() -> None:
        for _ in range(100):
            hosted.step()
            hosted.agents.get("meals")

    def step_compiled() -> None:
        now[0] = jax.block_until_ready(run(world, policies, now[0], 100))

    def step_one_by_one() -> None:
        for _ in range(100):
            now[1], _ = jax.block_until_ready(program.steps(now[1], 1))

    kinds = {
        "hosted": (step_hosted, 100),
        "hosted and looked at": (step_seen, 100),
        "compiled step by step": (step_one_by_one, 100),
        "compiled as one loop": (step_compiled, 100),
        "plain": (plain.step, 1),
    }
    times = interleaved(kinds)
    told = ", ".join(f"{name} {statistics.median(values):.3f} ms" for name, values in times.items())
    print(f"{n_agents:,} agents: {told} a step; compile {compile_s:.1f} s", flush=True)
    return times


def interleaved(kinds: dict[str, tuple[Callable[[], None], int]]) -> dict[str, list[float]]:
    """Returns ms a step of each kind in each round; prints how far the cores were apart."""
    gc.collect()
    gc.freeze()  # else Python's collector goes through the plain model's agents while the hosted one is measured
    times: dict[str, list[float]] = {name: [] for name in kinds}
    distances = []
    order = random.Random(0)  # who comes after plain Mesa finds caches and the second core cold
    for _ in range(ROUNDS):
        for name in order.sample(list(kinds), len(kinds)):
            act, steps = kinds[name]
            act()  # the second core sleeps while plain Mesa runs, and takes 30 ms to join in again
            times[name].append(seconds(act) / steps * 1e3)
        distances.append(cores.apart())
    print("cores apart, after each round:", ", ".join(distances))
    return times


def main() -> None:
    """Measures, prints, and writes JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    figures = Figures()
    for n_agents in (1_000, 10_000):
        ms = measure(n_agents)
        ratio = statistics.median(ms["plain"]) / statistics.median(ms["hosted"])
        seen = statistics.median(ms["plain"]) / statistics.median(ms["hosted and looked at"])
        if n_agents == 10_000:
            figures.add(f"hosted_vs_plain_mesa_{n_agents}", ratio, "ratio", 100)
        else:
            print(f"hosted_vs_plain_mesa_{n_agents}: {ratio:.0f} times (no target)")
        print(f"hosted and looked at against plain Mesa at {n_agents:,}: {seen:.0f} times (no target)")
        for kind in ("compiled step by step", "compiled as one loop"):
            # Round by round: where the host moves the cores meanwhile, medians are of different machines.
            added = statistics.median(whole - bare for whole, bare in zip(ms["hosted"], ms[kind], strict=True))
            figures.add(f"hosting_adds_{n_agents}_to_{kind}", added, "ms", 0.3, at_least=False)
    figures.finish(arguments.json)


if __name__ == "__main__":
    main()
