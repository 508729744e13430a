"""The teaching panel: consent, who listens, the pad, the meter, and the log."""

from html import escape
from typing import Any, cast

import solara
import solara.lab
from mesa.visualization.utils import force_update

from aira_agents.errors import AiraError
from aira_agents.hosting.steered import told
from aira_agents.human.listening import LISTENERS
from aira_agents.store import Run
from viz.beside import COMPILING
from viz.compare_card import Compare
from viz.hearing import Hearing
from viz.lab import Lab
from viz.meter import MEANING, meter
from viz.notebook import PREFERENCE, TAKEOVER, VETO, Entry
from viz.settings import for_all
from viz.teach_pad import TeachPad

CONSENT = (
    "What you press here is kept under a random number, to teach these agents and to study how people teach. No name, "
    "no address. <code>aira data forget NUMBER</code> deletes it; docs/privacy.md says more. Nothing is kept before "
    "you agree."
)
HINTS = {
    "coach": "COACH: each signal moves the policy at once.",
    "tamer": "TAMER: learns what will please you, and does that.",
    "mix with RL": "A mix: agents learn from reward, in worlds of their own, and what you say leans their choices at "
    "once. Undo takes back all that you said; what reward taught stays.",
    "take-over": "Take-over: copies what you do while you lead.",
    "DAgger": "DAgger: while you lead, the agent goes its own way, and each key says what would be right there.",
    "preferences": "Preferences: heeds which of two clips is better, and no praise or blame.",
}
STYLE = """
.aira-meter { display: flex; height: 22px; border-radius: 5px; overflow: hidden; background: rgba(128,128,128,.18);
  margin: 6px 0; font-size: 12px; color: #fff; }
.aira-meter i { display: flex; align-items: center; justify-content: center; font-style: normal; overflow: hidden; }
.aira-log { max-height: 180px; overflow-y: auto; font-size: 13px; font-variant-numeric: tabular-nums; }
.aira-log .good { color: #0072B2; } .aira-log .bad { color: #B34700; }
.theme--dark .aira-log .good { color: #6CC3F0; } .theme--dark .aira-log .bad { color: #F0A33E; }
"""
COLOURS = {"ML": "#0072B2", "TD": "#8a6d00", "HITL": "#b3467f"}
SHOWN = 12  # entries of the log


@solara.component
def TeachingPanel(lab: Lab) -> None:
    """All of it."""
    teaching = lab.teaching
    _ = teaching.changed.value, lab.picked.value
    solara.Style(STYLE)
    hearing = solara.use_memo(lambda: Hearing(teaching, lambda: _one_step(lab)), [])
    heard, set_heard = solara.use_state(cast(list[str], []))

    def agree() -> None:
        try:
            teaching.agree(teaching.token)
        except AiraError as error:
            teaching.said.value = told(error)

    with solara.Card("Teach", margin=0, classes=["aira-teaching"]):
        if teaching.notebook.who is None:
            solara.HTML("p", unsafe_innerHTML=CONSENT, style="margin-bottom: 8px")
            with solara.Div(classes=["aira-row"]):
                solara.Button("I agree: let me teach", color="primary", on_click=agree)
        else:
            Listening(lab)
        cast(Any, TeachPad).element(
            on=teaching.is_on,
            uid=teaching.subject(),
            actions=[] if teaching.leading is None else list(teaching.leading.helm.actions),
            leading=teaching.leads(),
            upcoming=teaching.upcoming.value,
            stored=len(teaching.log),
            acknowledged=heard,
            who=teaching.notebook.who or "",
            on_token=lambda token: setattr(teaching, "token", token),
            on_outbox=lambda messages: set_heard(hearing.hear(messages)),
        ).key("pad")
        if teaching.said.value:
            solara.Warning(for_all(teaching.said.value), dense=True)
        if teaching.is_on:
            # By keys: what is said above comes and goes, and would take the place, and so the clips, of who follows.
            Compare(lab).key("compare")
            MeterBar(lab).key("meter")
            Log(lab).key("log")


def _one_step(lab: Lab) -> None:
    lab.model.value.step()
    force_update()


