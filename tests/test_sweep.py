"""Sweeps: a row is what the same run would be alone, whatever else runs beside it."""

import dataclasses

import jax
import numpy as np
import pytest
from grid_world import GridWorld

from aira_agents.errors import InputError
from aira_agents.loop import start, unroll
from aira_agents.policies import Rule
from aira_agents.sweeps import runner as runners
from aira_agents.sweeps.runner import Runner
from aira_agents.sweeps.spec import Spec, parsed_variation
from aira_agents.sweeps.summary import summed_up
from environments import sweep
from environments.flocking import Flocking, FlockingModel, boid
from environments.foraging import Foraging, ForagingModel, greedy
from environments.predator_prey import PredatorPrey

KEY = jax.random.key(0)
SMALL = {"n_agents": (4,), "width": (6,), "height": (5,)}
VARIED = {**SMALL, "regrowth": (0.01, 0.2), "food_at_start": (0.1, 0.3, 0.5)}


def executed(spec, at_once=0):
    runner = Runner(spec, at_once)
    return runner.execute(range(spec.n_runs)).sort_values(["run", "step"], ignore_index=True)


def test_a_row_is_what_the_mesa_model_with_this_seed_does():
    table = sweep(ForagingModel, VARIED, rng=[3, 7], max_steps=20, data_collection_period=8, policy=greedy)
    assert table.groupby("run")["step"].apply(list).tolist() == [[0, 8, 16, 20]] * 12
    row = table[(table["regrowth"] == 0.2) & (table["food_at_start"] == 0.3) & (table["seed"] == 7)].iloc[-1]
    model = ForagingModel(4, 6, 5, regrowth=0.2, food_at_start=0.3, policy=greedy, rng=7)
    rewards = 0.0
    for _ in range(20):
        model.step()
        rewards += 4 * model.glance.rewards["forager"].item()
    assert row["mean_forager_meals"] == np.float32(model.agents.agg("meals", np.mean))
    assert row["mean_food"] == pytest.approx(np.asarray(model.state.food).mean(), abs=1e-6)
    assert row["total_reward_forager"] == pytest.approx(rewards, abs=1e-4)
    assert row["reward_forager"] == pytest.approx(model.glance.rewards["forager"].item(), abs=1e-6)
    assert row["n_forager"] == 4


def test_rows_do_not_depend_on_how_many_run_at_once():
    spec = Spec(Foraging, VARIED, (0, 1), 10, policy=greedy)
    together, by_threes = executed(spec), executed(spec, at_once=3)
    assert together.equals(by_threes)
    assert together["mean_forager_meals"].nunique() > 1


def test_what_is_left_out_is_not_measured_and_changes_nothing_else():
    spec = Spec(Foraging, {**SMALL, "regrowth": (0.2,)}, (0, 1), 10, policy=greedy)
    some = executed(dataclasses.replace(spec, keep=("mean_food", "reward_forager")))
    assert [*some] == ["run", *SMALL, "regrowth", "seed", "step", "reward_forager", "mean_food", "error"]
    assert some.equals(executed(spec)[[*some]])


def test_a_setting_that_makes_no_world_is_marked_and_the_rest_go_on():
    table = sweep(Foraging, {**SMALL, "food_at_start": [0.1, 1.5, 0.5]}, iterations=2, max_steps=5)
    assert table["run"].tolist() == list(range(6))
    assert (table["error"] != "").tolist() == [False, False, True, True, False, False]
    assert "`food_at_start` must be a number in 0..1; got 1.5" in table["error"][2]
    with pytest.raises(InputError, match="No setting can be run"):
        sweep(Foraging, {"food_at_start": [2, 3]}, max_steps=5)


def test_a_run_that_raises_is_found_among_those_beside_it():
    def act(observation, rng):
        del rng
        if np.asarray(observation["vision"]).size and observation["vision"][0].sum() > 8:
            raise ValueError("so much food")
        return 0

    table = sweep(Foraging, {**SMALL, "food_at_start": [0.0, 0.0001, 1.0]}, iterations=1, max_steps=2, policy=act)
    assert ["so much food" in told for told in table["error"]] == [False, False, True]


def test_a_run_that_ends_stands_still():
    spec = Spec(
        GridWorld, {"slip": (0.5,), "max_steps": (3, 12)}, (0, 1), 20, every=4, policy=lambda observation, key: 0
    )
    table = executed(spec)
    assert table[table["run"] == 0]["step"].tolist() == [0, 3]
    assert table[table["run"] == 2]["step"].tolist() == [0, 4, 8, 12]
    assert table[table["run"] == 0]["total_reward_walker"].iloc[-1] == pytest.approx(3 * -0.04)


def test_births_that_found_no_room_are_counted():
    values = {"n_prey": 4, "n_predators": 1, "prey_capacity": 4, "predator_capacity": 2, "width": 6, "height": 6}
    table = sweep(PredatorPrey, values | {"regrowth": 1.0}, max_steps=60)
    assert table["refused_births"][0] > 0


def test_programs_shrink_until_they_fit_into_memory(monkeypatch):
    spec = Spec(Foraging, VARIED, (0, 1, 2, 3), 4)
    needs = executed_program(spec).bytes_per_device
    monkeypatch.setattr(runners, "free_bytes", lambda: needs)  # half of it may be taken
    runner = Runner(spec)
    program, size = runner._program([0])
    assert 1 <= size < 24
    assert program.bytes_per_device <= needs / 2
    monkeypatch.setattr(runners, "free_bytes", lambda: 100)
    with pytest.raises(InputError, match=r"One run needs .* GB of memory"):
        Runner(spec).execute([0])


def executed_program(spec):
    return Runner(spec)._program([0])[0]


