"""A clone does what it was shown, whatever its network, where it was shown it."""

import dataclasses
import functools

import jax
import numpy as np
import probes
import pytest

from aira_agents.data.recording import record
from aira_agents.errors import IncompatiblePolicyError, InputError
from aira_agents.evaluation import evaluate
from aira_agents.learning.cloning import BehaviourCloning, judge
from aira_agents.learning.train import train
from aira_agents.policies import RandomPolicy, Rule
from aira_agents.policies.files import load_policies, save_policies
from aira_agents.policies.gru import GRUPolicy
from aira_agents.policies.mlp import MLPPolicy
from aira_agents.policies.networks import Network
from aira_agents.policies.per_agent import PerAgent
from environments.foraging import Foraging, greedy
from environments.thermostat import Thermostat, proportional

SMALL = functools.partial(MLPPolicy.build, hidden=(16,))
MEADOW = Foraging(n_agents=4, width=12, height=12, food_at_start=0.1, regrowth=0.01)


def second(observation, key):
    return 1


def tiny(**values):
    return BehaviourCloning(**{"batch_size": 64, "n_minibatches": 4, "learning_rate": 0.02} | values)


def clone(world, data, networks, n_updates, seed=0, **values):
    learner = tiny(**values).learner(world, networks, data)
    return train(learner, n_steps=n_updates * learner.steps_per_update, seed=seed, progress=False)


def recorded(world, rule, n=16, role=probes.ROLE):
    return record(world, {role: Rule(rule) if not isinstance(rule, RandomPolicy) else rule}, 0, n)


@pytest.mark.slow
def test_a_clone_of_a_greedy_forager_eats_as_much_as_it():
    data = recorded(MEADOW, greedy, 24, "forager").split({"train": 0.75, "test": 0.25})
    trained = clone(MEADOW, data["train"], MLPPolicy.build, 25, batch_size=1024, n_minibatches=16, learning_rate=1e-3)
    teacher, chance = (
        evaluate(MEADOW, {"forager": policy}, jax.random.key(1), 40)["forager"]
        for policy in (Rule(greedy), RandomPolicy())
    )
    pupil = evaluate(MEADOW, trained.policies, jax.random.key(1), 40)["forager"]
    assert pupil.estimate > teacher.estimate - 0.1 * (teacher.estimate - chance.estimate)
    seen, unseen = (judge(trained.policies, MEADOW, part)["forager"]["loss"] for part in data.values())
    assert abs(seen - unseen) < 0.1


def test_metrics_say_how_near_it_is_and_what_the_data_earned():
    trained = clone(probes.Bandit(), recorded(probes.Bandit(), second), SMALL, 30)
    assert trained.last["accuracy/player"] == 1.0 and trained.last["loss/player"] < 0.05
    assert trained.last["reward"] == 1.0 and np.isnan(trained.last["return/player"])


def test_an_action_that_is_not_valid_takes_no_probability():
    world = probes.ForbiddenArm()
    trained = clone(world, recorded(world, RandomPolicy()), SMALL, 1)
    assert trained.last["loss/player"] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.slow
def test_a_cue_that_is_gone_is_cloned_by_a_memory_and_not_without():
    # Four steps, the cue shown in the first only; the teacher does as it said in all of them.
    world = probes.MemoryChain(max_steps=4)
    data = recorded(world, RandomPolicy(), 64)
    cue = [episode.tracks[probes.ROLE].features[0, 0, 0] > 0 for episode in data.episodes]
    data = dataclasses.replace(
        data, episodes=tuple(acting(e, int(own)) for e, own in zip(data.episodes, cue, strict=True))
    )
    gru = functools.partial(GRUPolicy.build, hidden=16)
    remembered, forgot = (clone(world, data, networks, 60) for networks in (gru, SMALL))
    assert remembered.last["accuracy/player"] > 0.99
    assert forgot.last["accuracy/player"] < 0.8


def acting(episode, action):
    track = episode.tracks[probes.ROLE]
    changed = dataclasses.replace(track, actions={"choose": np.full_like(track.actions["choose"], action)})
    return dataclasses.replace(episode, tracks={probes.ROLE: changed})


