"""The page: Mesa's own visualizer, with the world, its agents' inner life, and their learning beside it."""

import logging
import re
from html import escape
from typing import Any, cast

import solara
import solara.lab
from mesa.visualization import SolaraViz

from aira_agents.errors import AiraError
from viz.classroom.card import ClassCard
from viz.controls import Parameters, Policies
from viz.gate import Gate, has_joined
from viz.inspector import Inspector
from viz.lab import Lab
from viz.learning_card import Learning
from viz.play_card import PlayCard
from viz.plots_card import Plots
from viz.settings import SETTINGS, for_all
from viz.subjects import LESSONS, find_subject, subject_names
from viz.teaching_card import TeachingPanel
from viz.world_view import WorldView

logger = logging.getLogger("viz")
MOBILE_PX = 960  # Vuetify's
PLAY_INTERVAL_MS = 51  # on a notch of Mesa's slider
STYLE = """
.aira-mesa { display: none; } /* Mesa's controls go to the sidebar; what they leave here is empty */
/* Of those, "Use Threads" helps nobody here, and a slider says its number also at rest: as text above its thumb. */
.v-navigation-drawer .v-input--checkbox:not([data-parameter] *) { display: none; }
.v-slider .v-slider__thumb-label-container { display: block !important; transform: none !important; }
.v-slider .v-slider__thumb-label { transform: translate(-50%, 3px) !important; background: none !important;
  color: inherit !important; }
.v-slider .v-slider__thumb-label > * { transform: none !important; }
.aira-page { display: grid; grid-template-columns: minmax(0, 1.2fr) minmax(340px, 1fr); gap: 12px; align-items: start;
  padding: 10px; }
.aira-page > div { min-width: 0; display: flex; flex-direction: column; gap: 12px; }
.aira-page .v-card { margin: 0 !important; }
.theme--dark :is(.aira-page, .v-navigation-drawer) .v-card { border: 1px solid rgba(255, 255, 255, .14); }
.aira-row { display: flex; flex-wrap: wrap; gap: 4px 16px; align-items: center; margin-bottom: 6px; }
.aira-choice { flex: 1 1 150px; }
.aira-lesson b { display: block; margin-top: 10px; }
@media (max-width: 1100px) { /* one column: who teaches needs the world and the pad together */
  .aira-page { grid-template-columns: minmax(0, 1fr); }
  .aira-page > div { display: contents; }
  .aira-page > div > * { order: 2; min-width: 0; }
  .aira-page > div > .aira-first { order: 0; }
  .aira-page > div > .aira-second, .aira-page > div > :is(.aira-inspector, :has(.aira-inspector)) { order: 1; }
  .aira-page:has(.aira-pad[data-leading="true"]) .aira-first { position: sticky; top: 0; z-index: 3; }
}
@media (max-width: 959px) {
  .v-navigation-drawer.solara-content-main { min-width: min(400px, 92vw) !important; max-width: 92vw !important; }
}
"""

drawer = solara.reactive(True)  # whether the controls are open; a phone begins with the world


@solara.component
def Layout(children: Any = ()) -> None:
    """Mesa's frame, without a tab for every world."""
    solara.AppLayout(
        children=list(children),
        navigation=False,
        sidebar_open=drawer.value,
        style={"height": "100%", "overflow": "auto"},
    )


@solara.component
def Page() -> None:
    """The page of the subject that the address names."""
    path = solara.use_router().path.strip("/")
    solara.Style(STYLE)
    joined, set_joined = solara.use_state(SETTINGS.join_code is None or has_joined())
    if not joined:
        Gate(on_joined=lambda: set_joined(True))
    else:
        Tab(path or SETTINGS.subject).key(path)


@solara.component
def Tab(name: str) -> None:
    """One tab of one subject; what it makes, it frees when it closes."""

    def make() -> Any:
        try:
            subject = find_subject(name)
            return Lab(subject, SETTINGS.policy if subject.name == SETTINGS.subject else None)
        except AiraError as error:
            return str(error)

    lab = solara.use_memo(make, [name])
    solara.use_effect(lambda: None if isinstance(lab, str) else lab.close, [lab])
    broken, mended = solara.use_exception()
    if broken is not None:
        # In full on the terminal only: a traceback tells of this machine.
        logger.error("A part of the page failed", exc_info=broken)
        solara.Error(f"A part of this page failed ({type(broken).__name__}); the terminal shows where.")
        solara.Button("Try again", on_click=mended)
    elif isinstance(lab, str):
        solara.Title("aira_agents")
        solara.Error(for_all(lab))
    else:
        Viewer(lab)


@solara.component
def Viewer(lab: Lab) -> None:
    """Mesa's controls in the sidebar, and the rest beside them."""
    solara.Title(lab.subject.title)
    seed = {"type": "SliderInt", "label": "Seed (acts on Reset)", "value": 0, "min": 0, "max": 100, "step": 1}
    with solara.Div(classes=["aira-mesa"]):
        SolaraViz(
            cast(Any, lab.model),
            components=[],
            model_params={"rng": seed},
            play_interval=PLAY_INTERVAL_MS,
            name=lab.subject.title,
        )
    OwnControls(lab)
    if lab.message.value:
        solara.Warning(for_all(lab.message.value), icon=True).meta(ref="message")
    Fault(lab)
    with solara.Div(classes=["aira-page"]):
        with solara.Div():
            with solara.Div(classes=["aira-first"]):
                WorldView(lab, on_wide=lambda width: drawer.set(width >= MOBILE_PX))
            Learning(lab)
            Plots(lab)
        with solara.Div():
            if SETTINGS.classroom is not None:
                ClassCard(lab)
            if lab.subject.texts:
                Lesson(lab.subject.texts)
            with solara.Div(classes=["aira-second"]):
                TeachingPanel(lab)
            Inspector(lab)
            PlayCard(lab)


@solara.component
def OwnControls(lab: Lab) -> None:
    """What the sidebar holds beneath Mesa's controls."""
    # Solara orders a sidebar by how deep its parts are nested.
    with solara.Div(), solara.Div():
        Deepest(lab)


@solara.component
def Deepest(lab: Lab) -> None:
    """The cards."""
    with solara.Sidebar(), solara.Column():
        Policies(lab)
        Parameters(lab)


@solara.component
def Fault(lab: Lab) -> None:
    """What stopped the world."""
    _ = lab.tick.value
    fault = lab.model.value.fault
    if fault:
        solara.Error(f"{for_all(fault)} The world stands still: change what is wrong, then Reset.")


@solara.component
def Lesson(texts: dict[str, str]) -> None:
    """A lesson's question and claim."""
    with solara.Card("The lesson", classes=["aira-lesson"]):
        for heading, text in texts.items():
            told = re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(text[:1].upper() + text[1:]))
            solara.HTML("div", unsafe_innerHTML=f"<b>{heading}</b>{told}")


def _routes() -> list[solara.Route]:
    lessons = [name.removeprefix(LESSONS) for name in subject_names() if name.startswith(LESSONS)]
    worlds = [name for name in subject_names() if not name.startswith(LESSONS)]
    return [
        solara.Route("/", component=Page, layout=Layout, label="aira_agents"),
        *(solara.Route(name, component=Page) for name in worlds),
        solara.Route("scenarios", component=Page, children=[solara.Route(name) for name in lessons]),
    ]


routes = _routes()
