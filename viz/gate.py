"""The join code of a shared address: nothing of the page exists before it was entered."""

import secrets
from collections.abc import Callable
from html import escape

import solara

from aira_agents.human.attempts import Allowance
from viz.settings import SETTINGS

LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # none that is read as another
FOOD = ((28, 20), (44, 62), (98, 34), (150, 70), (178, 14), (236, 48), (252, 48), (318, 20), (346, 66), (392, 30))
AGENTS = ((75, 57), (130, 22), (203, 71), (286, 35), (331, 45), (385, 78))
STYLE = """
.aira-gate { min-height: min(80vh, 720px); display: grid; place-items: center; padding: 16px; }
.aira-gate > .v-card { width: min(420px, 100%); overflow: hidden; text-align: center; }
.aira-gate .picture { margin: -16px -16px 20px; background: #F5F2EA; line-height: 0; }
.theme--dark .aira-gate .picture { background: #20231F; }
.aira-gate .picture svg { width: 100%; height: 96px; }
.aira-gate h1 { font-size: 26px; font-weight: 500; margin: 0 0 6px; }
.aira-gate p { margin: 0 0 18px; }
.aira-gate input { text-align: center; text-transform: uppercase; letter-spacing: .25em; font-size: 22px;
  font-family: ui-monospace, monospace; padding-left: .25em !important; }
.aira-gate .told { min-height: 24px; margin: 6px 0 12px; color: #B00020; font-weight: 500; }
.theme--dark .aira-gate .told { color: #FF9E9E; }
.aira-gate .v-btn + div { margin-top: 14px; }
"""
# Agents on their way to food, as on the page behind it.
PICTURE = (
    "<svg viewBox='0 0 420 96' preserveAspectRatio='xMidYMid slice'>"
    + "".join(f"<rect x='{x}' y='{y}' width='14' height='14' fill='#7CBB7F'/>" for x, y in FOOD)
    + "".join(f"<circle cx='{x}' cy='{y}' r='6.5' fill='#D55E00'/>" for x, y in AGENTS)
    + "</svg>"
)
_tries = Allowance(burst=20, per_s=0.2)  # of wrong codes, by everybody together: sessions cost a guesser nothing
_joined: set[str] = set()  # session cookies; they are long and random


def new_code() -> str:
    """Returns a code that nobody guesses: one of 900 million."""
    return "".join(secrets.choice(LETTERS) for _ in range(6))


def has_joined() -> bool:
    """Says whether this browser has entered the code."""
    return solara.get_session_id() in _joined


@solara.component
def Gate(on_joined: Callable[[], None]) -> None:
    """Asks for the code; calls `on_joined` when it was right."""
    entered, set_entered = solara.use_state("")
    wrong, set_wrong = solara.use_state(0)
    told, set_told = solara.use_state("")

    def join() -> None:
        if _tries.is_empty("all"):
            set_told("Too many wrong codes were tried; wait a minute.")
        elif secrets.compare_digest(entered.strip().upper().encode(), str(SETTINGS.join_code).encode()):
            _joined.add(solara.get_session_id())
            on_joined()
        else:
            _tries.take("all")
            set_wrong(wrong + 1)
            set_told(f"That is not the code of this class (attempt {wrong + 1}).")

    lecturer = SETTINGS.classroom is not None
    title = "The lecturer's page" if lecturer else "Join the class"
    solara.Title(title)
    solara.Style(STYLE)
    with solara.Div(classes=["aira-gate"]), solara.Card(margin=0):
        solara.HTML("div", unsafe_innerHTML=PICTURE, attributes={"aria-hidden": "true"}, classes=["picture"])
        solara.HTML("h1", unsafe_innerHTML=title)
        solara.HTML("p", unsafe_innerHTML="The code stands on the terminal of whoever started this page.")
        field = solara.v.TextField(
            label="Join code",
            v_model=entered,
            on_v_model=lambda text: set_entered(text or ""),
            outlined=True,
            hide_details=True,
            autofocus=True,
            attributes={"maxlength": "12", "autocomplete": "off", "spellcheck": "false"},
        )
        solara.v.use_event(field, "keydown.enter", lambda *_: join())
        solara.HTML("div", unsafe_innerHTML=escape(told), attributes={"role": "alert"}, classes=["told"])
        solara.Button("Join", on_click=join, color="primary", block=True, large=True)
        if lecturer:
            solara.HTML("p", unsafe_innerHTML="<a href='/class'>Students join here.</a>")
