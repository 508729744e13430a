"""Plots of whatever a model reports or an agent has, chosen on the page, and all of it to take home."""

import io

import numpy as np
import pandas as pd
import solara
import solara.lab

from aira_agents.hosting.numbers import number_names, numbers
from viz.lab import Lab
from viz.plots import histogram_png, series_png
from viz.record import Film

SERIES, HISTOGRAM = "over time", "histogram of agents"


@solara.component
def Plots(lab: Lab) -> None:
    """One plot, and downloads."""
    kind, set_kind = solara.use_state(SERIES)
    model = lab.model.value
    reported = [*model.datacollector.model_vars] if model.datacollector else []
    of_agents = [f"{name} of {role}" for role, agents in model.state.agents.items() for name in number_names(agents)]
    series, set_series = solara.use_state(reported[1] if len(reported) > 1 else reported[0])
    column, set_column = solara.use_state(of_agents[0])
    series = series if series in reported else reported[0]  # another world reports something else
    column = column if column in of_agents else of_agents[0]
    dark = bool(solara.lab.use_dark_effective())
    of_time = kind == SERIES

    def draw() -> bytes | None:
        return _series(lab, series, dark) if of_time else _histogram(lab, column, dark)

    # In a thread of its own: the world and clicks do not wait for a picture.
    drawn = solara.lab.use_task(draw, dependencies=[kind, series, column, dark, id(model), lab.plot_tick.value])
    with solara.Card("Plot", margin=0, classes=["aira-plots"]):
        with solara.Div(classes=["aira-row"]):
            with solara.Div(classes=["aira-choice"]):
                solara.Select("Kind", values=[SERIES, HISTOGRAM], value=kind, on_value=set_kind)
            with solara.Div(classes=["aira-choice"]):
                if of_time:
                    solara.Select("What", values=reported, value=series, on_value=set_series).key("series")
                else:
                    solara.Select("What", values=of_agents, value=column, on_value=set_column).key("column")
        picture = drawn.latest
        if picture:
            solara.Image(picture, width="100%")
        with solara.Div(classes=["aira-row"]):
            name = lab.subject.name.replace("/", "-")
            solara.FileDownload(lambda: model_csv(lab), f"{name}.csv", label="Model as CSV")
            solara.FileDownload(lambda: agents_csv(lab), f"{name}-agents.csv", label="Agents as CSV")
            if picture:
                solara.FileDownload(picture, f"{name}-plot.png", label="Plot as PNG")
            solara.FileDownload(lambda: world_png(lab), f"{name}.png", label="World as PNG")


def model_csv(lab: Lab) -> bytes:
    """Returns all that the model reported, a row a step."""
    collector = lab.model.value.datacollector
    table = pd.DataFrame() if collector is None else collector.get_model_vars_dataframe()
    return table.to_csv(index_label="step").encode()


def agents_csv(lab: Lab) -> bytes:
    """Returns the agents that live now, a row each."""
    _, state, step = lab.model.value.moment()
    tables = []
    for role, agents in state.agents.items():
        alive = np.asarray(agents.alive)
        columns = {name: numbers(agents, name)[alive] for name in number_names(agents)}
        own = pd.DataFrame({"step": step, "role": role, "agent": np.asarray(agents.uid)[alive], **columns})
        tables.append(own)
    return pd.concat(tables).to_csv(index=False).encode()


def world_png(lab: Lab) -> bytes:
    """Returns the world as it is now."""
    film = Film(lab.model.value)
    film.draw()
    out = io.BytesIO()
    film.figure.savefig(out, format="png")
    return out.getvalue()


def _series(lab: Lab, name: str, dark: bool) -> bytes | None:
    collector = lab.model.value.datacollector
    values = np.array([] if collector is None else collector.model_vars.get(name, []), float)
    if np.isfinite(values).sum() < 2:
        return None
    return series_png(np.arange(len(values)), {name: values}, ("step", name), dark=dark)


def _histogram(lab: Lab, what: str, dark: bool) -> bytes | None:
    name, _, role = what.partition(" of ")
    agents = lab.model.value.moment()[1].agents[role]
    return histogram_png(numbers(agents, name)[np.asarray(agents.alive)], what, dark=dark)
