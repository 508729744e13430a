"""Thermostat: feedback keeps a room warm, and the same feedback, come too late, rocks it.

Question for the class: a heater gives more when its room is too cold. Its thermometer is now read later and later. What
happens to the room, and is there a moment at which it happens?
Claim: up to a certain delay the room rests near its target; beyond it, it swings. It is the delay at which
gain x delay reaches pi/2, whatever the weather.
Source: the talk "Demystifying AI" (Living Lab AiRA, 2022), cybernetics; the bound is that of Hayes 1950, "Roots of the
transcendental equation associated with a certain difference-differential equation", for a room that loses no heat.
To make it fail: in a room that leaks (`--loss 0.5`) the heater runs at full power day and night; where nothing is fed
back any more, no delay matters, and the room follows the weather.
"""

import math
from pathlib import Path
from typing import Any, NamedTuple, cast

import equinox as eqx
import jax
import numpy as np
from matplotlib.figure import Figure

from aira_agents.cli.run import run_scenario
from aira_agents.data.weather import read_weather
from aira_agents.errors import InputError
from aira_agents.loop import Now, one_step, start
from aira_agents.parameters import sweep
from aira_agents.policies import Rule
from aira_agents.results import results_folder
from aira_agents.statistics import mean_interval
from aira_agents.types import Array, Key
from environments.thermostat import ROLE, HouseState, Thermostat, proportional
from viz.series import draw_series, draw_threshold

DELAYS = np.arange(16)  # steps
HOURS_SHOWN = 72
# On the page: try `delay_steps` below and above 7.
PAGE = {"policy": lambda world: {ROLE: Rule(proportional(0.3))}}


class Found(NamedTuple):
    """What came out; delays are in steps."""

    temperatures_c: np.ndarray  # [delays, seeds, steps]
    outdoors_c: np.ndarray  # [steps], of the first seed
    swing_c: np.ndarray  # [delays, seeds], deviation in the second half
    step_min: float
    threshold: float  # of theory


@eqx.filter_jit
def live(worlds: Thermostat, axes: Any, gain: float, keys: Array, steps: int) -> tuple[Array, Array]:
    """Lets a room of every delay and seed live; returns temperatures in and outdoors, `[delays, seeds, steps]`."""
    policies = {ROLE: Rule(proportional(gain))}

    def one(world: Thermostat, key: Key) -> tuple[Array, Array]:
        def body(now: Now, _: None) -> tuple[Now, tuple[Array, Array]]:
            now = one_step(world, policies, now)[0]
            return now, (now.state.agents[ROLE].temperature_c[0], world.scene(cast(HouseState, now.state)))

        return jax.lax.scan(body, start(world, policies, key), None, steps)[1]

    of_all_seeds = jax.vmap(one, in_axes=(None, 0))
    return jax.vmap(of_all_seeds, in_axes=(axes, None))(worlds, keys)


def measure(seed: int, seeds: int, steps: int, gain: float, world: Thermostat) -> Found:
    """Runs rooms with all delays, the same seeds for each, and measures how they swing once they have settled."""
    worlds, axes = sweep(world, delay_steps=DELAYS.tolist())
    inside, outside = live(worlds, axes, gain, jax.random.split(jax.random.key(seed), seeds), steps)
    temperatures = np.asarray(inside)
    # A controller that acts once a step is half a step late already.
    warming_per_step = gain * float(world.power_kw) / float(world.capacity_kwh_per_k) * float(world.step_min) / 60
    threshold = math.pi / 2 / warming_per_step - 0.5
    swing = np.std(temperatures[:, :, steps // 2 :], axis=-1)
    return Found(temperatures, np.asarray(outside)[0, 0], swing, float(world.step_min), threshold)


def draw(found: Found, path: Path) -> None:
    """Draws three rooms and the weather over time, and the swing over the delay."""
    figure = Figure(figsize=(11, 7), dpi=120, layout="constrained")
    axes = figure.subplot_mosaic([["indoors", "swing"], ["outdoors", "swing"]], height_ratios=[2, 1])
    shown = slice(0, int(HOURS_SHOWN * 60 / found.step_min))
    last = int(found.threshold)
    chosen = {f"{delay * found.step_min:g} min late": delay for delay in (0, last, min(last + 4, len(DELAYS) - 1))}
    rooms = {name: found.temperatures_c[delay, 0, shown] for name, delay in chosen.items()}
    hours = np.arange(1, len(found.outdoors_c[shown]) + 1) * found.step_min / 60
    draw_series(axes["indoors"], hours, rooms, "room (C)")
    draw_series(axes["outdoors"], hours, {"outdoors": found.outdoors_c[shown]}, "outdoors (C)")
    minutes = DELAYS * found.step_min
    labels = ("delay (min)", "swing of the room: standard deviation (K)")
    draw_threshold(axes["swing"], minutes, found.swing_c, found.threshold * found.step_min, labels)
    figure.savefig(path)


def main(
    seed: int = 0,
    seeds: int = 8,
    gain: float = 0.3,
    loss: float = 0.05,
    weather: Path | None = None,
    results: Path = Path("results"),
) -> None:
    """Measures how a room swings when its thermometer is late.

    Args:
        seed: The one source of chance.
        seeds: How many rooms there are for each delay; each begins at another hour of the season.
        gain: Share of full power for each degree that the room is too cold.
        loss: What a room loses for each degree that it is warmer than outdoors, in kW/K.
        weather: A CSV file with the columns `time`, one row an hour, and `temperature_c`; by default Seattle, 2010.
        results: Where the folder with the picture goes.
    """
    if seeds < 2:
        raise InputError(f"An interval needs at least 2 seeds; got {seeds}.")
    outdoors = None if weather is None else read_weather(weather)
    world = Thermostat(n_rooms=1, loss_kw_per_k=loss, outdoors_c=outdoors)
    threshold = math.pi / 2 / (gain * 2 / 3) if gain > 0 else math.inf
    if not 2 <= threshold < len(DELAYS) - 1:
        raise InputError(
            f"With delays of up to {DELAYS[-1]} steps, `gain` must be in 0.16..1.0 to see both; got {gain}."
        )
    path = results_folder("thermostat", base=results) / "thermostat.png"
    found = measure(seed, seeds, 1008, gain, world)
    draw(found, path)
    print(f"{sentence(found)}\nPicture: {path}")


def sentence(found: Found) -> str:
    """Says what came out, on both sides of what theory says."""
    rest, rock = int(found.threshold), int(found.threshold) + 2
    calm, wild = (mean_interval(found.swing_c[delay]) for delay in (rest, rock))
    return (
        f"A thermometer {rest * found.step_min:g} min late keeps the room within {calm} K, one "
        f"{rock * found.step_min:g} min late lets it swing by {wild} K (standard deviations; means of "
        f"{found.swing_c.shape[1]} seeds with 95 % intervals). "
        f"Theory: from {found.threshold * found.step_min:.0f} min on."
    )


if __name__ == "__main__":
    run_scenario(main)
