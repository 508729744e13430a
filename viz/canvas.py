"""The widget behind the scripts in `front/`: frames go out, and what a person picks comes in."""

from pathlib import Path
from typing import Any

import anywidget
import traitlets

from viz.palette import LOOK

# In the order in which they need one another.
PARTS = ("frame", "colours", "camera", "marks", "pixels", "painter", "page", "legend", "picking", "hands", "world")
SCRIPTS = tuple(f"front/{part}.js" for part in PARTS)


def script(*names: str) -> str:
    """Returns scripts of this folder as one, for a widget that cannot import: each may use those before it."""
    return "\n".join((Path(__file__).parent / name).read_text("utf-8") for name in names)


class WorldCanvas(anywidget.AnyWidget):
    """A canvas that shows frames of `viz.packet`.

    Attributes:
        frame: The bytes of the newest frame.
        seen: The number of the last frame that the browser has drawn.
        chosen: The uid of the agent that is marked; -1: none.
        follow: Whether the view keeps to it.
        trails: Whether agents leave a trail.
        marks: Places that a signal was about: `[x, y, credit, value]` each.
        picked: What was clicked: `{"role", "uid"}`.
        wide: The width of the browser's window, pixels.
    """

    _esm = script(*SCRIPTS)
    frame = traitlets.Bytes(b"").tag(sync=True)
    seen = traitlets.Int(0).tag(sync=True, echo_update=False)  # said with every frame: nobody needs to hear it back
    chosen = traitlets.Int(-1).tag(sync=True)
    follow = traitlets.Bool(False).tag(sync=True)
    trails = traitlets.Bool(False).tag(sync=True)
    marks = traitlets.List().tag(sync=True)
    picked = traitlets.Dict().tag(sync=True)
    wide = traitlets.Int(0).tag(sync=True)
    look: Any = traitlets.Dict(LOOK).tag(sync=True)
