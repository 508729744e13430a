"""The widget behind `teach_pad.js`: what a person says comes in, and what is stored goes out."""

import anywidget
import traitlets

from viz.canvas import script


class TeachPad(anywidget.AnyWidget):
    """Buttons and keys.

    Attributes:
        on: Whether somebody listens.
        uid: The agent that is judged, or would be led; -1: none.
        actions: What a leader can press; empty: such agents cannot be led.
        leading: Whether this person leads it.
        upcoming: What the judged agent is about to do.
        stored: How many signals are stored.
        acknowledged: Ids of messages that need not be sent again.
        who: The participant, for the browser to remember.
        token: The participant that the browser remembers.
        outbox: Messages that the browser does not know to be stored: `{"id", "kind", ...}`.
    """

    _esm = script("keys.js", "teach_pad.js")
    on = traitlets.Bool(False).tag(sync=True)
    uid = traitlets.Int(-1).tag(sync=True)
    actions = traitlets.List().tag(sync=True)
    leading = traitlets.Bool(False).tag(sync=True)
    upcoming = traitlets.Unicode("").tag(sync=True)
    stored = traitlets.Int(0).tag(sync=True)
    acknowledged = traitlets.List().tag(sync=True)
    who = traitlets.Unicode("").tag(sync=True)
    token = traitlets.Unicode("").tag(sync=True)
    outbox = traitlets.List().tag(sync=True)
