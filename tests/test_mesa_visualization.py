"""What Mesa brings to look at models works with ours as it is."""

import warnings

import pytest

from environments.foraging import ForagingModel

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.browser]

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import ipywidgets
    import solara
    from mesa.visualization import SolaraViz, SpaceRenderer, make_plot_component
    from mesa.visualization.components import AgentPortrayalStyle


def portrayal(agent):
    return AgentPortrayalStyle(size=20, color="tab:red" if agent.meals else "tab:blue")


def test_mesas_space_renderer_draws_every_agent_where_it_stands():
    model = ForagingModel(n_agents=6, width=9, height=7, rng=0)
    model.step()
    renderer = SpaceRenderer(model=model, backend="matplotlib")
    renderer.draw_agents(portrayal)
    drawn = [tuple(point) for marks in renderer.canvas.collections for point in marks.get_offsets().tolist()]
    assert sorted(drawn) == sorted((float(agent.x), float(agent.y)) for agent in model.agents)


def test_mesas_page_shows_our_models_with_its_own_renderer_and_plots():
    model = ForagingModel(n_agents=6, width=9, height=7, rng=0)
    renderer = SpaceRenderer(model=model, backend="matplotlib")
    renderer.draw_agents(portrayal)

    plot = make_plot_component(["n_forager", "reward_forager"])
    size = {"type": "SliderInt", "value": 6, "label": "n", "min": 1, "max": 20, "step": 1}
    page = SolaraViz(model, renderer, components=[plot], model_params={"n_agents": size})
    _, context = solara.render(page, handle_error=False)
    space, series = [widget.value for widget in context.find(ipywidgets.Image).widgets]
    assert space[:4] == series[:4] == b"\x89PNG" and space != series
    context.close()
    model.step()
    assert model.datacollector.get_model_vars_dataframe()["n_forager"].tolist() == [6, 6]
