"""The widget behind `play_pad.js`: what a person presses in a game comes in."""

import anywidget
import traitlets

from viz.canvas import script


class PlayPad(anywidget.AnyWidget):
    """Buttons and keys.

    Attributes:
        on: Whether a game waits for a key.
        actions: What can be pressed.
        world: Which world of the game is played; a key that was meant for another does nothing.
        acknowledged: Ids of presses that need not be sent again.
        outbox: Presses that the browser does not know to be taken: `{"id", "action", "world"}`.
    """

    _esm = script("keys.js", "play_pad.js")
    on = traitlets.Bool(False).tag(sync=True)
    actions = traitlets.List().tag(sync=True)
    world = traitlets.Int(0).tag(sync=True)
    acknowledged = traitlets.List().tag(sync=True)
    outbox = traitlets.List().tag(sync=True)
