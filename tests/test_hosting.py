"""A hosted world is a real Mesa model: steps, agents, collecting, batches; and it refuses what would go wrong."""

import copy
import inspect
import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import jax
import jax.numpy as jnp
import mesa
import numpy as np
import pytest
from mesa.agent import AgentSet
from worlds import WORLDS

from aira_agents.environment import Environment
from aira_agents.errors import IncompatiblePolicyError, InputError
from aira_agents.hosting import HostedAgent, HostedModel, programs
from aira_agents.parameters import number
from aira_agents.policies.mlp import MLPPolicy
from environments.flocking import FlockingModel, boid
from environments.foraging import Foraging, ForagingModel

SMALL = {"n_agents": 4, "width": 6, "height": 5}


def _model(**values):
    return ForagingModel(**{**SMALL, "rng": 1, **values})


@pytest.mark.parametrize("name", WORLDS)
def test_every_world_is_a_mesa_model_that_knows_without_looking_what_its_arrays_say(name):
    model_class, parameters, _ = WORLDS[name]
    model = model_class(**parameters, rng=0)
    assert isinstance(model, mesa.Model)
    named = inspect.signature(model_class.__init__).parameters
    assert {*parameters, "policy", "rng"} <= set(named)
    assert all(p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) for p in named.values())
    for n in (1, 2, 3):
        model.step()
        assert model.steps == n and model.running
        assert all(agent.unique_id > 0 for agent in model.agents)
        for role, feedback in model.transition.feedback.items():
            alive, active = np.asarray(model.state.agents[role].alive), np.asarray(feedback.active)
            assert model.glance.alive[role] == alive.sum()
            np.testing.assert_allclose(
                model.glance.rewards[role], np.asarray(feedback.reward)[active].mean(), rtol=1e-5, atol=1e-6
            )


def test_a_model_runs_to_its_end_and_then_refuses_to_step():
    model = _model(max_steps=3)
    model.run_model()
    assert model.steps == 3 and not model.running
    with pytest.raises(InputError, match="ended after 3 steps"):
        model.step()
    assert model.steps == 3


compilations: list[str] = []


def _count(event, seconds, **_):
    del seconds
    if "backend_compile" in event:
        compilations.append(event)


jax.monitoring.register_event_duration_secs_listener(_count)


def test_three_settings_of_three_models_compile_once_and_are_traced_once(monkeypatch):
    parameters = {"n_agents": 3, "width": 11, "height": 13}  # shapes that no other test has compiled
    compilations.clear()
    _model(**parameters).step()
    assert len(compilations) >= 2  # the start and the step
    compilations.clear()
    monkeypatch.setattr(Foraging, "reset", None)
    for regrowth in (0.1, 0.2, 0.3):
        for rng in (1, 2, 3):
            model = _model(**parameters, regrowth=regrowth, rng=rng)
            model.step()
            model.regrowth = 0.7
            model.step()
    assert compilations == []
    monkeypatch.undo()
    _model(**{**parameters, "width": 12}).step()
    assert compilations  # the count counts


def test_importing_every_world_leaves_jax_unstarted():
    code = (
        "import sys; from aira_agents.registry import find_environment, names; "
        "[find_environment(name) for name in names('world')]; "
        "from jax._src import xla_bridge; sys.exit(bool(xla_bridge._backends))"
    )
    root = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": root}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_model_and_agent_reporters_collect_what_is_there():
    class Observed(ForagingModel):
        model_reporters = {"food": lambda model: int(model.state.food.sum())}
        agent_reporters = {"meals": "meals", "where": "x"}

    model = Observed(**SMALL, food_at_start=0.5, rng=3)
    for _ in range(3):
        model.step()
    told = model.datacollector.get_model_vars_dataframe()
    assert told["n_forager"].tolist() == [4] * 4
    assert told["food"].iloc[-1] == model.state.food.sum()
    agents = model.datacollector.get_agent_vars_dataframe()
    assert len(agents) == 4 * 4
    assert agents["meals"].iloc[-4:].tolist() == model.agents.get("meals")

    plain = mesa.DataCollector(agent_reporters={"meals": "meals", "where": lambda agent: agent.pos[0]})
    plain.collect(model)
    assert plain.get_agent_vars_dataframe()["where"].tolist() == agents["where"].iloc[-4:].tolist()


@pytest.mark.parametrize("processes", [1, 2])
def test_mesa_runs_it_in_batches(processes):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `iterations` is deprecated in newer Mesas, and all that older ones know
        rows = mesa.batch_run(
            ForagingModel,
            {"regrowth": [0.0, 1.0], **{name: [value] for name, value in SMALL.items()}, "rng": [5]},
            number_processes=processes,
            max_steps=4,
            display_progress=False,
            **({} if "rng" not in inspect.signature(mesa.batch_run).parameters else {"rng": [5]}),
        )
    by_regrowth = {row["regrowth"]: row for row in rows}
    assert set(by_regrowth) == {0.0, 1.0}
    assert by_regrowth[1.0]["reward_forager"] > by_regrowth[0.0]["reward_forager"]


