"""What is to be seen of a world at one moment, as arrays: made from what the world declares, drawn by whoever can.

The canvas of the page and Matplotlib draw the same scene.
"""

import functools
import math
from typing import Any, NamedTuple

import networkx as nx
import numpy as np

from aira_agents.drawing import SHAPES, Drawing, Ground, Links, Marks, Places, Thing
from aira_agents.environment import Environment
from aira_agents.hosting.numbers import number_names, numbers
from aira_agents.populations import State


class Image(NamedTuple):
    """A ground: bytes of its palette, `[height, width]`, the lowest row first."""

    name: str
    palette: str
    levels: tuple[str, ...]  # what evenly spaced values mean; none: it is a range
    pixels: np.ndarray


class Layer(NamedTuple):
    """Marks of one kind, back to front; the arrays are `[marks]`."""

    role: str  # or the name of the array, for what is no agent
    shape: str
    slot: int | Thing  # which of the roles' colours, or the name of a thing's
    size: float  # in units of the world
    uid: np.ndarray  # int32; -1: no agent
    x: np.ndarray  # float32
    y: np.ndarray
    heading: np.ndarray | None  # float32 radians, clockwise from upward
    colour: np.ndarray | None  # bytes of the scale; `None`: the role's colour
    scale: np.ndarray | None  # bytes: 255 is `size`, 0 a third of it
    legend: tuple[str, float, float] | None  # what the colour means, and its range


class Scene(NamedTuple):
    """One moment."""

    extent: tuple[float, float, float, float]  # left, bottom, right, top
    images: tuple[Image, ...]
    links: np.ndarray  # [links, 4]: x and y of both ends
    layers: tuple[Layer, ...]


class Scales:
    """The ranges of columns as far as they were seen: colours then mean the same from step to step."""

    def __init__(self) -> None:
        self._ranges: dict[str, tuple[float, float]] = {}

    def bytes_of(
        self, name: str, values: np.ndarray, low: float | None = None, high: float | None = None
    ) -> tuple[np.ndarray, float, float]:
        """Returns `values` as bytes of their range, and the range."""
        finite = values[np.isfinite(values)]
        seen = self._ranges.get(name, (math.inf, -math.inf))
        if finite.size:
            seen = (min(seen[0], float(finite.min())), max(seen[1], float(finite.max())))
            self._ranges[name] = seen
        lowest = low if low is not None else (0.0 if math.isinf(seen[0]) else seen[0])
        highest = high if high is not None else (1.0 if math.isinf(seen[1]) else seen[1])
        share = (np.nan_to_num(values.astype(np.float32)) - lowest) / max(highest - lowest, 1e-9)
        return np.clip(share * 255, 0, 255).astype(np.uint8), lowest, highest


def scene_of(
    environment: Environment,
    state: State,
    *,
    colour: str | None = None,
    size: str | None = None,
    scales: Scales | None = None,
) -> Scene:
    """Returns what is to be seen.

    Args:
        environment: The world; `environment.draw` says what there is to draw.
        state: One state of it.
        colour: A column to colour agents by, where a role has it; `None`: as the world declares.
        size: A column to scale marks by, where a role has it.
        scales: The ranges so far; they grow.
    """
    drawing = environment.draw or found_drawing(environment, state)
    scales = Scales() if scales is None else scales
    images = tuple(_image(ground, state) for ground in drawing.grounds)
    positions = {marks.role: _arranged(drawing.links, marks.role, state) for marks in drawing.marks if marks.x is None}
    positions |= {marks.role: _on_ring(marks, environment, state) for marks in drawing.marks if marks.ring}
    layers = [_placed(place, environment, state) for place in drawing.places]
    slots = {role: slot for slot, role in enumerate(environment.populations)}
    for marks in drawing.marks:
        layers.append(_marked(marks, state, slots[marks.role], positions.get(marks.role), colour, size, scales))
    links = _links(drawing.links, state, positions)
    return Scene(_extent(environment, drawing, positions, layers), images, links, tuple(layers))


def found_drawing(environment: Environment, state: State) -> Drawing:
    """Returns a drawing for a world that declares none: its grids, and its agents in cells or in rows."""
    grounds = []
    if environment.grid:
        size = (environment.height, environment.width)  # type: ignore[attr-defined]
        grounds = [Ground(name) for name, array in vars(state).items() if getattr(array, "shape", None) == size]
    shapes = SHAPES * len(environment.populations)
    place: dict[str, Any] = {} if environment.grid else {"x": None, "y": None}
    return Drawing(
        grounds=grounds,
        marks=[Marks(role, shape=shape, **place) for role, shape in zip(environment.populations, shapes, strict=False)],
    )


def _image(ground: Ground, state: State) -> Image:
    values = np.asarray(getattr(state, ground.array), np.float32)
    share = (values - ground.low) / (ground.high - ground.low)
    pixels = np.clip(share * 255, 0, 255).astype(np.uint8)
    return Image(ground.array, ground.palette, tuple(ground.levels), pixels)


