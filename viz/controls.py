"""Controls made from what a world declares of its parameters: ranges, units, help; and who acts in it."""

import math
import threading
from typing import Any, cast

import solara

from aira_agents.errors import AiraError
from aira_agents.parameters import Parameter, parameters_of
from viz.beside import COMPILING
from viz.lab import Lab

STEPS = 100  # of a slider
TYPING_S = 0.4  # after the last key
FAR = 20.0  # a slider reaches this many defaults, where the range allows much more


@solara.component
def Parameters(lab: Lab) -> None:
    """A control for each parameter of the world."""
    faults, set_faults = solara.use_state(cast(dict[str, str], {}))  # by parameter; a box keeps what was refused
    waiting, set_waiting = solara.use_state(lab.pending())
    _ = lab.model.value  # a new model has taken everything over

    def set_value(name: str, value: Any) -> None:
        own = {}
        try:
            lab.set_parameter(name, value)
        except AiraError as error:
            own = {name: str(error)}
        # From what is known then, not now: a box that one leaves and the one that one goes on to may both be drawn.
        set_faults(lambda known: {other: told for other, told in known.items() if other != name} | own)
        set_waiting(lab.pending())

    solara.use_effect(lambda: set_waiting(lab.pending()), [id(lab.model.value)])
    with solara.Card("World"):
        for name, parameter in parameters_of(lab.subject.environment).items():
            Control(lab, name, parameter, set_value, name in faults)
        if waiting:
            solara.Info(f"Press Reset to apply: {', '.join(waiting)}.", dense=True)
        for fault in faults.values():
            solara.Error(fault, dense=True)


@solara.component
def Control(lab: Lab, name: str, parameter: Parameter, set_value: Any, refused: bool) -> None:
    """One parameter: a slider with a box for exact values, a choice, or a check box; marked if it was refused."""
    value = lab.values[name]
    shown, set_shown = solara.use_state(value)

    def change(new: Any) -> None:
        set_shown(new)
        set_value(name, new)

    label = f"{name} ({parameter.unit})" if parameter.unit else name
    at_once = parameter.kind in ("number", "whole number")
    tip = f"{parameter.help}; {parameter.expected}; {'acts at once' if at_once else 'acts on Reset'}"
    with solara.Tooltip(tip), solara.Div(style={"width": "100%"}, attributes={"data-parameter": name}):
        if parameter.kind == "option" and set(parameter.options) == {False, True}:
            solara.Checkbox(label=label, value=bool(shown), on_value=change)
        elif parameter.kind == "option":
            solara.Select(label, values=list(parameter.options), value=shown, on_value=change)
        else:
            Numeric(label, parameter, shown, change, refused)


@solara.component
def Numeric(label: str, parameter: Parameter, value: Any, change: Any, refused: bool) -> None:
    """A slider over what is usual, and a box for all that is allowed."""
    whole = parameter.kind != "number"
    low, high = usual_range(parameter)
    with solara.Row(style={"align-items": "center"}, gap="8px"):
        with solara.Div(style={"flex": "1 1 60%", "min-width": "0"}):
            step = 1.0 if whole else (high - low) / STEPS
            within = snapped(value, low, high, step)

            def slide(new: float) -> None:
                # A slider says at once where it snapped to: nobody asked for that value.
                if not math.isclose(new, within, abs_tol=step / 100):
                    change(int(new) if whole else new)

            if whole:
                solara.SliderInt(
                    label, value=int(within), min=int(low), max=int(high), on_value=slide, thumb_label=False
                )
            else:
                solara.SliderFloat(label, value=within, min=low, max=high, step=step, on_value=slide, thumb_label=False)
        with solara.Div(style={"flex": "0 0 84px"}):
            NumberBox(label, value, whole, change, refused)


@solara.component
def NumberBox(label: str, value: Any, whole: bool, change: Any, refused: bool) -> None:
    """A box for a number, which acts when nothing more is typed.

    Solara's own acts on Enter, and reads what is in it then; while a world plays, that is often what was there before.
    """
    text, set_text = solara.use_state(f"{value}")
    wrong, set_wrong = solara.use_state(False)
    waiting: Any = solara.use_ref(None)

    def commit(new: str) -> None:
        try:
            number = int(new) if whole else float(new)
        except ValueError:
            set_wrong(bool(new.strip()))
            return
        set_wrong(False)
        if number != value:
            change(number)

    def typed(new: str | None) -> None:
        set_text(new or "")
        if waiting.current is not None:
            waiting.current.cancel()
        waiting.current = threading.Timer(TYPING_S, commit, [new or ""])
        waiting.current.daemon = True
        waiting.current.start()

    solara.use_effect(lambda: set_text(f"{value}"), [value])
    field = solara.v.TextField(
        v_model=text,
        on_v_model=typed,
        error=wrong or refused,
        dense=True,
        hide_details=True,
        type="number",
        attributes={"aria-label": f"{label}, exactly"},
    )
    solara.v.use_event(field, "blur", lambda *_: commit(text))  # at once when one goes on to Reset


def snapped(value: float, low: float, high: float, step: float) -> float:
    """Returns the notch of a slider that is nearest to a value."""
    within = min(max(float(value), low), high)
    return low + round((within - low) / step) * step


def usual_range(parameter: Parameter) -> tuple[float, float]:
    """Returns the ends of a slider: the declared range, or as much of it as is usual around the default.

    >>> usual_range(Parameter(0.002, "number", 0, 1))
    (0.0, 0.05)
    >>> usual_range(Parameter(8, "size", 1, 1_000_000))
    (1.0, 200.0)
    >>> usual_range(Parameter(0, "whole number", 0))
    (0.0, 20.0)
    >>> usual_range(Parameter(20.0, "number", 5, 30))
    (5.0, 30.0)
    """
    low = float(parameter.low) if parameter.low is not None else min(0.0, float(parameter.default))
    least = 1e-3 if parameter.default else (1.0 if parameter.kind == "number" else FAR)
    reach = max(FAR * abs(float(parameter.default)), least)
    # One significant digit, rounded up: ends that people read easily.
    digit = 10.0 ** math.floor(math.log10(reach))
    nice = next(digit * step for step in (1, 2, 5, 10) if digit * step >= reach * 0.999)
    high = nice if parameter.high is None else min(float(parameter.high), nice)
    return low, max(high, low + 1) if parameter.kind != "number" else max(high, low + 1e-3)


@solara.component
def Policies(lab: Lab) -> None:
    """Who acts."""
    _ = lab.lessons.value
    busy = lab.beside.busy.value

    asked = solara.use_reactive("")  # the browser shows it at once; if it is refused, what acts must be shown again

    def choose(name: str) -> None:
        asked.value = name
        lab.beside.do(lambda: lab.choose(name))

    def answered() -> None:
        if not busy:
            asked.value = ""

    solara.use_effect(answered, [asked.value, busy])
    with solara.Card("Who acts"):
        solara.Select("Policy", values=lab.choices(), value=asked.value or lab.choice.value, on_value=choose)
        if busy:
            solara.Info(COMPILING, dense=True)
