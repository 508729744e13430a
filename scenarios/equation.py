"""AI = ML + TD + HITL: what is each term worth, and when does one do harm?

Question for the class: four villagers can learn from reward (ML), from 400 demonstrated steps (TD), from a person who
takes over when somebody is stuck or near the marsh (HITL), or from any sum of these. Which term would you give up?
Claim: none. All eight sums are run over the same seeds, and what each term is worth comes out as its Shapley value; so
does what the whole sum earns more, or less, than every other one. Demonstrations come from the west only.
Source: the talk "Demystifying AI" (Living Lab AiRA, 2022), the equation; Shapley 1953, "A value for n-person games".
To make it fail: `--demonstrations both` is no longer skewed; `--person-budget 0` sends the person home; `--steps 96000`
gives reinforcement so much that the others may not matter. Where all share one home (`--world shared`) and food is rich
in the east, demonstrations from the west show the wrong way.
"""

import dataclasses
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from aira_agents.cli.console import waiting
from aira_agents.cli.run import run_scenario
from aira_agents.data.dataset import Dataset, merge
from aira_agents.data.recording import record
from aira_agents.equation import AI, HITL, ML, TD, Ablation, Cell, ablate, tamer_rl_row
from aira_agents.equation.worth import Difference, differences, shapley
from aira_agents.errors import InputError
from aira_agents.human.overseer import Overseer, fallible
from aira_agents.human.takeover import Takeover
from aira_agents.interfaces import interfaces_of
from aira_agents.learning.ppo import PPO
from aira_agents.policies import Rule
from aira_agents.populations import State
from aira_agents.results import results_folder, write_json
from aira_agents.statistics import Interval, mean_interval
from aira_agents.types import Array
from environments.villages import EAST, ROLE, WEST, Villages, expert, in_danger, is_well, place
from viz.equation import draw_cells, draw_worth

# Calibrated on chance, the expert, an expert who is wrong one time in ten, and ML alone; never on the ablation.
WORLDS = {"villages": Villages(), "shared": Villages(shared_home=True, food_west=0.05, food_east=0.6, marsh=0.05)}
LEARNER = PPO(learning_rate=2e-3, discount=0.97, entropy_weight=0.03, n_worlds=16, n_steps=100)
MISTAKES = 0.1
BUDGETS = {0.5: "half", 1.0: "as given", 3.0: "three times"}
# On the page: who knows the way acts first; let a network act there, and teach it by reward or by hand.
PAGE = {"world": "villages", "policy": lambda world: {ROLE: Rule(expert())}}

Sides = Literal["west", "both", "none"]


class Found(NamedTuple):
    """What came out in one world, by share of the steps."""

    ablation: Ablation
    worth: dict[float, dict[str, Interval]]  # Shapley value of each term
    more: dict[float, list[Difference]]  # what all terms earn more than each other cell
    beside: dict[float, Cell] | None = None  # TAMER+RL, if asked for: no term of the equation


def demonstrations(world: Villages, sides: Sides, seed: int) -> Dataset:
    """Records 400 decisions of somebody who knows the way and is wrong one time in ten; with `none`, none counts."""
    episodes = []
    # From the bridge a demonstrator goes where they like; in two villages each stays on their own side.
    plan = {"west": [(WEST, (0, 1)), (WEST, (0, 1))], "both": [(WEST, (0, 1)), (EAST, (2, 3))], "none": [(WEST, ())]}
    for number, (prefers, shown) in enumerate(plan[sides]):
        rule = Rule(fallible(expert(prefers), MISTAKES, 5))
        (episode,) = record(world, {ROLE: rule}, 2 * seed + number, 1).episodes
        track = episode.tracks[ROLE]
        counts = np.isin(np.arange(4), shown)[None] * track.weight
        tracks = {ROLE: dataclasses.replace(track, weight=counts.astype(np.float32))}
        episodes.append(Dataset(interfaces_of(world), (dataclasses.replace(episode, tracks=tracks),)))
    return merge(episodes)


