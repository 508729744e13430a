"""The lecturer's card: the code to join by, who is there, what they are asked, how far they agree."""

from html import escape
from typing import Any

import numpy as np
import segno
import solara
import solara.lab

from aira_agents.human.classroom import MODES
from viz.classroom.asking import new_pair, new_riddle
from viz.classroom.results import results_page
from viz.classroom.stage import Stage
from viz.lab import Lab
from viz.plots import series_png
from viz.settings import SETTINGS

LOOK_S = 1.0  # between two looks at the class
NAMES = {"wait": "Nothing", "vote": "Vote", "steer": "Steer", "compare": "Compare clips", "guess": "Guess who"}


@solara.component
def ClassCard(lab: Lab) -> None:
    """All of it."""
    room = SETTINGS.classroom
    assert room is not None
    stage = solara.use_memo(lambda: Stage(room, lab), [])
    seen, look = solara.use_state(_snapshot(stage))

    def on_stage() -> Any:
        SETTINGS.stage = stage
        return lambda: _leave(stage)

    def watch(cancelled: Any) -> None:
        while not cancelled.wait(LOOK_S):
            look(_snapshot(stage))

    solara.use_effect(on_stage, [])
    solara.use_thread(watch, dependencies=[])
    with solara.Card("The class", margin=0, classes=["aira-class"]):
        Missing(stage)
        Joining()
        Asking(stage)
        Students(stage, seen)
        Outcome(stage, seen)
        solara.FileDownload(lambda: results_page(stage).encode(), "class.html", label="One page of results")


@solara.component
def Missing(stage: Stage) -> None:
    """What is still to be done before the class can say anything, or why it cannot."""
    _ = stage.lab.teaching.changed.value
    with solara.Div():
        if stage.untaught:
            solara.Warning(f"In this world a class can only watch. {stage.untaught}", dense=True)
        elif not stage.lab.teaching.is_on:
            solara.Warning("First agree and begin under “Teach”: the class teaches what listens there.", dense=True)


@solara.component
def Asking(stage: Stage) -> None:
    """What the class is asked to do, and what stops it.

    Drawn anew by what is chosen here, and by nothing else: another thread that drew it while a choice comes in would
    write the old value over the new one.
    """
    room = stage.room
    _, draw_anew = solara.use_state(room.version)

    def ask(name: str) -> None:
        stage.release_all()
        room.set_mode(next(mode for mode in MODES if NAMES[mode] == name))
        draw_anew(room.version)

    def freeze(on: bool) -> None:
        room.freeze(on)
        draw_anew(room.version)

    with solara.Div(classes=["aira-row"]):
        with solara.Div(classes=["aira-choice"]):
            names = [NAMES[mode] for mode in MODES]
            solara.Select("What is asked", values=names, value=NAMES[room.mode], on_value=ask)
        solara.Switch(label="Freeze", value=room.frozen, on_value=freeze)
        solara.Button("Clear", text=True, on_click=stage.clear)
        if room.mode == "compare":
            solara.Button("New pair of clips", on_click=lambda: new_pair(stage))
            solara.Button("Teach what most prefer", text=True, on_click=stage.teach_pairs)
        if room.mode == "guess":
            solara.Button("New riddle", on_click=lambda: new_riddle(stage))


def _leave(stage: Stage) -> None:
    stage.release_all()
    if SETTINGS.stage is stage:
        SETTINGS.stage = None


def _snapshot(stage: Stage) -> Any:
    """What is shown: the card is drawn anew only if that is another."""
    students = tuple((student.name, student.who, there) for student, there in stage.room.students())
    agreement = stage.agreement()
    return (
        stage.room.version,
        students,
        None if agreement is None else round(agreement, 2),
        len(stage.curve),
        tuple((name, tuple(one.items())) for name, one in stage.answers().items()),
    )


@solara.component
def Joining() -> None:
    """The address and the code, to be read and to be photographed."""
    room = SETTINGS.classroom
    assert room is not None
    address = f"{SETTINGS.address}class"
    picture = segno.make(f"{address}#code={room.code}", micro=False).svg_inline(scale=7, light="#fff", dark="#000")
    code = f"<b class='code' style='font-size: 34px; letter-spacing: .1em'>{room.code}</b>"
    solara.HTML(
        "div",
        unsafe_innerHTML=f"{picture}<div><b>{escape(address)}</b><br>Code {code}</div>",
        classes=["aira-row"],
        attributes={"data-code": room.code},
    )


@solara.component
def Students(stage: Stage, seen: Any) -> None:
    """Who is there; two clicks take somebody out."""
    leaving, set_leaving = solara.use_state("")
    worth = stage.informedness()
    _, students, *_ = seen

    def remove() -> None:
        stage.remove(leaving)
        set_leaving("")

    solara.Text(f"{sum(there for *_, there in students)} of {len(students)} are there. A click can take somebody out.")
    with solara.Div(classes=["aira-row"]):
        for name, who, there in students:
            share = f" {worth[who]:.0%}" if who in worth else ""
            told = f"Take {name} out"
            solara.Button(
                f"{name}{share}",
                on_click=lambda name=name: set_leaving(name),
                small=True,
                text=not there,
                attributes={
                    "aria-label": told,
                    "title": f"{share.strip()}: how much their votes count" if share else told,
                },
            ).key(name)
    with solara.Div(classes=["aira-row"]):
        if leaving in [name for name, *_ in students]:
            solara.Text(f"Take {leaving} out? Their votes and answers no longer count then.")
            solara.Button("Yes, take out", on_click=remove, small=True, color="primary")
            solara.Button("No", on_click=lambda: set_leaving(""), small=True, text=True)


@solara.component
def Outcome(stage: Stage, seen: Any) -> None:
    """How far the class agrees, and what came of it."""
    _, _, agreement, n_questions, answers = seen
    told = "not defined yet" if agreement is None else f"{agreement:.2f}"
    solara.HTML(
        "div", unsafe_innerHTML=f"Agreement (Krippendorff's alpha): <b>{told}</b>", attributes={"data-alpha": told}
    )
    for name, one in answers:
        solara.Text(f"{name}: {', '.join(f'{answer} {count}' for answer, count in one)}", style="font-size: 13px")
    right = stage.riddles.share_right()
    if right is not None:
        solara.Text(f"{right:.0%} of the guesses were right.")
    dark = bool(solara.lab.use_dark_effective())

    def draw() -> bytes | None:
        if n_questions < 3:
            return None
        values = np.asarray(stage.curve)
        smooth = np.convolve(values, np.ones(9) / 9, mode="same") if len(values) >= 9 else values
        series = {"of the class, each second": values, "smoothed": smooth}
        return series_png(np.arange(len(values)), series, ("question", "approval"), dark=dark)

    drawn = solara.lab.use_task(draw, dependencies=[n_questions // 3, dark])
    if drawn.latest:
        solara.Image(drawn.latest, width="100%")
