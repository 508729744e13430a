"""Reward and a person's signals together: what they say counts beside what the world pays, and fades."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import probes
import pytest

from aira_agents.errors import InputError
from aira_agents.human.inbox import Inbox
from aira_agents.human.tamer import TAMER, expected_signal
from aira_agents.human.tamer_rl import Shaped, TamerRL
from aira_agents.human.teacher import Teacher
from aira_agents.learning.ppo import PPO
from aira_agents.learning.q_learning import QLearning
from aira_agents.policies import Rule
from aira_agents.policies.mlp import MLPPolicy
from aira_agents.policies.networks import Network
from aira_agents.store.events import FeedbackEvent

KEY = jax.random.key(0)
SMALL = functools.partial(MLPPolicy.build, hidden=(8,))


def always(action):
    return Rule(lambda observation, key: jnp.asarray(action, jnp.int32))


def run(record, world, expert, n_updates=60, **teacher):
    ppo = PPO(n_worlds=4, n_steps=8, n_minibatches=2, critic_width=8, learning_rate=0.02, entropy_weight=0.0)
    learner = record.learner(
        world,
        SMALL,
        experts={"player": expert},
        teacher=Teacher(**{"mistakes": 0.0, **teacher}),
        tamer=TAMER(learning_rate=0.02),
        rl=ppo,
    )
    states = jax.jit(lambda key: jax.lax.scan(lambda s, _: learner.update(s), learner.init(key), None, n_updates))
    return {name: np.asarray(own) for name, own in states(KEY)[1].items()}


def test_the_signal_that_is_expected_is_added_to_the_reward():
    (role,) = probes.Bandit(n_players=2).roles
    network = SMALL(role.n_features, 2, KEY)
    features, actions = jnp.ones((3, 2, 1)), {"choose": jnp.asarray([[0, 1], [1, 0], [0, 0]])}
    reward = jnp.arange(6.0).reshape(3, 2)
    told = np.asarray(network(jnp.ones(1), None)[0])
    np.testing.assert_allclose(expected_signal(network, role, features, actions), told[actions["choose"]], rtol=1e-5)
    shaped = Shaped(role, network, jnp.asarray(0.5))(features, actions, reward)
    np.testing.assert_allclose(shaped, reward + 0.5 * told[actions["choose"]], rtol=1e-5)


@pytest.mark.slow
def test_where_the_world_pays_for_nothing_the_person_decides():
    metrics = run(TamerRL(weight_steps=1e9), probes.OneForever(max_steps=50), always(1))
    assert metrics["person_right"][-10:].mean() > 0.9
    assert metrics["reward"].tolist() == [1.0] * 60  # what the world pays is what is reported


@pytest.mark.slow
def test_the_person_is_heard_first_and_the_world_has_the_last_word():
    # The second arm pays; the person wants the first.
    metrics = run(TamerRL(weight=4.0, weight_steps=1600), probes.Bandit(max_steps=50), always(0), 120)
    np.testing.assert_allclose(metrics["person_weight"][[0, 20, -1]], [4.0, 2.0, 0.0], atol=1e-5)
    assert metrics["reward"][10:20].mean() < 0.2 and metrics["reward"][-10:].mean() > 0.9


@pytest.mark.slow
def test_any_learner_will_do_and_signals_of_people_find_it():
    world = probes.OneForever(max_steps=10_000)
    learner = TamerRL().learner(
        world, Network("tabular", bins=2).builders(world), rl=QLearning(n_worlds=2, n_steps=4), tamer=TAMER(n_steps=8)
    )
    state, _ = jax.jit(learner.update)(learner.init(KEY))
    inbox = Inbox(0.2)
    inbox.post([FeedbackEvent("a", 1.0, 5, 1, 1.0, "w", "evaluation", "probe", "s")], 7)
    state, metrics = jax.jit(learner.update)(inbox.hand_over(state))
    assert float(metrics["person_signals"]) == 1 and not inbox.refused
    assert set(learner.policies(state)) == {"player"}


def test_a_teacher_without_an_expert_is_refused():
    with pytest.raises(InputError, match="needs an expert"):
        TamerRL().learner(probes.Bandit(), SMALL, teacher=Teacher())
