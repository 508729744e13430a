"""Agents as Mesa shows them: views of columns, read, written, added and removed."""

import numpy as np
import pytest

from aira_agents.errors import InputError
from environments.foraging import ForagingModel
from environments.predator_prey import PredatorPreyModel
from environments.simple_spread import SimpleSpreadModel

STAY = 0


def still(observation, key):
    return STAY


@pytest.fixture
def model():
    return ForagingModel(n_agents=4, width=6, height=5, regrowth=0, food_at_start=0, policy=still, rng=1)


def test_columns_are_attributes(model):
    agent = model.agents[0]
    assert agent.unique_id == 1 and agent.meals == 0 and agent.alive is True
    assert agent.pos == (agent.x, agent.y)
    assert not hasattr(agent, "energy")
    assert SimpleSpreadModel(rng=0).agents[0].position.shape == (2,)
    assert SimpleSpreadModel(rng=0).agents[0].pos is None


def test_setting_an_agents_column_changes_the_world(model):
    model.agents[2].meals = 7
    model.agents[1].pos = (5, 4)
    assert model.state.agents["forager"].meals.tolist() == [0, 0, 7, 0]
    model.step()
    assert model.agents.get("meals") == [0, 0, 7, 0] and model.agents[1].pos == (5, 4)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("mels", 3, "Did you mean 'meals'"),
        ("meals", 1.5, "takes int32; got 1.5"),
        ("meals", [1, 2], r"of shape \(\); got one of shape \(2,\)"),
        ("meals", "three", "takes int32"),
        ("eaten", 1, "takes bool"),
        ("alive", False, "kept by the framework"),
        ("uid", 5, "kept by the framework"),
        ("pos", (6, 0), r"x in 0..5 and y in 0..4; got \(6, 0\)"),
        ("x", 99, r"forager.x takes a cell of the grid, x in 0..5; got 99"),
        ("x", 6, r"0..5; got 6"),
        ("y", -1, r"0..4; got -1"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_and_nothing_changes(model, column, value, message):
    before = model.state
    with pytest.raises(InputError, match=message):
        setattr(model.agents[0], column, value)
    assert model.state is before


def test_a_column_of_cells_off_the_grid_is_refused_as_a_whole(model):
    before = model.state
    for cells in (99, [0, 1, 5, 6]):
        with pytest.raises(InputError, match=r"takes a cell of the grid, x in 0..5"):
            model.agents.set("x", cells)
    assert model.state is before
    model.agents.set("x", [0, 1, 5, 4])
    assert [agent.cell.coordinate[0] for agent in model.agents] == [0, 1, 5, 4]


def test_a_column_of_floats_takes_no_nan():
    agent = SimpleSpreadModel(rng=0).agents[0]
    agent.position = [0.5, -0.5]
    assert agent.position.tolist() == [0.5, -0.5]
    with pytest.raises(InputError, match="finite"):
        agent.position = [np.nan, 0]


def test_the_set_answers_as_mesas_does(model):
    agents = model.agents
    agents[3].meals = 9
    assert len(agents) == 4 and agents[3] in agents
    assert agents.get("meals") == [0, 0, 0, 9]
    assert agents.get(["unique_id", "meals"])[3] == [4, 9]
    assert agents.get("energy", handle_missing="default", default_value=-1) == [-1] * 4
    assert agents.agg("meals", np.mean) == 2.25 and agents.agg("meals", [min, max]) == [0, 9]
    assert [agent.unique_id for agent in agents.select(lambda agent: agent.meals > 3)] == [4]
    assert len(agents.select(at_most=2)) == 2
    assert agents.groupby("meals").count() == {0: 3, 9: 1}
    assert agents.groupby(lambda agent: agent.meals > 3).agg("meals", sum) == {False: 0, True: 9}
    assert next(iter(agents.sort("meals", ascending=False))).unique_id == 4
    assert sorted(agent.unique_id for agent in agents.shuffle()) == [1, 2, 3, 4]
    agents.set("meals", 2)
    assert model.state.agents["forager"].meals.tolist() == [2] * 4
    assert agents.map(lambda agent: agent.meals) == [2] * 4


def test_shuffle_do_reaches_everybody_once(model):
    def eat(agent):
        agent.meals += 1

    model.agents.shuffle_do(eat)
    assert model.state.agents["forager"].meals.tolist() == [1] * 4


def test_sets_are_by_class_too(model):
    assert model.agent_types == [ForagingModel.Forager]
    assert len(model.agents_by_type[ForagingModel.Forager]) == 4


def test_cells_know_who_stands_in_them(model):
    one, other = model.agents[0], model.agents[1]
    one.pos, other.pos = (2, 2), (2, 3)
    assert one.cell.coordinate == (2, 2) and one in one.cell.agents
    assert other in one.cell.neighborhood.agents
    with pytest.raises(InputError, match=r"takes a cell of `model.grid`, .*; got None"):
        other.cell = None
    other.cell = model.grid[(4, 4)]
    assert other.pos == (4, 4) and other not in list(one.cell.neighborhood.agents)
    assert model.grid[(2, 3)].is_empty and not model.grid[(4, 4)].is_empty
    with pytest.raises(InputError, match="moved by"):
        model.grid[(0, 0)].add_agent(one)


def test_the_removed_are_gone_at_once_and_for_good(model):
    gone = model.agents[1]
    gone.remove()
    gone.remove()  # as in Mesa, nothing happens
    assert not gone.is_alive and len(model.agents) == 3
    model.step()
    assert model.agents.get("unique_id") == [1, 3, 4]
    with pytest.raises(InputError, match="forager 2 is dead"):
        _ = gone.meals


def test_an_agent_is_added_where_there_is_room(model):
    with pytest.raises(InputError, match="no room for another forager: all 4 rows are taken"):
        model.add("forager")
    model.agents[0].remove()
    new = model.add("forager", x=3, y=2, meals=5)
    assert (new.unique_id, new.pos, new.meals) == (5, (3, 2), 5)
    model.step()
    assert new.is_alive and len(model.agents) == 4 and new.pos == (3, 2)


def test_adding_nonsense_adds_nobody(model):
    model.agents[0].remove()
    for columns, message in (({"mels": 1}, "meals"), ({"x": 60}, "x in 0..5"), ({"meals": 0.5}, "int32")):
        with pytest.raises(InputError, match=message):
            model.add("forager", **columns)
    with pytest.raises(InputError, match="Did you mean 'forager'"):
        model.add("forger")
    assert len(model.agents) == 3


def test_everybody_can_be_removed(model):
    model.remove_all_agents()
    assert len(model.agents) == 0 and not model.state.agents["forager"].alive.any()
    model.step()


def test_what_would_silently_go_wrong_is_refused(model):
    agent = model.agents[0]
    for attempt, message in (
        (lambda: ForagingModel.Forager(model), r"model.add\('forager'"),
        (lambda: ForagingModel.Forager.create_agents(model, 3), r"model.add\('forager'"),
        (lambda: model.register_agent(agent), "model.add"),
        (lambda: model.agents.remove(agent), "cannot be changed itself"),
        (lambda: model.agents.shuffle(inplace=True), "cannot be changed itself"),
        (lambda: agent.step(), "model.step"),
    ):
        with pytest.raises(InputError, match=message):
            attempt()


def test_a_grid_shows_who_lives_now_whoever_was_born_or_died_and_however_it_is_asked():
    model = PredatorPreyModel(rng=1)
    held, around = model.grid.all_cells, model.grid[(3, 3)].get_neighborhood(radius=4)

    def known(agents):
        return sorted((type(agent).__name__, agent.unique_id, agent.pos) for agent in agents)

    for _ in range(10):
        model.step()
        assert known(model.grid.agents) == known(held.agents) == known(model.agents)
        assert known(around.agents) == known(a for a in model.agents if a.cell in around.cells)
