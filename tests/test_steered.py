"""Hosted worlds that are steered while they run, policies that lost a part, and training in the background."""

import threading

import compiled
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toy_learner import toy_learner

from aira_agents.environment import Percept
from aira_agents.errors import IncompatiblePolicyError, InputError
from aira_agents.hosting.steered import model_of, steered
from aira_agents.learning.background import BackgroundTraining
from aira_agents.loop import unroll
from aira_agents.policies.gru import GRUPolicy
from aira_agents.policies.impaired import Impaired, still
from aira_agents.policies.mlp import MLPPolicy
from aira_agents.policies.random import RandomPolicy
from aira_agents.spaces import Box
from environments.foraging import Foraging, ForagingModel, greedy
from environments.predator_prey import PredatorPrey

SMALL = {"n_agents": 4, "width": 6, "height": 6, "max_steps": 5}


def small(**settings):
    return steered(ForagingModel, lambda: SMALL | settings)(rng=3)


def test_a_new_world_begins_where_one_ended_and_steps_count_on():
    model = small()
    for _ in range(12):
        model.step()
    assert (model.steps, model.lives, model.running, int(model.state.time)) == (12, 3, True, 2)
    assert model.age(1) == 2
    model.renews = False
    for _ in range(3):
        model.step()
    assert not model.running and model.fault is None


def test_it_moves_as_the_unsteered_model_does():
    model, plain = small(policy=greedy), ForagingModel(**SMALL, policy=greedy, rng=3)
    for _ in range(5):
        model.step()
        plain.step()
    for own, other in zip(jax.tree.leaves(model.state), jax.tree.leaves(plain.state), strict=True):
        assert np.array_equal(own, other)


def test_ages_are_counted_from_birth():
    model = steered(model_of(PredatorPrey), lambda: {"prey_births": 0.3, "width": 12, "height": 12})(rng=0)
    born = {}
    for step in range(8):
        known = set(model.agents.get("unique_id"))
        model.step()
        born |= dict.fromkeys(set(model.agents.get("unique_id")) - known, step + 1)
    ages = {uid: model.age(uid) for uid in model.agents.get("unique_id")}
    assert len(born) > 5
    assert ages == {uid: 8 - born.get(uid, 0) for uid in ages}


def test_a_fault_stops_the_world_and_is_told():
    def breaks(observation, rng):
        return 1 / 0

    model = small(policy=breaks)
    model.step()
    assert "ZeroDivisionError" in model.fault
    assert not model.running
    model.swap({"forager": RandomPolicy()})
    model.step()
    assert model.fault is None and model.running
    assert model.steps == int(model.state.time) == 1


def test_a_swap_of_like_networks_keeps_memories_and_another_kind_begins_anew():
    role = Foraging(**SMALL).roles[0]
    networks = [GRUPolicy.build(role.n_features, role.n_outputs, jax.random.key(seed)) for seed in (0, 1)]
    model = small(policy={"forager": networks[0]})
    for _ in range(3):
        model.step()
    before = np.asarray(model.memories["forager"])
    model.swap({"forager": networks[1]})
    assert np.array_equal(model.memories["forager"], before) and before.any()
    wide = GRUPolicy.build(role.n_features, role.n_outputs, jax.random.key(2), hidden=8)
    model.swap({"forager": wide})
    assert not np.asarray(model.memories["forager"]).any()
    with pytest.raises(IncompatiblePolicyError):
        model.swap({"forager": MLPPolicy.build(3, 5, jax.random.key(0))})


