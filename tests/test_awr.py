"""Advantage-weighted regression does better than who is in its data, where cloning does as well."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import probes
import pytest

from aira_agents.data.recording import record
from aira_agents.errors import InputError
from aira_agents.evaluation import evaluate
from aira_agents.learning.awr import AWR, _Student
from aira_agents.learning.cloning import BehaviourCloning
from aira_agents.learning.offline import OfflineState
from aira_agents.learning.train import train
from aira_agents.policies import RandomPolicy
from aira_agents.policies.gru import GRUPolicy
from aira_agents.policies.mlp import MLPPolicy

SMALL = functools.partial(MLPPolicy.build, hidden=(16,))


def learned(record_, world, data, networks, n_updates):
    learner = record_.learner(world, networks, data)
    return learner, train(learner, n_steps=n_updates * learner.steps_per_update, progress=False)


def tiny(**values):
    return AWR(**{"batch_size": 128, "n_minibatches": 4, "critic_width": 16, "learning_rate": 0.02} | values)


def earned(world, policies):
    return evaluate(world, policies, jax.random.key(1), 200)[probes.ROLE].estimate


@pytest.mark.slow
def test_the_better_arm_of_random_pulls_is_preferred_and_cloning_stays_undecided():
    world = probes.Bandit()
    data = record(world, {probes.ROLE: RandomPolicy()}, 0, 256)
    _, weighted = learned(tiny(temperature=0.2), world, data, SMALL, 60)
    _, cloned = learned(BehaviourCloning(batch_size=128, n_minibatches=4, learning_rate=0.02), world, data, SMALL, 60)
    assert earned(world, weighted.policies) > 0.95
    assert 0.35 < earned(world, cloned.policies) < 0.65


@pytest.mark.parametrize(("world", "expected"), [(probes.One(), 2.0), (probes.One(dies=1), 1.0)])
def test_time_running_out_is_bootstrapped_and_death_is_not(world, expected):
    awr = tiny(discount=0.5)
    data = record(world, {probes.ROLE: RandomPolicy()}, 0, 64)
    _, trained = learned(awr, world, data, SMALL, 200)
    pair = value_of(awr, world, data, trained.state)
    assert float(pair.critic(jnp.ones(1), None)[0][0]) == pytest.approx(expected, abs=0.1)


def value_of(awr, world, data, state: OfflineState):

    return _Student(awr, world.roles[0], SMALL, data).flat.restore(state.learned[probes.ROLE].vector)


@pytest.mark.slow
def test_a_reward_that_comes_later_is_credited_to_whom_it_is_due():
    # Only a memory can tell which last choice pays.
    world = probes.MemoryChain(max_steps=3)
    data = record(world, {probes.ROLE: RandomPolicy()}, 0, 512)
    gru = functools.partial(GRUPolicy.build, hidden=16)
    _, remembered = learned(tiny(temperature=0.3, batch_size=384), world, data, gru, 60)
    _, forgot = learned(tiny(temperature=0.3, batch_size=384), world, data, SMALL, 60)
    assert earned(world, remembered.policies) > 0.9
    assert earned(world, forgot.policies) < 0.7


def test_rows_without_an_agent_are_in_no_figure():
    alone = record(probes.HalfEmpty(n_players=1), {probes.ROLE: RandomPolicy()}, 0, 64)
    crowd = record(probes.HalfEmpty(n_players=4), {probes.ROLE: RandomPolicy()}, 0, 64)
    world = probes.HalfEmpty(n_players=4)
    for data in (alone, crowd):
        _, trained = learned(tiny(), world, data, SMALL, 1)
        # A feature of a million in an empty row would own the mean.
        assert trained.last["value_loss/player"] < 2 and 0.9 < trained.last["weight/player"] < 2.0


def test_no_weight_is_above_the_maximum():
    world = probes.Bandit()
    data = record(world, {probes.ROLE: RandomPolicy()}, 0, 64)
    _, trained = learned(tiny(temperature=0.01, max_weight=3.0), world, data, SMALL, 1)
    assert trained.last["weight/player"] <= 3.0
    assert np.isnan(trained.last["return"]) and 0 < trained.last["reward"] < 1


def test_without_data_it_says_what_it_needs():
    with pytest.raises(InputError, match=r"give `learner\(\.\.\., demonstrations\)`"):
        train(tiny().learner(probes.Bandit(), SMALL), n_steps=1)
