"""Two clips side by side on the page, and which of them does better."""

from typing import Any, cast

import solara

from viz.canvas import WorldCanvas
from viz.clips import Clip
from viz.comparing import ANSWERS, Comparing
from viz.lab import Lab

FRAME_S = 0.2
NAMES = {"first": "Left is better", "equal": "Equal", "second": "Right is better", "skip": "Skip"}
STYLE = ".aira-clips { display: flex; gap: 10px; } .aira-clips > div { flex: 1; min-width: 0; }"


@solara.component
def Compare(lab: Lab) -> None:
    """A button; and when it was pressed, the clips and the answers."""
    comparing = solara.use_memo(lambda: Comparing(lab.teaching), [])
    pair = comparing.pair.value
    solara.Style(STYLE)
    if pair is None:
        solara.Button("Compare two clips", text=True, on_click=comparing.ask)
        return
    with solara.Div(classes=["aira-clips"]):
        for side, clip in enumerate(pair):
            Film(clip).key(f"{id(clip)}-{side}")
    with solara.Div(classes=["aira-row"]):
        for answer in ANSWERS:
            solara.Button(NAMES[answer], on_click=lambda answer=answer: comparing.answer(answer))


@solara.component
def Film(clip: Clip) -> None:
    """One clip, over and over."""
    number, set_number = solara.use_state(0)

    def play(cancelled: Any) -> None:
        shown = 0
        while not cancelled.wait(FRAME_S):
            shown += 1
            set_number(shown)

    solara.use_thread(play, dependencies=[])
    with solara.Div():
        cast(Any, WorldCanvas).element(frame=clip.frames[number % len(clip.frames)], chosen=clip.uid)
