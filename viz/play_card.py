"""The card on which a person plays, and the score of who acts here against them."""

from html import escape
from typing import Any, cast

import numpy as np
import solara
import solara.lab

from aira_agents.errors import AiraError
from aira_agents.hosting.steered import told
from aira_agents.human.level import Standing
from viz.canvas import WorldCanvas
from viz.lab import Lab
from viz.play_pad import PlayPad
from viz.playing import Playing
from viz.settings import for_all

RULES = (
    "You lead the marked agent in worlds like this one; each key is one step: the world waits for you. Then who acts "
    "here leads the same agent in the same worlds, and so does chance. You see the whole world; the agent sees less."
)
SPAN = (-0.5, 2.0)  # of scores, that is drawn: a few worlds may give no scale at all
CONSENT = "Your plays are kept only if you agree, under a random number, to teach agents; docs/privacy.md says more."
WORLDS, STEPS = (1, 3, 5, 10), (10, 25, 50, 100, 200)
STYLE = """
.aira-scale { position: relative; height: 34px; margin: 14px 8px 4px; font-size: 12px; }
.aira-scale hr { position: absolute; left: 0; right: 0; top: 8px; margin: 0; opacity: .5; }
.aira-scale i { position: absolute; top: 3px; height: 11px; border-radius: 5px; background: rgba(0,114,178,.35); }
.aira-scale b { position: absolute; top: 1px; width: 5px; height: 15px; margin-left: -2px; background: #0072B2; }
.aira-scale span { position: absolute; top: 17px; transform: translateX(-50%); white-space: nowrap; }
.aira-play .frame { max-width: 420px; }
"""


@solara.component
def PlayCard(lab: Lab) -> None:
    """All of it."""
    playing = solara.use_memo(lambda: Playing(lab), [])
    _ = playing.changed.value, lab.teaching.changed.value
    heard, set_heard = solara.use_state(cast(list[str], []))
    worlds, steps = solara.use_reactive(3), solara.use_reactive(25)  # as they were chosen for the game before
    game = playing.game
    solara.Style(STYLE)
    with solara.Card("Play", margin=0, classes=["aira-play"]):
        if game is None or game.is_over:
            Beginning(lab, playing, worlds, steps)
        else:
            solara.Text(
                f"World {game.number + 1} of {game.n_episodes}, step {int(game.now.state.time)} of "
                f"{int(game.environment.max_steps)}; you earned {playing.earned[-1]:.3g}."
            )
            with solara.Div(classes=["frame"]):
                cast(Any, WorldCanvas).element(frame=playing.frame, chosen=game.uid)
        cast(Any, PlayPad).element(
            on=playing.is_on,
            actions=list(playing.actions),
            world=0 if game is None else game.number,
            acknowledged=heard,
            on_outbox=lambda messages: set_heard(playing.hear(messages)),
        ).key("play-pad")
        if playing.is_on:
            solara.Button("Stop playing", text=True, on_click=playing.stop)
        if playing.said.value:
            solara.Warning(for_all(playing.said.value), dense=True)
        if game is not None and game.is_over and game.episodes:
            Outcome(playing).key(str(game.seed))


@solara.component
def Beginning(lab: Lab, playing: Playing, worlds: solara.Reactive[int], steps: solara.Reactive[int]) -> None:
    """What is to be played, and whether that may be kept."""
    solara.Text(RULES)
    with solara.Div(classes=["aira-row"]):
        with solara.Div(classes=["aira-choice"]):
            solara.Select("Worlds", values=list(WORLDS), value=worlds)
        with solara.Div(classes=["aira-choice"]):
            solara.Select("Steps in each", values=list(STEPS), value=steps)
        solara.Button("Play", color="primary", on_click=lambda: playing.begin(worlds.value, steps.value))
        if lab.teaching.notebook.who is None:
            solara.Text(CONSENT)
            solara.Button("I agree: keep my plays", text=True, on_click=lambda: _agree(lab, playing))
        else:
            solara.Text(f"Your plays are kept under {lab.teaching.notebook.who}.")


def _agree(lab: Lab, playing: Playing) -> None:
    try:
        lab.teaching.agree(lab.teaching.token)
    except AiraError as error:
        playing.said.value = told(error)


@solara.component
def Outcome(playing: Playing) -> None:
    """What was earned, and the score."""

    def find() -> Standing | str:
        try:
            found = playing.standing()
            return "" if found is None else found
        except AiraError as error:
            return told(error)

    found = solara.lab.use_task(find, dependencies=[])
    if playing.kept:
        solara.Text("Kept, as training data.")
    if found.latest is None:
        solara.Text(f"“{playing.against}” and chance now play the same worlds …")
    elif isinstance(found.latest, str):
        solara.Info(for_all(found.latest), dense=True)
    else:
        solara.HTML("div", unsafe_innerHTML=outcome_html(found.latest, playing.against), classes=["aira-outcome"])


def outcome_html(found: Standing, against: str) -> str:
    """Returns what each earned a life, and where the policy stands between chance and the person."""
    rows = "".join(
        f"<div>{escape(name)}: <b>{np.mean(own):.3g}</b> a life ({', '.join(f'{one:.3g}' for one in own)})</div>"
        for name, own in zip(("you", f"“{against}”", "chance"), found, strict=True)
    )
    try:
        score = found.score
    except AiraError as error:
        return f"{rows}<p>{escape(told(error))}</p>"
    picture = ""
    sure = "one world, so no interval"
    if not np.isnan(score.low):
        ends = np.clip([score.low, score.high], *SPAN)
        (low, high, here), (chance, you) = _at([*ends, score.estimate]), _at([0.0, 1.0])
        picture = (
            f"<div class='aira-scale'><hr><i style='left:{low}%;right:{100 - high}%'></i><b style='left:{here}%'></b>"
            f"<span style='left:{chance}%'>chance</span><span style='left:{you}%'>you</span></div>"
        )
        upper = "no upper bound" if np.isinf(score.high) else f"{score.high:.2f}"
        sure = f"{score.low:.2f} to {upper}, 95 % interval of {score.count} worlds"
    sentence = f"“{escape(against)}” is at <b>{score.estimate:.2f}</b> of your level ({sure})."
    return f"{rows}{picture}<p data-score='{score.estimate:.4f}'>{sentence}</p>"


def _at(scores: list[float]) -> list[float]:
    """Returns where scores are drawn, in percent of the width."""
    low, high = SPAN
    return [round(100 * (min(max(score, low), high) - low) / (high - low), 1) for score in scores]