def equation(world: Villages, shown: list[Dataset], person_budget: int, steps: int) -> AI:
    """Adds the terms up."""
    teacher = Overseer(expert=expert(), danger=in_danger, place=place, well=is_well, mistakes=MISTAKES)
    learning = ML(LEARNER, steps=steps)
    # The keys are spread over as many lessons as there are updates.
    channel = Takeover(budget=person_budget, per_lesson=max(1, -(-person_budget // learning.n_updates)))
    return learning + TD(shown) + HITL(teacher, channel=channel)


def sides(state: State) -> dict[str, Array]:
    """Whose food was brought home: that of the west, or of the east."""
    source = state.agents[ROLE].source
    return {"west": source == WEST, "east": source == EAST}


def run(
    world: Villages,
    seed: int,
    seeds: int,
    shown: Sides,
    person_budget: int,
    steps: int,
    what: str,
    beside: bool = False,
) -> Found:
    """Runs all eight sums, and works out what each term is worth."""
    # Each seed learns from demonstrations of its own.
    data = [demonstrations(world, shown, 1000 * seed + index) for index in range(seeds)]
    ai = equation(world, data, person_budget, steps)
    found = ablate(
        ai,
        world,
        seeds,
        seed=seed,
        budgets=[*BUDGETS],
        parts=sides,
        progress=lambda blocks: waiting(blocks, f"{what}: seeds, some at a time"),
    )
    worth = {
        share: {term: mean_interval(own) for term, own in shapley(found.scores(share)).items()} for share in BUDGETS
    }
    more = {share: differences(found.scores(share)) for share in BUDGETS}
    rows = tamer_rl_row(ai, world, seeds, seed=seed, budgets=[*BUDGETS], parts=sides) if beside else None
    return Found(found, worth, more, rows)


def row(cell: Cell) -> str:
    """Returns a line of the table: returns with the person gone, by side, the worst seed; present; and the costs."""
    own, cost = cell.gone, cell.cost
    present = f"{mean_interval(cell.present['return'])!s:>20}" if cell.present else " " * 20
    return (
        f"{cell.name:<11} {mean_interval(own['return'])!s:>22} {own['west'].mean():5.2f} {own['east'].mean():5.2f} "
        f"{own['return'].min():6.2f} {present} {cost.environment_steps:8,.0f} {cost.samples:8,.0f} "
        f"{cost.signals:8,.0f} {cost.person_s:8,.0f} {cost.energy_kwh:9.1e}"
    )


HEADER = (
    f"{'cell':<11} {'return':>22} {'west':>5} {'east':>5} {'worst':>6} {'person present':>20} "
    f"{'steps':>8} {'samples':>8} {'signals':>8} {'person s':>8} {'kWh (est.)':>10}"
)


def report(name: str, found: Found, shares: list[float]) -> str:
    """Says what came out, whatever it is."""
    lines = [f"World `{name}`. The expert, always attentive: {mean_interval(found.ablation.ceiling)}."]
    for share in shares:
        lines += [
            f"\nSteps of reinforcement: {BUDGETS[share]}. The person is gone but in the column that says so.",
            HEADER,
        ]
        lines += [row(cell) for cell in cells_of(found, share).values()]
        lines.append("Worth (Shapley): " + ", ".join(f"{term} {own}" for term, own in found.worth[share].items()))
        lines.append("All minus ...: " + "; ".join(map(told, found.more[share])))
    return "\n".join(lines)


def told(difference: Difference) -> str:
    """Says what all terms earn more than one cell, and how sure that is."""
    return (
        f"{difference.cell} {difference.difference} (p = {difference.p:.2g}{'' if difference.clear else ', not clear'})"
    )


def sentence(name: str, found: Found) -> str:
    """Says the result in one sentence, the budgets at which it turns out otherwise included."""
    values = ", ".join(f"{term} {own}" for term, own in found.worth[1.0].items())
    counts = []
    for share, words in BUDGETS.items():
        clear = [own.difference.estimate for own in found.more[share] if own.clear]
        better, worse = sum(value > 0 for value in clear), sum(value < 0 for value in clear)
        counts.append(f"{better} and {worse} with steps {words}")
    return (
        f"In `{name}` the terms are worth {values} food in a life; of the 7 other sums, all three together are clearly "
        f"better than, and clearly worse than (Holm, 5 %): {', '.join(counts)}."
    )


def draw(found: Found, path: Path) -> None:
    """Draws the eight cells at each budget, and what the terms are worth."""
    figure = Figure(figsize=(13, 9), dpi=120, layout="constrained")
    panels = figure.subplots(2, 2).flat
    ceiling = float(found.ablation.ceiling.mean())
    for ax, share in zip(panels, BUDGETS, strict=False):
        cells = found.ablation.cells[share]
        shown = {name: cell.present if name == "HITL" and cell.present else cell.gone for name, cell in cells.items()}
        parts = {name: {side: float(own[side].mean()) for side in ("west", "east")} for name, own in shown.items()}
        draw_cells(ax, found.ablation.scores(share), parts, ceiling, f"steps of reinforcement: {BUDGETS[share]}")
    draw_worth(figure.axes[-1], {BUDGETS[share]: own for share, own in found.worth.items()})
    figure.savefig(path)


def cells_of(found: Found, share: float) -> dict[str, Cell]:
    """Returns all rows of the table by name."""
    beside = [found.beside[share]] if found.beside else []
    return found.ablation.cells[share] | {cell.name: cell for cell in beside}


def as_json(found: Found) -> dict[str, object]:
    """Returns all figures, seed by seed."""
    return {
        "ceiling": found.ablation.ceiling,
        "budgets": {
            BUDGETS[share]: {
                "cells": {
                    name: {"gone": cell.gone, "present": cell.present, "cost": cell.cost._asdict()}
                    for name, cell in cells_of(found, share).items()
                },
                "shapley": {term: own._asdict() for term, own in found.worth[share].items()},
                "all_minus": {
                    own.cell: own.difference._asdict() | {"p_holm": own.p, "clear": own.clear}
                    for own in found.more[share]
                },
            }
            for share in BUDGETS
        },
        "estimated": ["energy_kwh"],
        "declared": ["person_s"],
    }


def main(
    seed: int = 0,
    seeds: int = 16,
    world: Literal["villages", "shared", "all"] = "all",
    demonstrations: Sides = "west",
    person_budget: int = 320,
    steps: int = 32_000,
    tamer_rl: bool = False,
    results: Path = Path("results"),
) -> None:
    """Takes away one term after the other, and says what each is worth.

    Args:
        seed: The one source of chance.
        seeds: How often everything is done; all eight sums of a seed begin alike.
        world: Two villages, one home shared by all, or both.
        demonstrations: From which side of the river.
        person_budget: Keystrokes of the person who watches, at most.
        steps: Environment steps of reinforcement; half and three times as many are tried, too.
        tamer_rl: Adds a row beside the eight sums: a person whose signals add to the reward, instead of taking over.
        results: Where the folder with pictures, table and figures goes.
    """
    if seeds < 2 or person_budget < 0 or steps < 2 * LEARNER.n_worlds * LEARNER.n_steps:
        raise InputError(
            f"An ablation needs 2 seeds, at least 0 keystrokes and {2 * LEARNER.n_worlds * LEARNER.n_steps} steps; "
            f"got {seeds}, {person_budget} and {steps}."
        )
    folder = results_folder("equation", base=results)
    chosen = WORLDS if world == "all" else {world: WORLDS[world]}
    for name, own in chosen.items():
        found = run(own, seed, seeds, demonstrations, person_budget, steps, name, tamer_rl)
        draw(found, folder / f"{name}.png")
        write_json(folder / f"{name}.json", as_json(found))
        print(report(name, found, [*BUDGETS]) + f"\n\n{sentence(name, found)}\nPicture: {folder / name}.png\n")


if __name__ == "__main__":
    run_scenario(main)
