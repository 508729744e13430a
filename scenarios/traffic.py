"""Traffic: above some density cars jam out of nothing, and the more there are, the fewer get through.

Question for the class: no accident, no lights, all drivers alike: where do jams come from, and do more cars on a road
always mean that more cars arrive?
Claim: flow rises with density, peaks, and falls; with drivers who dawdle it peaks earlier and far lower.
Source: Nagel and Schreckenberg 1992, "A cellular automaton model for freeway traffic", section 3, figure 4. Without
dawdling the flow is exactly min(limit * density, 1 - density).
To make it fail: with `--dawdle 0` there are no jams out of nothing, and the two curves are one.
"""

from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from aira_agents.cli.run import run_scenario
from aira_agents.errors import InputError
from aira_agents.loop import start, unroll
from aira_agents.parameters import sweep
from aira_agents.policies import Rule
from aira_agents.results import results_folder
from aira_agents.statistics import mean_interval
from aira_agents.types import Array, Float, Key
from environments.traffic import ROLE, Traffic, nagel_schreckenberg

BEGINNING = 300  # steps until the flow has settled


@eqx.filter_jit
def drive(world: Traffic, axes: Traffic, key: Key, seeds: int, steps: int) -> Float[Array, "densities seeds"]:
    """Returns the mean flow of the last `steps`, `[densities, seeds]`, all as one program."""
    policies = {ROLE: Rule(nagel_schreckenberg)}

    def flow(world: Traffic, key: Key) -> Array:
        now = start(world, policies, key)
        _, speeds = unroll(world, policies, now, BEGINNING + steps, lambda step: step.feedback[ROLE].reward)
        return jnp.sum(speeds[BEGINNING:]) / (steps * world.length)

    return jax.vmap(jax.vmap(flow, in_axes=(None, 0)), in_axes=(axes, None))(world, jax.random.split(key, seeds))


def main(seed: int = 0, seeds: int = 8, steps: int = 300, dawdle: float = 0.3, results: Path = Path("results")) -> None:
    """Measures the flow of cars over their density.

    Args:
        seed: The one source of chance.
        seeds: How many roads there are of each density.
        steps: Over how many steps the flow is measured.
        dawdle: Chance that a driver is slower than possible.
        results: Where the folder with the picture goes.
    """
    if seeds < 2 or steps < 1:
        raise InputError(f"An interval needs at least 2 seeds and 1 step; got {seeds} and {steps}.")
    densities = np.linspace(0.02, 0.9, 45).round(2)
    world, axes = sweep(Traffic(dawdle=dawdle, max_steps=10**6), density=densities.tolist())
    flows = np.asarray(drive(world, axes, jax.random.key(seed), seeds, steps))
    peak = densities[np.argmax(flows, axis=0)]
    figure = Figure(figsize=(7, 4.5), dpi=120, layout="constrained")
    chart = figure.subplots()
    chart.plot(densities, flows, ".", color="0.4", markersize=3)
    chart.plot(densities, np.minimum(5 * densities, 1 - densities), ":", color="black")
    chart.set(xlabel="cars a cell", ylabel="cars that pass a step", title="dots: one road each; dotted: nobody dawdles")
    path = results_folder("traffic", base=results) / "traffic.png"
    figure.savefig(path)
    print(
        f"Flow peaks at {mean_interval(peak)} cars a cell with {mean_interval(flows.max(axis=0))} cars a step; where "
        f"nobody dawdles at 0.167 with 0.833: means of {seeds} seeds with their 95 % intervals.\nPicture: {path}"
    )


if __name__ == "__main__":
    run_scenario(main)