def test_who_lost_a_sensor_decides_as_if_it_saw_nothing_and_the_frozen_stay():
    world = Foraging(**SMALL, food_at_start=0.8)
    role = world.roles[0]
    network = MLPPolicy.build(role.n_features, role.n_outputs, jax.random.key(0), final_scale=5.0)
    whole = Impaired.not_yet(network, role)
    percept = compiled.observe(world, compiled.reset(world, jax.random.key(1)), jax.random.key(2))["forager"]
    key = jax.random.key(3)
    decided, _ = network.decide(role, percept, None, key)
    assert np.array_equal(whole.decide(role, percept, None, key)[0].actions["move"], decided.actions["move"])
    blind = Impaired(network, jnp.ones((4, role.n_features), bool), whole.frozen)
    nothing = Percept(jnp.zeros_like(percept.features), percept.valid)
    seen, _ = blind.decide(role, percept, None, key)
    expected, _ = network.decide(role, nothing, None, key)
    assert np.array_equal(seen.actions["move"], expected.actions["move"])
    assert not np.array_equal(seen.log_prob, decided.log_prob)
    frozen = Impaired(network, whole.blind, {"move": jnp.array([True, False, True, False])})
    held = np.asarray(frozen.decide(role, percept, None, key)[0].actions["move"])
    assert held[[0, 2]].tolist() == [0, 0]
    assert held[[1, 3]].tolist() == np.asarray(decided.actions["move"])[[1, 3]].tolist()


def test_a_frozen_box_is_nearest_to_zero():
    box = Box(("a", "b"), (0.5, -1.0), (1.0, 1.0), ("", ""))
    assert still(box).tolist() == [[0.5, 0.0]]


def test_taking_parts_away_compiles_nothing():
    from aira_agents.hosting.programs import _steps  # noqa: PLC0415  what is counted

    role = Foraging(**SMALL).roles[0]
    whole = Impaired.not_yet(MLPPolicy.build(role.n_features, role.n_outputs, jax.random.key(0)), role)
    model = small(policy={"forager": whole})
    model.step()
    before = _steps._cache_size()
    model.swap({"forager": Impaired(whole.policy, ~whole.blind, {"move": ~whole.frozen["move"]})})
    places = [agent.pos for agent in model.agents]
    model.step()
    assert [agent.pos for agent in model.agents] == places
    assert _steps._cache_size() == before


def test_a_policy_of_an_unroll_can_be_impaired():
    world = Foraging(**SMALL)
    role = world.roles[0]
    policies = {"forager": Impaired.not_yet(RandomPolicy(), role)}
    now = steered(ForagingModel, lambda: SMALL)(rng=0)._course.now
    after, _ = unroll(world, policies, now, 3, lambda _: None)
    assert int(after.state.time) == 3


def test_training_in_the_background_pauses_goes_on_and_leaves():
    told = threading.Event()
    training = BackgroundTraining(toy_learner(), seed=0, learned=told.set)
    assert training.policies is None and not training.is_on
    training.switch(True)
    assert told.wait(60)
    training.switch(False)
    for _ in range(600):
        if training.rests:
            break
        threading.Event().wait(0.05)
    at_rest, first = training.steps, len(training.curve.steps)
    assert training.rests and training.policies is not None and first > 0
    assert training.curve.steps[-1] == at_rest
    told.clear()
    training.switch(True)
    assert told.wait(60)
    training.leave()
    training.join(60)
    assert training.steps > at_rest and training.fault is None


def test_numbers_that_blow_up_in_the_background_are_told_and_what_was_learned_stays():
    told = threading.Event()
    training = BackgroundTraining(toy_learner(blows_up_at=3), seed=0, learned=told.set)
    training.switch(True)
    training.join(60)
    assert "became infinite or not-a-number" in training.fault
    assert not training.is_on
    policies = training.policies
    assert policies is None or all(
        np.isfinite(leaf).all() for leaf in jax.tree.leaves(policies) if hasattr(leaf, "shape")
    )


@pytest.mark.parametrize("kept", [True, False])
def test_why_it_ended_is_told_word_for_word_but_for_the_path_where_it_is_kept(kept, tmp_path):
    folder = tmp_path / "taught" if kept else None

    def fails(_):
        raise InputError(f"None fits {folder}.")

    training = BackgroundTraining(toy_learner()._replace(update=fails), seed=0, folder=folder)
    training.switch(True)
    training.join(60)
    assert training.fault == ("None fits its folder." if kept else "None fits None.")
    training.drop()
    assert not (tmp_path / "taught").exists()
