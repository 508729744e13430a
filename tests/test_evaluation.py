"""What a policy earns, in worlds whose answer is known."""

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

from aira_agents.errors import IncompatiblePolicyError, InputError
from aira_agents.evaluation import _episodes, evaluate
from aira_agents.policies import Decision, RandomPolicy, Rule
from aira_agents.policies.checking import a_world
from aira_agents.policies.mlp import MLPPolicy
from aira_agents.policies.outermost import is_sound, outermost
from environments.cartpole import CartPole
from environments.flocking import Flocking, boid
from environments.foraging import Foraging, ForagingModel, greedy
from environments.thermostat import Thermostat

MEADOW = Foraging(n_agents=3, width=6, height=6, food_at_start=0.2, max_steps=20)
FULL = Foraging(n_agents=3, width=6, height=6, food_at_start=1.0, regrowth=1.0, max_steps=20)


def stay(observation: dict[str, jax.Array], key: jax.Array) -> int:
    return 0


def _key() -> jax.Array:
    return jax.random.key(0)


def test_an_agent_that_always_eats_earns_one_a_step():
    interval = evaluate(FULL, {"forager": Rule(stay)}, _key(), 5)["forager"]
    assert interval[:3] == (20.0, 20.0, 20.0)
    assert interval.count == 15  # three lives in each of five episodes


@pytest.mark.slow
def test_a_rule_beats_chance_and_the_intervals_do_not_touch():
    clever = evaluate(MEADOW, {"forager": Rule(greedy)}, _key(), 60)["forager"]
    chance = evaluate(MEADOW, {"forager": RandomPolicy()}, _key(), 60)["forager"]
    assert clever.low > chance.high


def test_a_world_that_ended_counts_no_more():
    # A cart pushed always to the left loses its pole after about ten steps, at one a step.
    interval = evaluate(CartPole(), {"cart": Rule(stay)}, _key(), 50)["cart"]
    assert 8 <= interval.estimate <= 10.5
    assert interval.count == 50


def test_more_episodes_than_are_held_at_once_are_each_counted_once(monkeypatch):
    monkeypatch.setattr("aira_agents.evaluation.EPISODES_AT_ONCE", 4)
    keys = jax.random.split(_key(), 10)
    returns, lives, *_ = _episodes(FULL, {"forager": Rule(stay)}, keys)
    assert returns["forager"].tolist() == [60.0] * 10
    assert lives["forager"].tolist() == [3.0] * 10


def test_greedy_takes_the_most_probable_action():
    network = MLPPolicy.build(MEADOW.roles[0].n_features, 5, _key(), hidden=(2,))
    leaning = eqx.tree_at(lambda p: p.layers[-1].bias, network, jnp.array([0.5, 0.0, 0.0, 0.0, 0.0]))
    assert evaluate(FULL, {"forager": leaning}, _key(), 5, greedy=True)["forager"].estimate == 20.0


@pytest.mark.parametrize(
    ("policies", "n_episodes", "error", "message"),
    [
        ({"forager": RandomPolicy()}, 0, InputError, "at least 1 episode; got 0"),
        ({}, 3, IncompatiblePolicyError, "there is none for 'forager'"),
    ],
)
def test_nonsense_is_refused(policies, n_episodes, error, message):
    with pytest.raises(error, match=message):
        evaluate(MEADOW, policies, _key(), n_episodes)


def test_a_plain_function_or_one_policy_is_judged_as_a_dictionary_of_it_is():
    named = evaluate(MEADOW, {"forager": Rule(greedy)}, _key(), 5)
    assert evaluate(MEADOW, greedy, _key(), 5) == evaluate(MEADOW, Rule(greedy), _key(), 5) == named


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (Foraging, r"takes a world, `Foraging\(\)`; got the class Foraging\."),
        ("foraging", r"such as `Foraging\(\)`; got str\."),
    ],
)
def test_what_is_no_world_is_refused_with_what_was_meant(given, message):
    with pytest.raises(InputError, match=message):
        a_world(given)
    assert a_world(MEADOW) is MEADOW


