"""The inspector: the agent that was clicked, from sensors to reward, and switches that take parts of it away."""

from html import escape

import numpy as np
import solara

from aira_agents.spaces import Box
from viz.lab import Lab
from viz.mind import Acted, Mind, Sensed, mind_of
from viz.network_picture import network_svg

STYLE = """
.aira-bars { display: grid; grid-template-columns: minmax(90px, auto) 1fr 64px; gap: 2px 10px; align-items: center;
  font-size: 13px; }
.aira-bars .track { height: 12px; background: rgba(128,128,128,.18); border-radius: 3px; position: relative;
  overflow: hidden; }
.aira-bars .track i { position: absolute; top: 0; bottom: 0; background: #0072B2; border-radius: 3px; }
.aira-bars .track i.less { background: #D55E00; }
.aira-bars .number { text-align: right; font-variant-numeric: tabular-nums; }
.aira-bars .chosen { font-weight: 700; }
.aira-patches { display: flex; flex-wrap: wrap; gap: 14px; }
.aira-patches table { border-collapse: collapse; }
.aira-patches td { width: 20px; height: 20px; border: 1px solid rgba(128,128,128,.35); padding: 0; }
.aira-patches td.self { outline: 2px solid currentColor; outline-offset: -3px; }
.aira-patches caption, .aira-facts { font-size: 13px; }
.aira-facts b { font-variant-numeric: tabular-nums; }
.aira-mind h4 { margin: 12px 0 4px; font-size: 14px; }
.aira-network { width: 100%; height: auto; color: inherit; }
.aira-network text { font-size: 11px; fill: currentColor; }
.aira-network .aside { opacity: .75; }
"""


@solara.component
def Inspector(lab: Lab) -> None:
    """The agent that was picked."""
    _ = lab.tick.value
    picked = lab.picked.value
    solara.Style(STYLE)
    mind = None if picked is None else mind_of(lab.model.value, *picked)
    title = "Inspector" if mind is None else f"{mind.role.name} {mind.uid}"
    with solara.Card(title, margin=0, classes=["aira-inspector"]):
        if mind is None:
            if picked is not None:
                solara.Info(f"{picked[0]} {picked[1]} is no more. Choose another agent.", dense=True)
            solara.Text(
                "Click an agent to look into it: what it senses, how its network decides, what it does and earns. "
                "With the keyboard: go to the world, then press n or p."
            )
            return
        with solara.Div(classes=["aira-row"]):
            solara.Switch(label="Follow", value=lab.follow.value, on_value=lab.follow.set)
            solara.Button("Let go", text=True, on_click=lambda: lab.picked.set(None))
        solara.HTML("div", unsafe_innerHTML=mind_html(mind), classes=["aira-mind"])
        TakeAway(lab, mind)


@solara.component
def TakeAway(lab: Lab, mind: Mind) -> None:
    """Switches for the parts of this agent, or of all of its role."""
    role = mind.role
    alone, every = "this one alone", f"every {role.name}"
    whose, set_whose = solara.use_state(alone)
    switched, set_switched = solara.use_state(0)
    uid = mind.uid if whose == alone else None
    with solara.Column(gap="0px"):
        solara.HTML("h4", unsafe_innerHTML="Take away", style="margin: 12px 0 0")
        with solara.Div(classes=["aira-row"]):
            with solara.Div(classes=["aira-choice"]):
                solara.Select("From", values=[alone, every], value=whose, on_value=set_whose)
            for part in (*role.sensors, *role.effectors):
                kind = "sensor" if part in role.sensors else "effector"

                def switch(there: bool, name: str = part.name) -> None:
                    lab.impair(role.name, name, not there, uid)
                    set_switched(switched + 1)

                there = not lab.impaired.lacks(role.name, part.name, uid)
                label = f"{kind} {part.name}"
                solara.Switch(label=label, value=there, on_value=switch).key(f"{label} of {uid}")


def mind_html(mind: Mind) -> str:
    """Returns an agent as HTML; the numbers stand in `data-` attributes too, in full."""
    facts = [
        f"age <b data-age='{mind.age}'>{mind.age}</b> steps",
        *(f"{escape(name)} <b data-column='{escape(name)}'>{value:.4g}</b>" for name, value in mind.columns.items()),
    ]
    if not mind.alive:
        facts.insert(0, "<b>died in the last step</b>")
    if not mind.acted_yet:
        return _facts(facts) + "<p>It has not acted yet: press Step.</p>"
    facts.insert(1, f"reward <b data-reward='{mind.reward!r}'>{mind.reward:.4g}</b>")
    parts = [_facts(facts)]
    for sensed in mind.sensed:
        parts.append(f"<h4>Senses: {escape(sensed.sensor)}</h4>{_sensed(sensed)}")
    for acted in mind.acted:
        parts.append(f"<h4>Does: {escape(acted.effector)}</h4>{_acted(acted, mind)}")
    if mind.anatomy is None:
        parts.append("<p>A rule decides, or chance: there is no network to look into.</p>")
    else:
        outputs = tuple(name for space in mind.role.spaces.values() for name in _output_names(space))
        parts.append("<h4>Decides: its network</h4>")
        parts.append(network_svg(mind.anatomy, mind.role.features, outputs))
        parts.append("<p class='aira-facts'>Blue is positive, orange negative; full colour: much is carried now.</p>")
    if mind.memory is not None:
        parts.append(f"<h4>Remembers</h4>{_strip(mind.memory)}")
    return "".join(parts)


