"""The world on the page: every step of the model becomes a frame, as fast as the browser keeps up."""

import collections
import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import reacton.core
import solara
from mesa.visualization.utils import update_counter

from aira_agents.hosting.numbers import number_names
from viz.canvas import WorldCanvas
from viz.lab import Lab
from viz.packet import packed
from viz.scene import Layer, Scales, scene_of

FRAMES_UNDER_WAY = 2  # sent and not yet drawn: one to be drawn while the next is made
REMEMBERED = 64  # drawings, to say where somebody was
LONGEST_WAIT_S = 0.5  # for a browser that sleeps
AS_DECLARED = "as the world says"
ALIKE = "all alike"


class Screen:
    """Feeds one canvas."""

    def __init__(self, lab: Lab, rendering: Any) -> None:
        self._rendering = rendering  # the lock of whichever thread makes the page anew
        self._lab, self._scales = lab, Scales()
        self._widget: Any = None
        self._sent = self._seen = 0
        self._drawn: collections.deque[tuple[int, tuple[Layer, ...]]] = collections.deque(maxlen=REMEMBERED)
        self._late = False
        self._room = threading.Event()
        self._room.set()
        self._listener = 0  # the thread that hears the browser
        self.colour: str | None = None
        self.size: str | None = None

    def attach(self, widget: Any) -> None:
        """Begins to feed a widget."""
        self._widget, self._sent, self._seen = widget, 0, 0
        self._room.set()
        self.show()

    def seen(self, number: int) -> None:
        """The browser has frame `number`: what came in between is shown now."""
        self._seen, self._listener = number, threading.get_ident()
        if self._sent - number < FRAMES_UNDER_WAY:
            self._room.set()
        if self._late:
            self.show()

    def wait(self) -> None:
        """Holds whoever plays until the browser keeps up, and until nobody else is making the page anew.

        Without, a step would change the page while another thread still draws it for the last step, and so on for ever.
        """
        if threading.get_ident() == self._listener:  # who waits must not be who is waited for
            return
        self._room.wait(LONGEST_WAIT_S)
        until = time.monotonic() + LONGEST_WAIT_S
        while self._rendering.locked() and time.monotonic() < until:
            time.sleep(0.002)

    def show(self) -> None:
        """Sends the world as it is, unless the browser is still busy."""
        if self._widget is None:
            return
        self._late = self._sent - self._seen >= FRAMES_UNDER_WAY
        if self._late:
            return
        environment, state, step = self._lab.model.value.moment()
        scene = scene_of(environment, state, colour=self.colour, size=self.size, scales=self._scales)
        self._drawn.append((step, scene.layers))
        self._sent += 1
        if self._sent - self._seen >= FRAMES_UNDER_WAY:
            self._room.clear()
        self._widget.frame = packed(scene, self._sent, step)
        self._lab.moved()

    def places(self, uid: int, steps: Sequence[int]) -> list[tuple[float, float]]:
        """Returns where an agent was drawn in some steps, as far as they were."""
        drawn = dict(self._drawn)
        found = []
        for step in steps:
            for layer in drawn.get(step, ()):
                at = np.flatnonzero(layer.uid == uid)
                if len(at):
                    found.append((float(layer.x[at[0]]), float(layer.y[at[0]])))
                    break
        return found


@solara.component
def WorldView(lab: Lab, on_wide: Callable[[int], Any]) -> None:
    """The canvas and what can be chosen about it; `on_wide` is told how wide the browser's window is."""
    colour, set_colour = solara.use_state(AS_DECLARED)
    size, set_size = solara.use_state(ALIKE)
    trails, set_trails = solara.use_state(False)
    picked = lab.picked.value
    rendering = reacton.core.get_render_context().thread_lock
    screen = solara.use_memo(lambda: Screen(lab, rendering), [])
    lab.pace, lab.teaching.marking.places = screen.wait, screen.places
    marked = lab.teaching.marking.shown.value
    screen.colour = None if colour == AS_DECLARED else colour
    screen.size = None if size == ALIKE else size

    def on_picked(what: dict[str, Any]) -> None:
        lab.picked.value = (what["role"], what["uid"]) if what.get("uid", -1) > 0 else None

    with solara.Card(margin=0):
        canvas = cast(Any, WorldCanvas).element(
            chosen=-1 if picked is None else picked[1],
            follow=lab.follow.value,
            trails=trails,
            marks=[] if marked is None else [list(mark) for mark in marked.marks],
            on_picked=on_picked,
            on_seen=screen.seen,
            on_wide=on_wide,
        )
        with solara.Div(classes=["aira-row"]):
            with solara.Div(classes=["aira-choice"]):
                solara.Select("Colour by", values=[AS_DECLARED, *_columns(lab)], value=colour, on_value=set_colour)
            with solara.Div(classes=["aira-choice"]):
                solara.Select("Size by", values=[ALIKE, *_columns(lab)], value=size, on_value=set_size)
            solara.Switch(label="Trails", value=trails, on_value=set_trails)
    solara.use_effect(lambda: screen.attach(solara.get_widget(canvas)), [])
    Pump(screen, lab, (colour, size))


@solara.component
def Pump(screen: Screen, lab: Lab, look: Any) -> None:
    """Draws nothing itself: shows the world whenever Mesa says that it moved, or it is to look different."""
    solara.use_effect(lambda: update_counter.subscribe(lambda _: screen.show()), [])
    solara.use_effect(screen.show, [id(lab.model.value), look])
    solara.use_effect(lambda: lab.teaching.marking.show(None), [id(lab.model.value)])


def _columns(lab: Lab) -> list[str]:
    names: dict[str, None] = {}
    with contextlib.suppress(AttributeError):
        for population in lab.model.value.state.agents.values():
            names |= dict.fromkeys(number_names(population))
    return list(names)
