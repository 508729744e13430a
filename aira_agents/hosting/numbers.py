"""The numbers of agents by name, such as `meals` and `motion[0]`: what can be drawn, plotted and reported."""

import re
from typing import Any

import numpy as np

from aira_agents.errors import unknown_name
from aira_agents.hosting.columns import OWNED

LONGEST = 8  # columns of more numbers an agent are records, not quantities


def number_names(population: Any) -> list[str]:
    """Returns the names of all numbers that each agent of a population has, those of the framework left out."""
    names = []
    for name, column in vars(population).items():
        if name in OWNED or not hasattr(column, "ndim"):
            continue
        if column.ndim == 1:
            names.append(name)
        elif column.ndim == 2 and column.shape[1] <= LONGEST:
            names += [f"{name}[{index}]" for index in range(column.shape[1])]
    return names


def numbers(population: Any, name: str) -> np.ndarray:
    """Returns one number of every row, `[capacity]`, the dead included; raises `InputError` with the nearest name."""
    match = re.fullmatch(r"(\w+)(?:\[(\d+)\])?", name)
    if match is None or name not in number_names(population):
        raise unknown_name("column", name, number_names(population))
    values = np.asarray(vars(population)[match[1]])
    return values if match[2] is None else values[:, int(match[2])]