def test_a_mesa_model_is_no_world_but_has_one():
    model = ForagingModel(n_agents=4, width=6, height=5, rng=0)
    with pytest.raises(InputError, match=r"takes a world, its `.environment`; got ForagingModel\."):
        a_world(model)
    assert a_world(model.environment) is model.environment


@pytest.mark.parametrize(
    ("world", "act", "message"),
    [
        (MEADOW, lambda observation, key: jnp.int32(99), r"an integer in 0..4 \(.*\) for `move`; got 99"),
        (MEADOW, lambda observation, key: jnp.int32(-7), "got -7"),
        (Thermostat(n_rooms=2, max_steps=5), lambda observation, key: jnp.full(1, jnp.nan), "within bounds.*; got nan"),
    ],
)
def test_a_rule_that_returns_no_action_has_no_score(world, act, message):
    (role,) = world.roles
    with pytest.raises(InputError, match=message):
        evaluate(world, {role.name: Rule(act)}, _key(), 3)


@pytest.mark.parametrize("greedy", [False, True])
@pytest.mark.parametrize("world", [MEADOW, Thermostat(n_rooms=2, max_steps=5)])
def test_a_network_that_blew_up_has_no_score(world, greedy):
    (role,) = world.roles
    network = MLPPolicy.build(role.n_features, role.n_outputs, _key())
    lost = jax.tree.map(lambda leaf: leaf.at[0].set(jnp.nan) if eqx.is_array(leaf) else leaf, network)
    assert evaluate(world, {role.name: network}, _key(), 2, greedy=greedy)
    with pytest.raises(
        InputError, match=f"The policy of '{role.name}' must return .*(outputs are not-a-number|got nan)"
    ):
        evaluate(world, {role.name: lost}, _key(), 2, greedy=greedy)


def test_what_is_done_by_nobody_and_when_all_is_over_does_not_count():
    (role,) = MEADOW.roles
    decisions = {"forager": Decision({"move": jnp.asarray([0, 99, 3])}, jnp.zeros(3))}
    counts, all_count = {"forager": jnp.asarray([True, False, True])}, {"forager": jnp.ones(3, bool)}
    assert outermost((role,), decisions, counts).tolist() == [[0, 3]]
    assert is_sound((role,), decisions, counts) and not is_sound((role,), decisions, all_count)
    # The cart that is on its side goes on beside those that are not, and sees what no rule is made for.
    fallen = lambda observation, key: jnp.where(jnp.abs(observation["motion"][2]) < 0.21, 0, 7).astype(jnp.int32)  # noqa: E731
    assert evaluate(CartPole(), {"cart": Rule(fallen)}, _key(), 50)["cart"].estimate > 8


@pytest.mark.slow
def test_episodes_are_run_anew_with_more_room_where_somebody_was_not_seen():
    # Nine cells, where each bird sees three by three: without room for six they are not all seen.
    birds = {"n_birds": 6, "width": 15, "height": 15, "vision": 3.0, "max_steps": 3, "neighbours": "cells"}
    policies, key = {"bird": Rule(boid)}, jax.random.key(0)
    roomy = evaluate(Flocking(**birds, room=8), policies, key, 2)
    assert evaluate(Flocking(**birds, room=1), policies, key, 2) == roomy


@pytest.mark.parametrize("more", [-1, 1])
def test_a_network_with_too_many_or_too_few_outputs_is_refused(more):
    world = Foraging()
    (role,) = world.roles
    unfit = MLPPolicy.build(role.n_features, role.n_outputs + more, jax.random.key(0))
    with pytest.raises(IncompatiblePolicyError, match=r"expected \(5,\)"):
        evaluate(world, {role.name: unfit}, jax.random.key(0), 2)
