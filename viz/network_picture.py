"""A network while it decides, as a drawing in SVG: units in layers, by networkx, coloured by what they say now."""

import functools
from html import escape

import networkx as nx
import numpy as np

from viz.anatomy import Anatomy

MOST, MOST_INPUTS = 14, 20  # units of a layer that are drawn
MOST_EDGES = 160
WIDTH, HEIGHT = 480.0, 370.0
LEFT, RIGHT, MARGIN_Y = 136.0, 56.0, 14.0
POSITIVE, NEGATIVE = "#0072B2", "#D55E00"  # as the bars of the inspector


def network_svg(inside: Anatomy, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> str:
    """Returns the drawing.

    Args:
        inside: Activations and weights.
        inputs: A name for every input.
        outputs: A name for every output.
    """
    shown = [_strongest(inside, level) for level in range(len(inside.layers))]
    places = _places(tuple(map(len, shown)))
    parts = [_edges(inside, shown, places)]
    for level, (units, values) in enumerate(zip(shown, inside.layers, strict=True)):
        largest = max(float(np.max(np.abs(values))), 1e-6)
        for index, unit in enumerate(units):
            x, y = places[level, index]
            value = float(values[unit])
            colour = POSITIVE if value >= 0 else NEGATIVE
            radius = 3.5 + 5.5 * abs(value) / largest
            parts.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{colour}" '
                f'fill-opacity="{0.25 + 0.75 * abs(value) / largest:.2f}" stroke="{colour}"><title>'
                f"{escape(_label(level, unit, inputs, outputs, len(shown)))}: {value:.3g}</title></circle>"
            )
            name = _label(level, unit, inputs, outputs, len(shown)) if level in (0, len(shown) - 1) else ""
            if name:
                side, anchor = (-12, "end") if level == 0 else (12, "start")
                parts.append(f'<text x="{x + side:.1f}" y="{y + 4:.1f}" text-anchor="{anchor}">{escape(name)}</text>')
        x = places[level, 0][0]
        told = f"{len(values)} units" if len(units) == len(values) else f"{len(units)} of {len(values)}"
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 4}" text-anchor="middle" class="aside">{told}</text>')
    return (
        f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" class="aira-network" role="img" '
        f'aria-label="The network of the agent: {len(shown)} layers">{"".join(parts)}</svg>'
    )


def _label(level: int, unit: int, inputs: tuple[str, ...], outputs: tuple[str, ...], n_levels: int) -> str:
    if level == 0:
        return inputs[unit] if unit < len(inputs) else f"input {unit}"
    if level == n_levels - 1:
        return outputs[unit] if unit < len(outputs) else f"output {unit}"
    return f"unit {unit + 1}"


def _strongest(inside: Anatomy, level: int) -> list[int]:
    """Returns the units of a layer with the largest weights: the same from step to step."""
    size = len(inside.layers[level])
    most = MOST if level else MOST_INPUTS
    if size <= most:
        return list(range(size))
    weight = np.zeros(size)
    before = inside.weights[level - 1] if level else None
    after = inside.weights[level] if level < len(inside.weights) else None
    for weights, axis in ((before, 1), (after, 0)):
        if weights is not None:
            weight += np.linalg.norm(np.asarray(weights), axis=axis)
    return sorted(np.argsort(-weight, kind="stable")[:most].tolist())


@functools.lru_cache(maxsize=32)
def _places(sizes: tuple[int, ...]) -> dict[tuple[int, int], tuple[float, float]]:
    graph = nx.Graph()
    for level, size in enumerate(sizes):
        graph.add_nodes_from(((level, index) for index in range(size)), level=level)
    found = nx.multipartite_layout(graph, subset_key="level")
    points = np.array([found[node] for node in graph.nodes])
    for level in range(len(sizes)):  # networkx orders a layer as a set: here the first unit is on top
        own = [position for position, node in enumerate(graph.nodes) if node[0] == level]
        points[own, 1] = np.sort(points[own, 1])[::-1]
    low, span = points.min(axis=0), np.maximum(np.ptp(points, axis=0), 1e-9)
    return {
        node: (
            float(LEFT + (x - low[0]) / span[0] * (WIDTH - LEFT - RIGHT)),
            float(MARGIN_Y + (1 - (y - low[1]) / span[1]) * (HEIGHT - 2 * MARGIN_Y - 14)),
        )
        for node, (x, y) in zip(graph.nodes, points, strict=True)
    }


def _edges(inside: Anatomy, shown: list[list[int]], places: dict[tuple[int, int], tuple[float, float]]) -> str:
    """Draws the weights that are largest or carry most now; the latter in full colour."""
    lines = []
    for level, weights in enumerate(inside.weights):
        if weights is None:
            continue
        block = weights[np.ix_(shown[level + 1], shown[level])]
        carried = np.abs(block * inside.layers[level][shown[level]])
        most, strongest = max(float(np.abs(block).max()), 1e-9), max(float(carried.max()), 1e-9)
        telling = np.abs(block) / most + 2 * carried / strongest
        for flat in np.argsort(-telling.reshape(-1), kind="stable")[: MOST_EDGES // len(inside.weights)]:
            to, source = divmod(int(flat), block.shape[1])
            (x0, y0), (x1, y1) = places[level, source], places[level + 1, to]
            value = float(block[to, source])
            lines.append(
                f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" '
                f'stroke="{POSITIVE if value >= 0 else NEGATIVE}" stroke-width="{0.4 + 2 * abs(value) / most:.2f}" '
                f'stroke-opacity="{0.08 + 0.8 * carried[to, source] / strongest:.2f}"/>'
            )
    return "".join(lines)
