"""Live learning: a policy learns in the background while the world runs, and steps into it as it is."""

from typing import Any, cast

import ipywidgets
import numpy as np
import solara
import solara.lab

from viz.lab import LEARNED, Lab
from viz.learners import page_learners
from viz.mixing import is_mixed
from viz.plots import series_png
from viz.saving import can_save, saved
from viz.teaching import TAUGHT

REST = 3  # dispatches between two drawings of the curve
USUAL = "usual"
RATES = (USUAL, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)


@solara.component
def Learning(lab: Lab) -> None:
    """The switch, the curve, and files."""
    _ = lab.lessons.value
    training = lab.training
    learner, set_learner = solara.use_state("ppo")
    rate, set_rate = solara.use_state(cast(Any, USUAL))
    dark = bool(solara.lab.use_dark_effective())
    steps = 0 if training is None else training.steps

    def draw() -> bytes | None:
        curve = None if training is None else training.curve
        if curve is None or len(curve.steps) < 2:
            return None
        ended = np.isfinite(curve.returns)
        values, label = (curve.returns, "return of a life") if ended.any() else (curve.reward, "reward a step")
        return series_png(curve.steps, {label: smooth(values)}, ("steps of learning", label), dark=dark)

    on = training is not None and training.is_on
    drawn = solara.lab.use_task(draw, dependencies=[lab.lessons.value // REST, on, dark])
    with solara.Card("Learning", margin=0, classes=["aira-learning"]):
        with solara.Div(classes=["aira-row"]):
            solara.Switch(
                label="Learn in the background",
                value=on,
                on_value=lambda wanted: lab.learn(
                    wanted, learner, **({} if rate == USUAL else {"learning_rate": rate})
                ),
            )
            if training is None:
                with solara.Div(classes=["aira-choice"]):
                    solara.Select("Learner", values=page_learners(), value=learner, on_value=set_learner)
                with solara.Div(classes=["aira-choice"]):
                    solara.Select("Learning rate", values=list(RATES), value=rate, on_value=set_rate)
            else:
                solara.Button("Begin anew", text=True, on_click=lab.forget)
        solara.HTML("div", unsafe_innerHTML=_told(lab), attributes={"data-steps": str(steps)})
        if training is not None and drawn.latest:
            solara.Image(drawn.latest, width="100%")
        Files(lab)


@solara.component
def Files(lab: Lab) -> None:
    """Saves what acts now, and loads what was saved."""

    def load(files: Any) -> None:
        for file in files:
            lab.load(file["name"], bytes(file["content"]))

    with solara.Div(classes=["aira-row"]):
        cast(Any, ipywidgets.FileUpload).element(
            description="Load a policy (.zip)", accept=".zip", layout={"width": "auto"}, on_value=load
        )
        # Last, since it comes and goes: what stands behind it would be made anew each time.
        if can_save(lab, lab.choice.value):
            name = f"{lab.choice.value.replace(' ', '-')}.zip"
            solara.FileDownload(lambda: saved(lab), name, label=f"Save: {lab.choice.value}")


def _told(lab: Lab) -> str:
    training = lab.training
    if training is None:
        return "A network learns by itself, in worlds like this one, while you watch."
    if training.policies is None:
        return "Compiling; the first lesson takes some seconds." if training.is_on else "Paused."
    state = "Learning" if training.is_on else ("Stopped" if training.fault else "Paused")
    acts = f"Choose “{LEARNED}” to let it act."
    if lab.choice.value == LEARNED:
        acts = "It acts in the world as it learns."
    elif lab.choice.value == TAUGHT and is_mixed(lab.teaching.live):
        acts = "It acts in the world as it learns, mixed with what you say."
    return f"{state}: {training.steps:,} steps. {acts}"


def smooth(values: np.ndarray) -> np.ndarray:
    """Averages over a fiftieth of the run; not-a-number where nothing ended stays out of the mean."""
    width = max(1, len(values) // 50)
    known = np.isfinite(values)
    kernel = np.ones(width)
    total = np.convolve(np.where(known, values, 0.0), kernel, mode="full")[: len(values)]
    count = np.convolve(known.astype(float), kernel, mode="full")[: len(values)]
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
