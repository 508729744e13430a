"""From an answer about two clips to a changed policy: a contrastive lesson, beside a model of rewards and RL on it.

    python benchmarks/comparing.py [--json PATH]

The peer is the learner from preferences (`human/preferences.py`) with the settings that the page has for RL: its model
of rewards is fitted to the answers so far, then agents learn from it by one update of PPO. Compiling is left out.
"""

import argparse
import dataclasses
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from figures import Figures

from aira_agents.human.course import Course
from aira_agents.human.listening import Coached
from aira_agents.human.preferences import Preferences
from aira_agents.human.reel import Lesson
from aira_agents.policies.mlp import MLPPolicy
from environments.foraging import ROLE, Foraging
from viz.clips import STEPS
from viz.learners import record_for

ROUNDS = 20


def median_ms(call: Callable[[int], Any]) -> float:
    """Returns the median time of `call(round)` after two rounds that compile."""
    taken = []
    for i in range(ROUNDS + 2):
        begun = time.perf_counter()
        jax.block_until_ready(call(i))
        taken.append(1e3 * (time.perf_counter() - begun))
    return statistics.median(taken[2:])


def main() -> None:
    """Measures, prints, and writes JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    world, rng = Foraging(), np.random.default_rng(0)
    course = Course(Coached(), world, ROLE, MLPPolicy.build)
    state = {"taught": course.begun(course.untrained())}

    def lessons(index: int) -> Any:
        for value in (1.0, -1.0):
            clip = Lesson(
                value,
                np.arange(STEPS),
                np.full(STEPS, 1 / STEPS, np.float32),
                rng.normal(size=(STEPS, course.role.n_features)).astype(np.float32),
                {},
                {name: rng.integers(0, space.n_parameters, STEPS) for name, space in course.role.spaces.items()},
            )
            state["taught"] = course.learn(state["taught"], clip, index)
        return state["taught"]

    rl = record_for("ppo", world, {})
    learner = Preferences(clip_steps=STEPS, first=1, n_worlds=2).learner(world, MLPPolicy.build, rl=rl)
    update, run = jax.jit(learner.update), jax.jit(learner.init)(jax.random.key(0))
    kept = [update(run)[0]]

    def answered(index: int) -> Any:
        del index
        asked = kept[0].questions[ROLE]
        answer = asked.answer.at[jnp.argmax(asked.waiting)].set(1.0)
        kept[0] = update(dataclasses.replace(kept[0], questions={ROLE: dataclasses.replace(asked, answer=answer)}))[0]
        return kept[0]

    figures, contrastive, modelled = Figures(), median_ms(lessons), median_ms(answered)
    print(f"contrastive: {contrastive:.1f} ms an answer; a model of rewards, and RL on it: {modelled:.1f} ms")
    figures.add("answer about clips to changed policy", contrastive, "ms", 100, at_least=False)
    figures.add("contrastive beside a model of rewards", contrastive / modelled, "ratio", 1.0, at_least=False)
    figures.finish(arguments.json)


if __name__ == "__main__":
    main()