def _marked(
    marks: Marks,
    state: State,
    slot: int,
    arranged: np.ndarray | None,
    colour: str | None,
    size: str | None,
    scales: Scales,
) -> Layer:
    agents = state.agents[marks.role]
    rows = np.flatnonzero(np.asarray(agents.alive))
    known = number_names(agents)

    def values(name: str | float) -> np.ndarray:
        return np.full(len(rows), name) if not isinstance(name, str) else numbers(agents, name)[rows]

    if arranged is not None:
        x, y = arranged[rows].T
    else:
        x, y = values(marks.x or 0.0), values(marks.y or 0.0)
    heading = None if marks.heading is None else values(marks.heading)
    if marks.ring:
        heading = np.arctan2(x, y) + np.pi / 2  # along it
    by = colour if colour in known else marks.colour
    shades, legend = None, None
    if by is not None and marks.shape != "needle":
        ends = (marks.low, marks.high) if by == marks.colour else (None, None)
        shades, low, high = scales.bytes_of(by, values(by), *ends)
        legend = (by, low, high)
    return Layer(
        marks.role,
        marks.shape,
        slot,
        marks.size,
        np.asarray(agents.uid)[rows].astype(np.int32),
        np.asarray(x, np.float32),
        np.asarray(y, np.float32),
        None if heading is None else heading.astype(np.float32),
        shades,
        scales.bytes_of(size, values(size))[0] if size in known and marks.shape != "needle" else None,
        legend,
    )


def _placed(places: Places, environment: Environment, state: State) -> Layer:
    owner = state if hasattr(state, places.array) else environment
    points = np.asarray(getattr(owner, places.array), np.float32)
    x, y = points.T
    nobody = np.full(len(points), -1, np.int32)
    return Layer(places.array, places.shape, places.colour, places.size, nobody, x, y, None, None, None, None)


def _radius(marks: Marks, environment: Environment) -> float:
    return getattr(environment, marks.ring or "") / math.tau


def _on_ring(marks: Marks, environment: Environment, state: State) -> np.ndarray:
    """Returns a place for every row of a role that is on a ring: `[capacity, 2]`."""
    radius = _radius(marks, environment)
    angle = numbers(state.agents[marks.role], str(marks.x)) / radius
    return radius * np.stack([np.sin(angle), np.cos(angle)], axis=1)


def _arranged(links: Links | None, role: str, state: State) -> np.ndarray:
    """Returns a place for every row of a role that has none: `[capacity, 2]`."""
    capacity = state.agents[role].capacity
    if links is not None and links.role == role:
        pairs = np.asarray(getattr(state, links.array), np.int32)
        return _network_layout(links.layout, capacity, pairs.shape[0], pairs.tobytes())
    side = math.ceil(math.sqrt(capacity))
    rows = np.arange(capacity)
    return np.stack([rows % side, (capacity - 1) // side - rows // side], axis=1).astype(np.float32)


@functools.lru_cache(maxsize=8)  # a spring layout takes its time, and networks seldom change
def _network_layout(layout: str, capacity: int, n_links: int, pairs: bytes) -> np.ndarray:
    graph = nx.empty_graph(capacity)
    ends = np.frombuffer(pairs, np.int32).reshape(n_links, 2)
    graph.add_edges_from(ends[np.all(ends >= 0, axis=1)].tolist())
    known = {"circular": nx.circular_layout, "kamada_kawai": nx.kamada_kawai_layout}
    placed = known[layout](graph) if layout in known else nx.spring_layout(graph, seed=0)
    return np.array([placed[row] for row in range(capacity)], np.float32)


def _links(links: Links | None, state: State, positions: dict[str, np.ndarray]) -> np.ndarray:
    if links is None or links.role not in positions:
        return np.zeros((0, 4), np.float32)
    pairs = np.asarray(getattr(state, links.array))
    alive = np.asarray(state.agents[links.role].alive)
    pairs = pairs[np.all(pairs >= 0, axis=1)]
    pairs = pairs[alive[pairs].all(axis=1)]
    return positions[links.role][pairs].reshape(-1, 4).astype(np.float32)


def _extent(
    environment: Environment, drawing: Drawing, positions: dict[str, np.ndarray], layers: list[Layer]
) -> tuple[float, float, float, float]:
    if drawing.extent is not None:
        left, bottom, right, top = (getattr(environment, e) if isinstance(e, str) else e for e in drawing.extent)
        return (left, bottom, right, top)
    if environment.grid:
        return (-0.5, -0.5, environment.width - 0.5, environment.height - 0.5)  # type: ignore[attr-defined]
    rings = [_radius(marks, environment) + marks.size for marks in drawing.marks if marks.ring]
    if rings:
        return (-max(rings), -max(rings), max(rings), max(rings))
    points = [*positions.values(), *(np.stack([layer.x, layer.y], axis=1) for layer in layers)]
    together = np.concatenate([p for p in points if len(p)] or [np.zeros((1, 2))])
    margin = 0.6 * max((layer.size for layer in layers), default=1.0) if drawing.links is None else 0.15
    (left, bottom), (right, top) = together.min(axis=0) - margin, together.max(axis=0) + margin
    return (float(left), float(bottom), float(right), float(top))
