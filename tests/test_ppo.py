import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import probes
import pytest

from aira_agents.errors import InputError
from aira_agents.learning import ppo_loss
from aira_agents.learning.ppo import PPO
from aira_agents.policies.gru import GRUPolicy
from aira_agents.policies.mlp import MLPPolicy
from aira_agents.policies.per_agent import PerAgent
from environments.cartpole import CartPole

SMALL = functools.partial(MLPPolicy.build, hidden=(16,))


def tiny(**values):
    return PPO(**{"n_worlds": 16, "n_steps": 8, "n_minibatches": 2, "critic_width": 16, "learning_rate": 0.01} | values)


def train(ppo, world, networks, n_updates):
    return ppo.learner(world, networks), *probes.learned(ppo, world, networks, n_updates)


def test_time_running_out_is_bootstrapped_and_death_is_not():
    values = probes.values_of_critics(tiny(discount=0.5, entropy_weight=0.0), SMALL, 60)
    assert values == pytest.approx([2.0, 1.0], abs=0.1)


def test_ppo_finds_the_known_best_arm_and_its_first_ratio_is_one():
    _, _, metrics = train(tiny(), probes.Bandit(), SMALL, 30)
    assert metrics["return"][-1] > 0.9
    assert metrics["first_ratio_error/player"].max() < 1e-5
    assert {"approximate_kl/player", "clip_fraction/player", "explained_variance/player", "entropy/player"} < set(
        metrics
    )


@pytest.mark.slow
def test_two_players_coordinate_on_the_better_choice():
    _, _, metrics = train(tiny(), probes.Coordination(n_players=2), SMALL, 40)
    assert metrics["return"][-1] > 1.8


def test_one_network_per_agent_learns_too():
    networks = functools.partial(PerAgent.build, inner=SMALL, capacity=2)
    _, _, metrics = train(tiny(), probes.Coordination(n_players=2), networks, 40)
    assert metrics["return"][-1] > 1.8
    assert metrics["first_ratio_error/player"].max() < 1e-5


@pytest.mark.slow  # what it tests is that empty rows take no part: test_learner_contract.py
def test_a_mask_dropped_from_the_loss_would_be_noticed(monkeypatch):
    objective = ppo_loss.objective

    def unmasked(pair, batch, role, weights, whole):
        batch = eqx.tree_at(lambda b: b.active, batch, jnp.ones_like(batch.active))
        return objective(pair, batch, role, weights, whole)

    def entropy():
        learner = tiny().learner(probes.HalfEmpty(n_players=4), SMALL)
        return jax.jit(lambda key: probes.run(learner, 1, key)[1]["entropy/player"][0])(jax.random.key(0))

    right = entropy()
    monkeypatch.setattr("aira_agents.learning.ppo.gradient", jax.grad(unmasked, has_aux=True))
    assert abs(entropy() - right) > 1e-3


@pytest.mark.slow
def test_a_gru_remembers_the_cue_and_an_mlp_cannot():
    ppo, world = tiny(n_worlds=32, n_steps=12, entropy_weight=0.0), probes.MemoryChain(max_steps=4)
    gru = functools.partial(GRUPolicy.build, hidden=16)
    _, _, remembered = train(ppo, world, gru, 60)
    _, _, forgot = train(ppo, world, SMALL, 60)
    assert remembered["return"][-5:].mean() > 0.9
    assert forgot["return"][-5:].mean() < 0.7
    assert remembered["first_ratio_error/player"].max() < 1e-5


def test_normalised_observations_travel_with_the_policy():
    learner, state, metrics = train(tiny(normalize=True), probes.MemoryChain(max_steps=4), SMALL, 3)
    statistics = learner.policies(state)[probes.ROLE].statistics
    assert statistics.count == 3 * 16 * 8
    assert float(statistics.variance[0]) == pytest.approx(0.25, abs=0.05)
    assert metrics["first_ratio_error/player"].max() < 1e-5


def test_parts_that_do_not_divide_are_refused():
    with pytest.raises(InputError, match="must be a multiple of `n_minibatches`"):
        train(tiny(n_worlds=3, n_steps=5), probes.Bandit(), SMALL, 1)


def test_a_rate_that_fell_to_nothing_stays_there_after_two_thousand_million_steps():
    record, world = tiny(anneal_steps=1000), probes.Bandit()
    begun = probes.begun(record, world, SMALL)
    state = eqx.tree_at(lambda s: s.n_updates, begun, jnp.asarray(2**31 // 128, jnp.int32))
    after, _ = probes.updated(record, world, SMALL, state)
    assert np.array_equal(after.learned[probes.ROLE].vector, state.learned[probes.ROLE].vector)


@pytest.mark.released
@pytest.mark.slow
def test_ppo_solves_cartpole_on_eight_seeds():
    learner = PPO(n_worlds=4, learning_rate=1e-3, anneal_steps=300_000).learner(CartPole(), MLPPolicy.build)

    def run(key):
        return jax.lax.scan(lambda s, _: learner.update(s), learner.init(key), None, 600)[1]["return"]

    returns = jax.jit(jax.vmap(run))(jax.random.split(jax.random.key(0), 8))
    scores = np.nanmean(np.asarray(returns)[:, -60:], axis=1)
    rng = np.random.default_rng(0)
    resampled = np.sort(rng.choice(scores, (2000, 8)), axis=1)[:, 2:6].mean(axis=1)
    assert np.quantile(resampled, 0.025) > 400, scores