def test_static_parameters_are_grouped_and_said():
    runner = Runner(Spec(Foraging, {"width": (6, 8), "food_at_start": (0.1, 0.2)}, (0, 1), 5), at_once=3)
    outline = runner.outline()
    assert (outline.static, outline.n_programs) == (("width",), 2)
    assert outline.batches == [[0, 1, 2], [3], [4, 5, 6], [7]]
    assert runner.outline(frozenset([0, 1, 2, 3, 4])).batches == [[5, 6, 7]]


def test_variations_read_as_people_write_them():
    assert parsed_variation("density=0.1:0.9:9")[1] == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    assert parsed_variation("n = 10:30:3") == ("n", (10, 20, 30))
    assert parsed_variation("heater=on_off,continuous") == ("heater", ("on_off", "continuous"))
    assert parsed_variation("shared_home=True,false") == ("shared_home", (True, False))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("density", "NAME=LOW:HIGH:COUNT"),
        ("density=", "NAME=LOW:HIGH:COUNT"),
        ("=3", "NAME=LOW:HIGH:COUNT"),
        ("density=0.1:0.9", "a count of at least 1"),
        ("density=0.1:0.9:0", "a count of at least 1"),
        ("density=a:b:3", "a count of at least 1"),
        ("density=0:inf:3", "a count of at least 1"),
        ("density=0.1:0.1:3", "make no sense"),
        ("density=0.1:0.9:1", "make no sense"),
        ("density=0.1,,0.3", "empty value"),
        ("density=0.1,0.1", "twice"),
        ("density=0:1:300000000", "300,000,000 values are more than"),
    ],
)
def test_nonsense_to_vary_is_told(text, told):
    with pytest.raises(InputError, match=told):
        parsed_variation(text)


@pytest.mark.parametrize(
    ("values", "more", "told"),
    [
        ({"food_at_strat": (0.1,)}, {}, "Did you mean 'food_at_start'"),
        ({"food_at_start": ()}, {}, "no value"),
        ({"food_at_start": (0.1,)}, {"seeds": ()}, "at least one seed"),
        ({"food_at_start": (0.1,)}, {"seeds": (-1,)}, "whole number in 0"),
        ({"food_at_start": (0.1,)}, {"keep": ("mean_fod",)}, "Did you mean 'mean_food'"),
        ({"food_at_start": (0.1,)}, {"steps": 0}, "at least 1 step"),
        ({"food_at_start": (0.1,)}, {"fixed": {"food_at_start": 0.3}}, "both varied and set"),
    ],
)
def test_nonsense_of_a_sweep_is_told(values, more, told):
    options = {"seeds": (0,), "steps": 5} | more
    with pytest.raises(InputError, match=told):
        Runner(Spec(Foraging, values, options.pop("seeds"), options.pop("steps"), **options)).outline()


def test_a_mean_pools_what_is_not_asked_for_and_leaves_out_what_failed():
    spec = Spec(Foraging, {**SMALL, "food_at_start": (0.2, 0.8), "regrowth": (0.0,)}, (0, 1, 2), 5, every=2)
    summary = summed_up(executed(spec), ["food_at_start"], "mean_food")
    assert summary["food_at_start"].tolist() == [0.2, 0.8]
    assert summary["runs"].tolist() == [3, 3]
    assert (summary["low"] <= summary["mean"]).all() and (summary["mean"] <= summary["high"]).all()
    with pytest.raises(InputError, match="Did you mean 'mean_food'"):
        summed_up(executed(spec), ["food_at_start"], "mean_fod")


CROWD = {"n_birds": (60,), "width": (20,), "height": (20,), "vision": (2.0,), "neighbours": ("cells",)}


@pytest.mark.slow
def test_a_crowded_run_is_made_again_with_more_room_unless_somebody_said_how_much_there_is():
    spec = Spec(Flocking, CROWD, (0, 1), 3, policy=boid)
    ample, given = ({**CROWD, "room": (room,)} for room in (64, 1))
    cramped = executed(dataclasses.replace(spec, varied=given))
    assert (cramped["crowded"] > 0).all() and (cramped["error"] == "").all()
    grown, wide = executed(spec), executed(dataclasses.replace(spec, varied=ample))
    assert (grown["crowded"] == 0).all()
    assert np.allclose(grown["mean_bird_heading"], wide["mean_bird_heading"], atol=1e-4)
    tight = Flocking(**{name: value for name, (value,) in CROWD.items()})
    assert int(unroll(tight, {"bird": Rule(boid)}, start(tight, {"bird": Rule(boid)}, KEY), 3)[0].state.crowded) > 0


@pytest.mark.released
@pytest.mark.slow
def test_a_crowded_flock_made_again_with_more_room_is_the_hosted_one():
    values = {"n_birds": 500, "width": 140, "height": 140}
    table = sweep(FlockingModel, values, rng=[0], max_steps=40, policy=boid)
    model = FlockingModel(**values, policy=boid, rng=0)
    for _ in range(40):
        model.step()
    assert model.environment.room > Flocking().room
    assert table["order"].tolist() == [float(model.environment.measures(model.state)["order"])]


@pytest.mark.released
@pytest.mark.slow
def test_each_run_is_trained_at_its_own_setting():
    values = {**SMALL, "regrowth": (0.0, 0.05), "food_at_start": (0.3,)}
    trained = executed(Spec(Foraging, values, (0, 1), 30, learner="ppo", training=60_000))
    untrained = executed(Spec(Foraging, values, (0, 1), 30))
    gain = trained["total_reward_forager"] - untrained["total_reward_forager"]
    assert gain[2] + gain[3] > 15  # where food comes back there is something to learn
    for name in ("cloning", "tamer"):
        with pytest.raises(InputError, match="learns from data or people"):
            Runner(Spec(Foraging, values, (0,), 5, learner=name, training=100)).outline()
