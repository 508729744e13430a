"""A learner in two parts on two devices of a CPU against the whole on one: updates in the same time, compile apart.

    python benchmarks/parts.py [--json PATH]

Both do the same work in one process and take turns. PPO's products keep both cores busy on one device, too, so it has
no target here.
"""

import argparse
import statistics
from pathlib import Path

import jax
from figures import Figures

from aira_agents.learning.dispatch import Dispatch
from aira_agents.learning.evolution import Evolution
from aira_agents.learning.learner import Learner
from aira_agents.learning.ppo import PPO
from aira_agents.policies.mlp import MLPPolicy
from environments.foraging import Foraging

ROUNDS, UPDATES = 5, 8


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


def main() -> None:
    """Measures, prints, and writes JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    jax.config.update("jax_num_cpu_devices", 2)
    figures = Figures()
    for name, record, target in (("evolution", Evolution, 1.6), ("ppo", PPO, None)):
        whole = Running(record().learner(Foraging(), MLPPolicy.build))
        in_parts = record(n_parts=2).learner(Foraging(), MLPPolicy.build)
        assert in_parts.spread is not None
        parts = Running(in_parts.spread(jax.devices()))
        for _ in range(ROUNDS + 1):
            whole.go_on()
            parts.go_on()
        one, two = (statistics.median(own.seconds[1:]) / UPDATES for own in (whole, parts))
        print(f"{name} in foraging: {1e3 * one:.1f} ms an update on one device, {1e3 * two:.1f} on two")
        if target is None:
            print(f"{name}_parts_vs_whole: {one / two:.2f} times (no target)")
        else:
            figures.add(f"{name}_parts_vs_whole", one / two, "ratio", target)
    figures.finish(arguments.json)


if __name__ == "__main__":
    main()
