"""A tiny assignment on which submissions are judged in a fraction of a second."""

import contextlib
import dataclasses
import os
import shutil

import pytest

from aira_agents.assignments.grading import Court
from aira_agents.assignments.levels import chosen_level, known_levels
from aira_agents.assignments.spec import Assignment, Limits, Test

UP = "def act(observation, rng):\n    return int(rng.integers(0, 5))\n"
GREEDY = """
def act(observation, rng):
    food, agents = observation["vision"]
    straight, across = {(2, 1): 1, (0, 1): 2, (1, 0): 3, (1, 2): 4}, {(2, 2): 1, (0, 0): 2, (2, 0): 3, (0, 2): 4}
    for (y, x), move in [*straight.items(), *across.items()]:
        if food[y, x] and not agents[y, x]:
            return move
    return int(rng.integers(1, 5))
"""
TOML = """
title = "T"
world = "foraging"
measure = "meals"
advice = "greedy"
[parameters]
n_agents = 2
width = 6
height = 6
food_at_start = 0.3
max_steps = 12
[seeds]
public = [1, 2]
hidden = [3, 4, 6]
[[tests]]
name = "acts"
points = 2
seeds = "public"
[[tests]]
name = "better"
points = 4
floor = "random"
goal = "greedy"
steps = 2
"""

PARAMETERS = {"n_agents": 2, "width": 6, "height": 6, "food_at_start": 0.3, "max_steps": 12}
LIMITS = Limits(start_s=4.0, step_s=1.0, total_s=5.0, memory_mb=700, output_kb=64, files_mb=2, written_mb=4)
PATIENT = dataclasses.replace(LIMITS, start_s=60.0, step_s=20.0, total_s=60.0)
TESTS = (
    Test("acts", 2, "public"),
    Test("better", 4, "hidden", "random", "greedy", 2, "Look at the food."),
)


def assignment(folder, **changes):
    """Returns the assignment, with other fields where `changes` says so."""
    fields = {
        "title": "A tiny forager",
        "world": "foraging",
        "measure": "meals",
        "parameters": PARAMETERS,
        "seeds": {"public": (1, 2), "hidden": (3, 4, 6)},
        "limits": LIMITS,
        "tests": TESTS,
    }
    return Assignment(folder=folder, **(fields | changes))


def court(folder, level=None, **changes):
    """Returns it made ready; at the best level of this machine."""
    return Court(assignment(folder, **changes), chosen_level(level, "process"))


def need_level(level):
    """Skips where this machine cannot shut a submission in so far; on CI what lacks only a package is a failure."""
    known = known_levels()[level]
    if known.available:
        return
    reason = f"the level {level} {known.told}"
    if os.environ.get("CI") and level == "container" and shutil.which("bwrap") is None:
        pytest.fail(f"{reason}: apt-get install bubblewrap")
    pytest.skip(reason)


def written(folder, source, name="policy.py"):
    """Writes a submission."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(parents=True)
    (folder / name).write_text(source, "utf-8")
    return folder
