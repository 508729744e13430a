"""Segregation: nobody wants to live apart, and yet all do.

Question for the class: if everybody is content with four alike of ten neighbours, how many alike will they have?
Claim: far more than anybody asked for; the town that comes about is what nobody chose.
Source: Schelling 1971, "Dynamic models of segregation".
To make it fail: with `--homophily 0.1` hardly anybody moves, and the town stays as mixed as chance made it; with 0.9
nobody is ever content, all move for ever, and the town stays mixed, too.
"""

from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
from matplotlib.figure import Figure

from aira_agents.cli.run import run_scenario
from aira_agents.errors import InputError
from aira_agents.loop import Transition, start_worlds, unroll
from aira_agents.policies import Rule
from aira_agents.results import results_folder
from aira_agents.statistics import mean_interval
from aira_agents.types import Array, Key
from environments.segregation import ROLE, Segregation, schelling


@eqx.filter_jit
def live(world: Segregation, key: Key, seeds: int, steps: int) -> tuple[Array, Any]:
    """Lets a town for each seed go on; returns its states, and its index after every step, `[seeds, steps]`."""
    policies = {ROLE: Rule(schelling)}
    now = start_worlds(world, policies, key, seeds)

    def look(step: Transition) -> tuple[Array, Any]:
        town: Any = step.before
        return world.index(town), town

    return jax.vmap(lambda one: unroll(world, policies, one, steps, look))(now)[1]


def main(
    seed: int = 0, seeds: int = 16, steps: int = 40, homophily: float = 0.4, results: Path = Path("results")
) -> None:
    """Measures how many alike neighbours people end up with who ask for few.

    Args:
        seed: The one source of chance.
        seeds: How many towns there are.
        steps: How long they go on.
        homophily: The share of neighbours that must be alike for somebody to be content.
        results: Where the folder with the picture goes.
    """
    if seeds < 2 or steps < 2:
        raise InputError(f"An interval needs at least 2 seeds and 2 steps; got {seeds} and {steps}.")
    world = Segregation(homophily=homophily, max_steps=steps + 1)
    index, states = jax.tree.map(np.asarray, live(world, jax.random.key(seed), seeds, steps))
    figure = Figure(figsize=(12, 4), dpi=120, layout="constrained")
    before, after, over_time = figure.subplots(1, 3)
    for axes, step in ((before, 0), (after, steps - 1)):
        agents = jax.tree.map(lambda leaf, step=step: leaf[0, step], states.agents[ROLE])
        alive = agents.alive
        axes.scatter(agents.x[alive], agents.y[alive], c=agents.kind[alive], marker="s", s=14, cmap="coolwarm")
        axes.set(xlabel="x (cells)", ylabel="y (cells)", aspect="equal", title=f"the first town at step {step}")
    over_time.plot(index.T, color="0.6", linewidth=0.8)
    over_time.axhline(homophily, linestyle=":", color="black")
    over_time.set(xlabel="step", ylabel="share of alike neighbours", ylim=(0, 1), title="dotted: what they ask for")
    path = results_folder("segregation", base=results) / "segregation.png"
    figure.savefig(path)
    print(
        f"People who ask for {homophily:.0%} alike neighbours begin with {index[:, 0].mean():.0%} and end with "
        f"{mean_interval(100 * index[:, -1])} %: the mean of {seeds} towns with its 95 % interval.\nPicture: {path}"
    )


if __name__ == "__main__":
    run_scenario(main)
