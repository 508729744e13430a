"""Series and histograms as pictures in memory, readable on a pale and on a dark page."""

import io
from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from viz.palette import ROLES

POINTS = 2000  # of a series; more than a screen has
BINS = 30


def series_png(
    x: np.ndarray, curves: Mapping[str, np.ndarray], labels: tuple[str, str], *, dark: bool = False
) -> bytes:
    """Draws curves over `x` (`[n]` each; not-a-number is left out); `labels` are those of the axes."""
    figure, ax = _figure(dark, labels)
    for (name, values), colour in zip(curves.items(), ROLES["dark" if dark else "light"] * 3, strict=False):
        known = np.isfinite(values)
        every = max(1, int(known.sum()) // POINTS)
        ax.plot(x[known][::every], values[known][::every], color=colour, linewidth=1.6, label=name)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))  # steps are whole
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    if len(curves) > 1:
        ax.legend(frameon=False, labelcolor=_ink(dark), fontsize=9)
    return _png(figure)


def histogram_png(values: np.ndarray, label: str, *, dark: bool = False) -> bytes:
    """Draws how many agents have which value."""
    figure, ax = _figure(dark, (label, "agents"))
    known = values[np.isfinite(values)]
    whole = known.dtype.kind in "iub" and known.size and np.ptp(known.astype(int)) < BINS
    bins = np.arange(known.min(), known.max() + 2) - 0.5 if whole else BINS
    ax.hist(known.astype(float), bins=bins, color=ROLES["dark" if dark else "light"][1], rwidth=0.9)
    return _png(figure)


def _figure(dark: bool, labels: tuple[str, str]):
    # Without pyplot: it is drawn in threads.
    figure = Figure(figsize=(7, 3), dpi=110, layout="constrained")
    ax = figure.subplots()
    ink = _ink(dark)
    figure.patch.set_alpha(0)
    ax.patch.set_alpha(0)
    ax.set_xlabel(labels[0], color=ink)
    ax.set_ylabel(labels[1], color=ink)
    ax.tick_params(colors=ink)
    ax.grid(alpha=0.25)
    for side, spine in ax.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(ink)
    return figure, ax


def _ink(dark: bool) -> str:
    return "#d5d7da" if dark else "#33363b"


def _png(figure: Figure) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png")
    return out.getvalue()
