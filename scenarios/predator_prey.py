"""Predator and prey: nobody leads, and yet the two populations follow one another.

Question for the class: when there are many prey, what happens to the predators - and after that to the prey? Who comes
first, and by how long?
Claim: both live on, and the number of predators follows that of prey by some tens of steps; no rule says so anywhere.
Source: the rules of the wolf-sheep model, Wilensky 1997; waves of this kind: Lotka 1925 and Volterra 1926.
To make it fail: with `--regrowth 0.02` there is too little grass, and predators die out; with `--predators hunt` they
see where to go, eat everything, and starve.
"""

from pathlib import Path
from typing import Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from aira_agents.cli.run import run_scenario
from aira_agents.errors import InputError
from aira_agents.loop import Transition, rollout, start_worlds
from aira_agents.policies import RandomPolicy, Rule
from aira_agents.populations import State
from aira_agents.results import results_folder
from aira_agents.statistics import Interval, mean_interval
from aira_agents.types import Array, Int, Key
from environments.predator_prey import PREDATOR, PREY, PredatorPrey, hunt
from viz.grid import draw_grid
from viz.populations import draw_lags, draw_populations

LONGEST_LAG = 90  # half of a wave: beyond it, what follows cannot be told from what leads
BEGINNING = 200  # steps that are not looked at: the world still forgets how it was sown


class Found(NamedTuple):
    """What came out of all seeds."""

    counts: dict[str, np.ndarray]  # role to [seeds, steps]
    lived: np.ndarray  # [seeds], whether both sides did to the end
    lags: np.ndarray  # [lags]
    correlations: np.ndarray  # [seeds that lived, lags]
    best: np.ndarray  # [seeds that lived], steps
    world: PredatorPrey
    scene: State  # the first world, as it ended


@eqx.filter_jit
def live(world: PredatorPrey, policies: dict, key: Key, seeds: int, steps: int) -> tuple[State, dict[str, Array]]:
    """Lets a world for each seed go on; returns how they ended, and how many lived, `[steps, seeds]`."""

    def count(step: Transition) -> dict[str, Int[Array, " seeds"]]:
        return {role: jnp.sum(feedback.active, axis=-1) for role, feedback in step.feedback.items()}

    now = start_worlds(world, policies, key, seeds)
    now, counts = rollout(world, policies, now, steps, keep=count)
    return now.state, counts


def lagged(earlier: np.ndarray, later: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """Returns the correlation of `later[t + lag]` with `earlier[t]` for every lag, from series `[steps]`."""
    found = []
    for lag in lags:
        first, second = (earlier[: len(earlier) - lag], later[lag:]) if lag >= 0 else (earlier[-lag:], later[:lag])
        found.append(np.corrcoef(first, second)[0, 1])
    return np.array(found)


def look_for_lags(seed: int, seeds: int, steps: int, world: PredatorPrey, policies: dict) -> Found:
    """Runs all worlds, and finds in each by how long predators follow prey."""
    # One step longer than is run, so that no world is renewed.
    world = eqx.tree_at(lambda w: w.max_steps, world, jnp.array(steps + 1, jnp.int32))
    state, counted = live(world, policies, jax.random.key(seed), seeds, steps)
    counts = {role: np.asarray(counted[role]).T for role in (PREY, PREDATOR)}
    lived = (counts[PREY][:, -1] > 0) & (counts[PREDATOR][:, -1] > 0)
    lags = np.arange(-LONGEST_LAG, LONGEST_LAG + 1)
    pairs = zip(counts[PREY][lived, BEGINNING:], counts[PREDATOR][lived, BEGINNING:], strict=True)
    correlations = np.array([lagged(prey, predators, lags) for prey, predators in pairs]).reshape(-1, len(lags))
    best = lags[np.argmax(correlations, axis=1)]
    return Found(counts, lived, lags, correlations, best, world, jax.tree.map(lambda leaf: leaf[0], state))


def draw(found: Found, path: Path) -> None:
    """Draws the populations of the first world, its last moment, and the lags of all."""
    figure = Figure(figsize=(11, 8), dpi=120, layout="constrained")
    axes = figure.subplot_mosaic([["over time", "over time"], ["meadow", "lags"]], height_ratios=[1, 1.2])
    left, right = axes["meadow"], axes["lags"]
    draw_populations(axes["over time"], {role: numbers[0] for role, numbers in found.counts.items()})
    draw_grid(left, found.world, found.scene, ground="grass")
    if len(found.best):
        draw_lags(right, found.lags, found.correlations, found.best)
    else:
        right.set_axis_off()
        right.text(0.5, 0.5, "In no world did both sides live on.", ha="center", va="center")
    figure.savefig(path)


def sentence(found: Found, steps: int) -> str:
    """Says what came out."""
    seeds, lived = len(found.lived), int(np.sum(found.lived))
    both = f"Both sides live on for {steps} steps in {lived} of {seeds} worlds"
    if lived < 2:
        return f"{both}: too few to say who follows whom."
    lag: Interval = mean_interval(found.best)
    return (
        f"{both}, and there the number of predators follows that of prey by {lag} steps: "
        f"the mean of {lived} seeds with its 95 % interval."
    )


def main(
    seed: int = 0,
    seeds: int = 8,
    steps: int = 2000,
    regrowth: float = 0.1,
    predators: Literal["wander", "hunt"] = "wander",
    results: Path = Path("results"),
) -> None:
    """Measures how predators follow prey.

    Args:
        seed: The one source of chance.
        seeds: How many worlds live.
        steps: How long they do.
        regrowth: Chance that a bare cell grows grass in a step.
        predators: Whether they go anywhere, or toward the nearest prey in sight.
        results: Where the folder with the picture goes.
    """
    least = BEGINNING + 4 * LONGEST_LAG
    if seeds < 2 or steps < least:
        raise InputError(
            f"An interval needs at least 2 seeds, and lags of up to {LONGEST_LAG} steps at least {least} steps; "
            f"got {seeds} and {steps}."
        )
    world = PredatorPrey(regrowth=regrowth)
    policies = {PREY: RandomPolicy(), PREDATOR: Rule(hunt) if predators == "hunt" else RandomPolicy()}
    path = results_folder("predator_prey", base=results) / "predator_prey.png"
    found = look_for_lags(seed, seeds, steps, world, policies)
    draw(found, path)
    print(f"{sentence(found, steps)}\nPicture: {path}")


if __name__ == "__main__":
    run_scenario(main)
