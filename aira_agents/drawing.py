"""What there is to draw in a world, as plain records: a world declares them, and whoever makes pictures reads them.

A column is named as in the population, and one of several numbers by its index, as in `motion[0]`. The units are the
world's own; y grows upward.
"""

import dataclasses
from collections.abc import Sequence
from typing import Literal

Shape = Literal["circle", "triangle", "square", "diamond", "cross", "needle"]
Palette = Literal["food", "grass", "land", "heat", "plain"]
Thing = Literal["ink", "water"]
SHAPES: tuple[Shape, ...] = ("circle", "triangle", "square", "diamond", "cross")


@dataclasses.dataclass(frozen=True)
class Ground:
    """An array of the state, `[height, width]`, as an image beneath all else."""

    array: str
    palette: Palette = "plain"
    low: float = 0.0
    high: float = 1.0
    levels: Sequence[str] = ()  # what values mean that lie evenly from low to high; none: it is a range


@dataclasses.dataclass(frozen=True)
class Marks:
    """The agents of one role, a mark each. Roles differ in shape, not in colour alone."""

    role: str
    x: str | float | None = (
        "x"  # a column or a number; `None`: arranged by their links, or in rows where there are none
    )
    y: str | float | None = "y"
    shape: Shape = "circle"
    size: float = 0.8  # diameter, or length of a needle
    heading: str | None = None  # a column in radians, clockwise from upward
    ring: str | None = None  # a parameter: `x` runs clockwise around a ring of so many units, from the top
    colour: str | None = None  # a column; `None`: one colour for the role
    low: float | None = None  # of the colour's scale; `None`: what was seen so far
    high: float | None = None


@dataclasses.dataclass(frozen=True)
class Places:
    """An array of the state, or of the world, `[n, 2]`: x and y of things that lie there and are no agents."""

    array: str
    shape: Shape = "cross"
    size: float = 0.1
    colour: Thing = "ink"


@dataclasses.dataclass(frozen=True)
class Links:
    """An array of the state, `[n, 2]`: pairs of rows of `role` that are linked; negative: no link."""

    array: str
    role: str
    layout: Literal["spring", "circular", "kamada_kawai"] = "spring"


@dataclasses.dataclass(frozen=True)
class Drawing:
    """All that is drawn of a world, from back to front."""

    grounds: Sequence[Ground] = ()
    places: Sequence[Places] = ()
    links: Links | None = None
    marks: Sequence[Marks] = ()
    # Left, bottom, right, top: numbers, or the names of parameters; `None`: the grid, or what fits.
    extent: tuple[float | str, float | str, float | str, float | str] | None = None