@solara.component
def Listening(lab: Lab) -> None:
    """Who is to listen, and what there is to go on with."""
    teaching = lab.teaching
    _ = teaching.changed.value
    listener, set_listener = solara.use_state(teaching.listener)
    earlier = solara.use_memo(teaching.notebook.earlier, [teaching.notebook.who, teaching.is_on])
    busy = lab.beside.busy.value

    def begin(run: Run | None = None) -> None:
        lab.beside.do(lambda: teaching.begin(listener, run))

    with solara.Div(classes=["aira-row"]):
        with solara.Div(classes=["aira-choice"]):
            solara.Select("Who listens", values=list(LISTENERS), value=listener, on_value=set_listener)
        if teaching.is_on:
            solara.Button("Begin anew", text=True, on_click=begin, disabled=busy)
            solara.Button("Stop", text=True, on_click=teaching.stop)
        else:
            solara.Button("Begin", color="primary", on_click=begin, disabled=busy)
            if earlier:
                solara.Button("Go on where I stood", text=True, on_click=lambda: begin(earlier[0]), disabled=busy)
        solara.Switch(label="Slow motion", value=teaching.slow, on_value=lambda on: _set_slow(lab, on))
    told = f"{HINTS[listener]} Your number: {teaching.notebook.who}."
    if busy:
        told = COMPILING
    elif teaching.is_on and listener != teaching.listener:
        told = f"Now listens: {teaching.listener}. Press “Begin anew” to let {listener} listen. {told}"
    solara.Text(told, style={"font-size": "13px", "opacity": ".8"})


def _set_slow(lab: Lab, on: bool) -> None:
    lab.teaching.slow = on
    lab.teaching.changed.value += 1


@solara.component
def MeterBar(lab: Lab) -> None:
    """What the agents' choices came from."""
    teaching = lab.teaching
    _ = teaching.changed.value
    steps = lab.training.steps if lab.training is not None else 0
    found = solara.lab.use_task(lambda: meter(teaching, steps), dependencies=[teaching.changed.value])
    if not found.latest:
        return
    shown = found.latest
    bars = "".join(
        f"<i style='width:{100 * share:.1f}%;background:{COLOURS[term]}' data-term='{term}' data-share='{share:.4f}'>"
        f"{term if share > 0.08 else ''}</i>"
        for term, share in shown.share.items()
    )
    ml, td, hitl = shown.ledger.rows
    costs = (
        f"ML: {ml.environment_steps:,.0f} steps moved {shown.moved['ML']:.0%} of the choices; "
        f"TD: {td.samples:,.0f} shown steps {shown.moved['TD']:.0%}; "
        f"HITL: {hitl.signals:,.0f} signals {shown.moved['HITL']:.0%}."
    )
    with solara.Tooltip(MEANING):
        solara.HTML("div", unsafe_innerHTML=bars, classes=["aira-meter"])
    solara.Text(costs, style={"font-size": "13px"})


@solara.component
def Log(lab: Lab) -> None:
    """What was said last; a click shows again what it was about."""
    teaching = lab.teaching
    _ = teaching.changed.value
    with solara.Div(classes=["aira-log"]):
        for entry in teaching.log[: -SHOWN - 1 : -1]:
            with solara.Row(gap="6px", style={"align-items": "center"}).key(entry.said.id):
                solara.HTML("span", unsafe_innerHTML=_told(entry))
                if entry.marks:
                    solara.Button("show", text=True, x_small=True, on_click=lambda e=entry: teaching.marking.show(e))


def _told(entry: Entry) -> str:
    said = entry.said
    if said.channel == TAKEOVER:
        return f"step {said.step}: you led agent {said.uid}"
    if said.channel == VETO:
        return f"step {said.step}: <span class='bad'>vetoed</span> what agent {said.uid} was about to do"
    if said.channel == PREFERENCE:
        return f"a clip that was {'preferred' if said.value > 0 else 'not preferred'}: agent {said.uid}"
    kind, word = ("good", "approved") if said.value > 0 else ("bad", "disapproved")
    strong = " strongly" if abs(said.value) > 1 else ""
    steps = ", ".join(
        f"{step} ({share:.0%})" for step, share in zip(said.lesson.steps, said.lesson.credit, strict=True)
    )
    return (
        f"<span class='{kind}'>{word}{strong}</span> agent {said.uid} at step {said.step}; about steps {escape(steps)}"
    )
