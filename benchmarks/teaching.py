"""How long it takes from a person's signal to a changed policy; compiling is printed apart.

The peer is an update in which nobody said anything: what a signal adds is the ratio.

    python benchmarks/teaching.py [--json PATH]
"""

import argparse
import statistics
import time
from pathlib import Path

import jax
from figures import Figures

from aira_agents.human.coach import COACH
from aira_agents.human.inbox import Inbox
from aira_agents.human.tamer import TAMER
from aira_agents.policies.mlp import MLPPolicy
from aira_agents.store.events import FeedbackEvent
from environments.foraging import ROLE, Foraging

ROUNDS = 100


def measure(record: TAMER | COACH) -> tuple[float, float, float]:
    """Returns the medians, in ms, of an update with a signal and of one without, and the seconds of compiling."""
    learner = record.learner(Foraging(), MLPPolicy.build)
    begun = time.perf_counter()
    update = jax.jit(learner.update)
    state = jax.block_until_ready(update(jax.jit(learner.init)(jax.random.key(0)))[0])
    compile_s = time.perf_counter() - begun
    inbox, step_s = Inbox(float(record.step_s)), float(record.step_s)
    times: dict[bool, list[float]] = {True: [], False: []}
    for i in range(2 * ROUNDS):
        said = i % 2 == 0
        step = int(state.n_updates) * record.n_steps - 3
        begun = time.perf_counter()
        if said:
            event = FeedbackEvent(str(i), step * step_s, step, 1, 1.0, "somebody", "evaluation", "foraging", "s")
            receipt = inbox.post([event])
            assert not receipt.refused
        state, _ = update(inbox.hand_over(state))
        jax.block_until_ready(learner.policies(state)[ROLE])
        times[said].append((time.perf_counter() - begun) * 1e3)
    assert not inbox.refused
    return statistics.median(times[True]), statistics.median(times[False]), compile_s


def main() -> None:
    """Measures, prints, and writes JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    figures = Figures()
    for record in (TAMER(), COACH()):
        name = type(record).__name__.lower()
        said, unsaid, compile_s = measure(record)
        print(f"{name}: {said:.1f} ms with a signal, {unsaid:.1f} ms without, compile {compile_s:.1f} s")
        figures.add(f"signal_to_changed_policy_{name}", said, "ms", 50, at_least=False)
        figures.add(f"update_with_a_signal_vs_without_{name}", said / unsaid, "ratio", 1.5, at_least=False)
    figures.finish(arguments.json)


if __name__ == "__main__":
    main()