@pytest.mark.slow
def test_networks_of_their_own_learn_what_their_own_agents_did():
    world = probes.Bandit(n_players=2)
    (first, *rest) = recorded(world, second, 16).episodes
    differing = []
    for episode in (first, *rest):
        track = episode.tracks[probes.ROLE]
        changed = dataclasses.replace(track, actions={"choose": np.array([[0, 1]], np.int32)})
        differing.append(dataclasses.replace(episode, tracks={probes.ROLE: changed}))
    data = dataclasses.replace(recorded(world, second, 16), episodes=tuple(differing))
    own = functools.partial(PerAgent.build, inner=SMALL, capacity=2)
    assert clone(world, data, own, 30).last["accuracy/player"] == 1.0
    assert clone(world, data, SMALL, 30).last["loss/player"] == pytest.approx(np.log(2), abs=0.01)


@pytest.mark.slow
def test_numbers_within_bounds_are_cloned_too():
    world = Thermostat(n_rooms=2, max_steps=50)
    data = recorded(world, proportional(), 8, "thermostat")
    trained = clone(world, data, SMALL, 60, normalize=True)
    assert trained.last["error/thermostat"] < 0.1
    assert judge(trained.policies, world, data)["thermostat"]["error"] < 0.1


def test_steps_without_weight_teach_nothing():
    world = probes.Bandit(n_players=2)
    data = recorded(world, RandomPolicy(), 32)
    only_second = tuple(
        dataclasses.replace(
            e,
            tracks={
                role: dataclasses.replace(track, weight=(track.actions["choose"] == 1).astype(np.float32))
                for role, track in e.tracks.items()
            },
        )
        for e in data.episodes
    )
    for networks in (SMALL, functools.partial(GRUPolicy.build, hidden=8)):
        trained = clone(world, dataclasses.replace(data, episodes=only_second), networks, 30)
        assert trained.last["accuracy/player"] == 1.0


def test_a_checkpoint_holds_no_data_and_a_policy_is_loaded_without(tmp_path):
    world = probes.Bandit()
    learner = tiny(normalize=True).learner(world, SMALL, recorded(world, second, 256))
    trained = train(learner, n_steps=2 * learner.steps_per_update, folder=tmp_path, progress=False)
    whole = train(learner, n_steps=4 * learner.steps_per_update, progress=False)
    resumed = train(learner, n_steps=4 * learner.steps_per_update, folder=tmp_path, resume=True, progress=False)
    np.testing.assert_array_equal(whole.state.learned[probes.ROLE].vector, resumed.state.learned[probes.ROLE].vector)
    leaves = jax.tree.leaves(trained.state.learned)
    assert sum(leaf.size for leaf in leaves) < 500


def test_a_saved_clone_is_loaded_in_another_place(tmp_path):
    network, cloning = Network(hidden=(8,)), tiny(normalize=True)
    data = recorded(MEADOW, greedy, 2, "forager")
    learner = cloning.learner(MEADOW, network.builders(MEADOW), data)
    trained = train(learner, n_steps=1, progress=False)
    save_policies(tmp_path, trained.policies, MEADOW, network=network, learner=cloning)
    loaded = load_policies(tmp_path, MEADOW)
    assert judge(loaded, MEADOW, data) == judge(trained.policies, MEADOW, data)


def test_seeds_learn_side_by_side_from_one_copy_of_the_data():
    learner = tiny().learner(probes.Bandit(), SMALL, recorded(probes.Bandit(), second))
    states = jax.vmap(learner.init)(jax.random.split(jax.random.key(0), 3))
    states, metrics = jax.jit(jax.vmap(learner.update))(states)
    vectors = np.asarray(states.learned[probes.ROLE].vector)
    assert metrics["loss/player"].shape == (3,) and len({row.tobytes() for row in vectors}) == 3


def test_nothing_to_learn_from_or_another_world_is_one_clear_line():
    data = recorded(probes.Bandit(), second, 1)
    with pytest.raises(InputError, match="nothing to learn from: in 0 episode"):
        tiny().learner(probes.Bandit(), SMALL, data.filter(lambda e: False))
    with pytest.raises(InputError, match="do not fit 'foraging'"):
        tiny().learner(MEADOW, SMALL, data)
    with pytest.raises(InputError, match=r"give `learner\(\.\.\., demonstrations\)`"):
        train(tiny().learner(probes.Bandit(), SMALL), n_steps=1)
    with pytest.raises(IncompatiblePolicyError, match="Only networks"):
        judge({probes.ROLE: RandomPolicy()}, probes.Bandit(), data)