def test_numbers_change_while_the_model_lives_and_sizes_do_not():
    model = _model(food_at_start=0, regrowth=0)
    model.step()
    assert not model.state.food.any()
    model.regrowth = 1
    model.step()
    assert model.state.food.all() and model.regrowth == 1.0
    with pytest.raises(InputError, match=r"number in 0\.\.1"):
        model.regrowth = 2
    with pytest.raises(InputError, match="fixed when a model is made"):
        model.width = 9
    assert model.regrowth == 1.0


def test_a_policy_changes_while_the_model_lives():
    model = _model()
    model.policy = lambda observation, key: jnp.int32(0)
    before = model.agents.get("pos")
    model.step()
    assert model.agents.get("pos") == before


def test_the_same_seed_is_the_same_world_and_none_is_a_new_one():
    places = [_model(rng=rng).agents.get("pos") for rng in (1, 1, 2)]
    assert places[0] == places[1] != places[2]
    assert _model(rng=None).agents.get("pos") != _model(rng=None).agents.get("pos")


def _never(observation, rng):
    raise ZeroDivisionError("oh no")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"n_agnts": 3}, "Did you mean 'n_agents'"),
        ({"regrowth": 3}, "number in 0..1; got 3"),
        ({"rng": -1}, "whole number in 0..4294967295"),
        ({"rng": 1.5}, "whole number in 0..4294967295"),
        ({"policy": {"forger": None}}, "Did you mean 'forager'"),
        ({"policy": 3}, "got int"),
        ({"policy": lambda observation: 0}, "act\\(observation, key\\)"),
        ({"policy": lambda observation, key: None}, "Is a `return` missing"),
        ({"policy": lambda observation, key: observation["visoin"]}, "KeyError"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(values, message):
    with pytest.raises((InputError, IncompatiblePolicyError), match=message) as refusal:
        _model(**values)
    assert "\n" not in str(refusal.value)


def test_a_network_for_another_world_is_refused_by_name():
    with pytest.raises(IncompatiblePolicyError, match="'forager' does not fit: a policy is given 18 numbers"):
        _model(policy=MLPPolicy.build(7, 5, jax.random.key(0)))
    with pytest.raises(IncompatiblePolicyError, match="expected \\(5,\\): move"):
        _model(policy=MLPPolicy.build(18, 3, jax.random.key(0)))


def test_what_a_numpy_rule_raises_is_told_plainly():
    with pytest.raises(IncompatiblePolicyError, match="`act` failed: ZeroDivisionError: oh no"):
        _model(policy=_never).step()


def test_a_world_may_not_hide_what_mesa_needs():
    class Steps(Foraging):
        agents: jax.Array = number(1)

    with pytest.raises(InputError, match="Mesa's models have a 'agents'"):

        class StepsModel(HostedModel, environment=Steps):
            pass


def test_a_students_subclass_keeps_its_own_step():
    class Lesson(ForagingModel):
        def __init__(self, n_agents=4, *, rng=None):
            super().__init__(n_agents=n_agents, width=6, height=5, rng=rng)
            self.told = []

        def step(self):
            super().step()
            self.told.append(self.agents.agg("meals", np.sum))

    model = Lesson(rng=2)
    model.step()
    assert len(model.told) == 1 and model.steps == 1
    assert issubclass(model.environment_class, Environment)


def test_agents_and_agent_sets_are_mesas_and_survive_pickling():
    model = _model()
    assert isinstance(model.agents, AgentSet) and isinstance(model.agents[0], mesa.Agent)
    assert isinstance(model.agents[0], HostedAgent) and type(model.agents[0]) is ForagingModel.Forager
    assert pickle.loads(pickle.dumps(ForagingModel.Forager)) is ForagingModel.Forager


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_of_a_model_walks_on_by_itself_as_the_model_does(copied):
    model = _model()
    model.step()
    everybody = model.agents
    other = copied(model)
    model.step()
    assert other.steps == 1 and len(other.agents) == len(everybody)
    other.step()
    assert other.agents.get("x") == model.agents.get("x") and other.agents[0].model is other
    other.agents[0].x = (model.agents[0].x + 1) % model.environment.width
    assert other.agents[0].x != model.agents[0].x
    other.step()
    assert other.steps == 3 and model.steps == 2 and len(other.datacollector.get_model_vars_dataframe()) == 4


@pytest.mark.slow
def test_a_crowd_gets_more_room_while_it_is_hosted_and_sees_all_around_it():
    crowd = {"n_birds": 60, "width": 20, "height": 20, "vision": 2.0, "policy": boid, "rng": 1}
    tight = FlockingModel(**crowd, neighbours="cells", room=1)
    wide = FlockingModel(**crowd, neighbours="cells", room=64)
    assert 1 < tight.room < 64  # already at the start
    for _ in range(20):
        tight.step()
        wide.step()
    assert (int(tight.state.crowded), int(wide.state.crowded)) == (0, 0)
    np.testing.assert_allclose(tight.agents.get("x"), wide.agents.get("x"), atol=1e-3)


def test_a_crowd_that_no_room_holds_is_counted(monkeypatch):
    monkeypatch.setattr(programs, "grown", lambda environment: None)
    tight = FlockingModel(n_birds=60, width=20, height=20, vision=2.0, neighbours="cells", room=1, rng=1)
    before = int(tight.state.crowded)
    tight.step()
    assert 0 < before < int(tight.state.crowded) and tight.room == 1
