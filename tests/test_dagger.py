"""DAgger labels what the learner gets into, hands over gradually, and errs less than cloning where errors add up."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import probes
import pytest
from grid_world import GridWorld

from aira_agents.errors import IncompatiblePolicyError, InputError
from aira_agents.evaluation import evaluate
from aira_agents.human.dagger import DAgger
from aira_agents.learning.train import train
from aira_agents.policies import Rule
from aira_agents.policies.mlp import MLPPolicy
from aira_agents.policies.networks import Network
from environments.thermostat import Thermostat, proportional

SMALL = functools.partial(MLPPolicy.build, hidden=(16,))


def tiny(**values):
    return DAgger(
        **{"n_worlds": 4, "n_steps": 8, "batch_size": 32, "memory_size": 2000, "learning_rate": 0.01} | values
    )


def along_the_wall(observation, key):
    del key
    return jnp.where(observation["x"] < 4, 3, 0).astype(jnp.int32)


def first(observation, key):
    del observation, key
    return jnp.zeros((), jnp.int32)


def run(learner, n_updates):
    state, metrics = jax.jit(lambda key: probes.run(learner, n_updates, key))(jax.random.key(0))
    return state, {name: np.asarray(values) for name, values in metrics.items()}


@pytest.mark.slow
def test_the_learner_does_what_the_expert_would_have_done():
    world = GridWorld(n_walkers=2)
    learner = tiny(share_steps=300).learner(world, SMALL, experts={"walker": Rule(along_the_wall)})
    state, metrics = run(learner, 60)
    learned = evaluate(world, learner.policies(state), jax.random.key(1), 100, greedy=True)["walker"]
    expert = evaluate(world, {"walker": Rule(along_the_wall)}, jax.random.key(1), 100)["walker"]
    assert learned.estimate == pytest.approx(expert.estimate, abs=0.02)
    assert metrics["loss/walker"][-1] < metrics["loss/walker"][0]


def test_the_expert_acts_at_first_and_then_no_more():
    learner = tiny(share_steps=160).learner(GridWorld(), SMALL, experts={"walker": Rule(along_the_wall)})
    _, metrics = run(learner, 8)
    shares = metrics["expert_share/walker"]
    np.testing.assert_allclose(shares, [1.0, 0.8, 0.6, 0.4, 0.2, 0.0, 0.0, 0.0], atol=0.3)
    assert shares[0] == 1 and shares[5:].tolist() == [0, 0, 0] and 0 < shares[3] < 1


@pytest.mark.slow
def test_a_step_that_the_expert_takes_is_the_experts():
    def returned(**share):
        learner = tiny(learning_rate=0.0, **share).learner(GridWorld(), SMALL, experts={"walker": Rule(along_the_wall)})
        return np.nanmean(run(learner, 6)[1]["return"])

    assert returned(share_steps=1e9) > 0.3 > 0.0 > returned(share_start=0.0)


def test_labels_are_the_experts_whoever_acted():
    # The learner alone acts, the second arm pays, and yet it learns the first: it is told so.
    learner = tiny(share_start=0.0).learner(probes.Bandit(), SMALL, experts={"player": Rule(first)})
    _, metrics = run(learner, 40)
    assert metrics["return"][-1] < 0.1


def test_the_dead_are_not_labelled():
    learner = tiny().learner(probes.HalfEmpty(n_players=4), SMALL, experts={"player": Rule(lambda observation, key: 0)})
    state, _ = run(learner, 1)
    assert int(state.pupils["player"].labels.count) == 4 * 8


def test_numbers_are_copied_too():
    world = Thermostat(n_rooms=2, max_steps=30)
    learner = tiny().learner(world, SMALL, experts={"thermostat": Rule(proportional())})
    _, metrics = run(learner, 30)
    assert metrics["loss/thermostat"][-1] < metrics["loss/thermostat"][0]


@pytest.mark.slow
def test_roles_without_an_expert_act_at_random_and_a_run_resumes(tmp_path):
    world = probes.Opposites(max_steps=5)
    learner = tiny(n_worlds=1).learner(world, SMALL, experts={"rival": Rule(first)})
    whole = train(learner, n_steps=32, folder=tmp_path / "whole")
    train(learner, n_steps=16, folder=tmp_path / "cut")
    resumed = train(learner, n_steps=32, folder=tmp_path / "cut", resume=True)
    pupils = [state.pupils["rival"].studied.vector for state in (whole.state, resumed.state)]
    np.testing.assert_array_equal(*pupils)
    assert set(whole.policies) == {"player", "rival"}
    assert eqx.is_array(pupils[0])


def test_nobody_to_ask_an_unknown_role_and_a_memory_are_refused():
    world = probes.Bandit()
    nobody = DAgger().learner(world, SMALL)  # good enough to load what it made
    with pytest.raises(InputError, match="needs somebody to ask"):
        nobody.update(nobody.init(jax.random.key(0)))
    with pytest.raises(InputError, match="Unknown role 'pupil'"):
        DAgger().learner(world, SMALL, experts={"pupil": Rule(along_the_wall)})
    with pytest.raises(IncompatiblePolicyError, match="memory"):
        DAgger().learner(world, Network("gru").builders(world), experts={"player": Rule(along_the_wall)})