def _output_names(space: object) -> tuple[str, ...]:
    if isinstance(space, Box):
        return (*(f"{name} mean" for name in space.names), *(f"{name} log deviation" for name in space.names))
    return space.names  # type: ignore[attr-defined]


def _facts(facts: list[str]) -> str:
    return f"<div class='aira-facts'>{' · '.join(facts)}</div>"


def _sensed(sensed: Sensed) -> str:
    if len(sensed.shape) != 3:
        return _bars([(name, float(value), "") for name, value in zip(sensed.names, sensed.values, strict=True)])
    layers, height, width = sensed.shape
    patches = sensed.values.reshape(sensed.shape)
    tables = []
    for layer in range(layers):
        rows = []
        for y in reversed(range(height)):  # y grows upward
            cells = "".join(_cell(sensed, float(patches[layer, y, x]), layer, y, x) for x in range(width))
            rows.append(f"<tr>{cells}</tr>")
        name = sensed.names[layer * height * width].split("(")[0]
        tables.append(f"<table><caption>{escape(name)}</caption>{''.join(rows)}</table>")
    seen = [(name, float(value), "") for name, value in zip(sensed.names, sensed.values, strict=True) if value]
    return f"<div class='aira-patches'>{''.join(tables)}</div>{_bars(seen)}"


def _cell(sensed: Sensed, value: float, layer: int, y: int, x: int) -> str:
    _, height, width = sensed.shape
    name = sensed.names[(layer * height + y) * width + x]
    me = " class='self'" if (y, x) == (height // 2, width // 2) else ""
    shade = f"background: rgba(0,114,178,{min(1.0, abs(value)):.2f})"
    return (
        f"<td{me} style='{shade}' title='{escape(name)}: {value:.3g}' "
        f"data-feature='{escape(name)}' data-value='{value!r}'></td>"
    )


def _acted(acted: Acted, mind: Mind) -> str:
    if acted.probabilities is not None:
        pairs = zip(acted.names, acted.probabilities, strict=True)
        return _bars([(n, float(p), "chosen" if n == acted.chosen else "") for n, p in pairs], high=1.0)
    told = f"<div class='aira-facts'>chosen: <b data-chosen='{escape(acted.chosen)}'>{escape(acted.chosen)}</b></div>"
    if acted.means is None or acted.deviations is None:
        return told
    each = zip(acted.names, acted.means, acted.deviations, strict=True)
    return told + "".join(
        f"<div class='aira-facts'>{escape(n)}: mean {m:.3g}, deviation {d:.3g}</div>" for n, m, d in each
    )


def _bars(rows: list[tuple[str, float, str]], high: float | None = None) -> str:
    """Bars from zero: to the right where a number is positive, orange to the left where it is negative."""
    largest = high or max((abs(value) for _, value, _ in rows if np.isfinite(value)), default=1.0) or 1.0
    two_sided = any(value < 0 for _, value, _ in rows)
    parts = []
    for name, value, mark in rows:
        share = min(1.0, abs(value) / largest) * (50 if two_sided else 100)
        left = 50 - share if value < 0 else (50 if two_sided else 0)
        less = " class='less'" if value < 0 else ""
        sign = " ◀" if mark else ""
        parts.append(
            f"<span class='{mark}'>{escape(name)}{sign}</span><span class='track'>"
            f"<i{less} style='left:{left:.1f}%;width:{share:.1f}%'></i></span>"
            f"<span class='number {mark}' data-feature='{escape(name)}' data-value='{value!r}'>{value:.3g}</span>"
        )
    return f"<div class='aira-bars'>{''.join(parts)}</div>"


def _strip(memory: np.ndarray) -> str:
    """Every number of a memory as a cell; blue is positive, orange negative."""
    cells = []
    for index, value in enumerate(memory[:256]):
        colour = "0,114,178" if value >= 0 else "213,94,0"
        shade = f"background: rgba({colour},{min(1.0, abs(float(value))):.2f})"
        cells.append(f"<td style='{shade}' title='memory {index}: {value:.3g}'></td>")
    rows = ["".join(cells[start : start + 16]) for start in range(0, len(cells), 16)]
    return f"<div class='aira-patches'><table>{''.join(f'<tr>{row}</tr>' for row in rows)}</table></div>"
