"""A learner in two parts on two devices of a CPU against the whole on one: updates in the same time, compile apart.

    python benchmarks/parts.py [--json PATH]

Both do the same work in one process and take turns. PPO's products keep both cores busy on one device, too, so it has
no target here. Then two hosts, which here are two processes with a core each, do the same; they meet on this machine.
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
from pathlib import Path

import jax
from figures import Figures

from aira_agents.hosts import join
from aira_agents.learning.dispatch import Dispatch
from aira_agents.learning.evolution import Evolution
from aira_agents.learning.learner import Learner
from aira_agents.learning.ppo import PPO
from aira_agents.policies.mlp import MLPPolicy
from environments.foraging import Foraging

ROUNDS, UPDATES = 5, 8
RECORDS = {"evolution": (Evolution, 1.6), "ppo": (PPO, None)}


class Running:
    """A learner that goes on where it was."""

    def __init__(self, learner: Learner) -> None:
        self._state = learner.placed(jax.jit(learner.init)(jax.random.key(0)))
        self._dispatch = Dispatch(learner, self._state, UPDATES)
        self.seconds: list[float] = []

    def go_on(self) -> None:
        """Takes some updates."""
        done = self._dispatch(self._state, UPDATES)
        self._state = done.state
        self.seconds.append(done.seconds)

    @property
    def per_update(self) -> float:
        """Returns seconds, the first time apart."""
        return statistics.median(self.seconds[1:]) / UPDATES


def in_parts(name: str) -> Running:
    """Returns the learner in two parts, over all devices of all hosts."""
    learner = RECORDS[name][0](n_parts=2).learner(Foraging(), MLPPolicy.build)
    assert learner.spread is not None
    return Running(learner.spread(jax.devices()))


def as_host(name: str, coordinator: str, host: int) -> None:
    """Learns as one of two hosts, and prints how long an update took."""
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[host]})  # before JAX counts the cores
    join(coordinator, 2, host)
    running = in_parts(name)
    for _ in range(ROUNDS + 1):
        running.go_on()
    print(running.per_update, flush=True)


def by_hosts(name: str) -> float:
    """Returns how long an update takes two hosts."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        coordinator = f"127.0.0.1:{free.getsockname()[1]}"
    commands = [[sys.executable, __file__, "--host", str(host), name, coordinator] for host in (0, 1)]
    hosts = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
    try:
        return max(float(host.communicate(timeout=120)[0].splitlines()[-1]) for host in hosts)
    finally:
        for host in hosts:
            host.kill()


def main() -> None:
    """Measures, prints, and writes JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--host", type=int, help=argparse.SUPPRESS)
    parser.add_argument("rest", nargs="*", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.host is not None:
        as_host(*arguments.rest, arguments.host)
        return
    jax.config.update("jax_num_cpu_devices", 2)
    figures = Figures()
    for name, (record, target) in RECORDS.items():
        whole = Running(record().learner(Foraging(), MLPPolicy.build))
        parts = in_parts(name)
        for _ in range(ROUNDS + 1):
            whole.go_on()
            parts.go_on()
        one, two, hosts = whole.per_update, parts.per_update, by_hosts(name)
        print(
            f"{name} in foraging: {1e3 * one:.1f} ms an update on one device, {1e3 * two:.1f} on two, "
            f"{1e3 * hosts:.1f} on two hosts"
        )
        for what, took in (("parts", two), ("hosts", hosts)):
            if target is None:
                print(f"{name}_{what}_vs_whole: {one / took:.2f} times (no target)")
            else:
                figures.add(f"{name}_{what}_vs_whole", one / took, "ratio", target)
    figures.finish(arguments.json)


if __name__ == "__main__":
    main()
