"""Which steps a signal was about, marked in the world for a while."""

from collections.abc import Callable, Sequence
from typing import Any

import solara

from aira_agents.hosting.steered import Steered
from viz.notebook import Entry, Said

GLANCED = 20  # steps for which a mark stays that came by itself


class Marking:
    """The marks of one tab.

    Attributes:
        shown: The entry whose steps are marked.
        places: Where an agent was drawn in some steps; the screen's, when there is one.
    """

    def __init__(self) -> None:
        self.shown: solara.Reactive[Entry | None] = solara.Reactive(None)
        self.places: Callable[[int, Sequence[int]], list[tuple[float, float]]] = lambda uid, steps: []
        self._world: Any = None  # the model, and which of its worlds
        self._left: int | None = None  # steps for which it stays; `None`: as long as the world does

    def entry(self, said: Said) -> Entry:
        """Returns an entry of the log, with where its agent was."""
        lesson = said.lesson
        places = self.places(said.uid, [int(step) for step in lesson.steps])
        found = zip(places, lesson.credit, strict=False)
        return Entry(said, tuple((x, y, float(credit), lesson.value) for (x, y), credit in found))

    def glance(self, entry: Entry) -> None:
        """Marks what was just said, for some steps."""
        self._left = GLANCED
        self.shown.value = entry

    def show(self, entry: Entry | None) -> None:
        """Marks what somebody asked to see, or nothing."""
        self._left = None
        self.shown.value = entry

    def stepped(self, model: Steered) -> None:
        """A step was taken: what is marked in another world, or was for long enough, is marked no more."""
        world = (id(model), model.lives)
        is_new, self._world = world != self._world, world
        if self.shown.value is None:
            return
        if self._left is not None:
            self._left -= 1
        if is_new or self._left == 0:
            self.show(None)
