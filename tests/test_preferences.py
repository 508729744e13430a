"""Preferences between clips: what a reward model learns of them, and what learners by reinforcement make of that."""

import compiled
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import probes
import pytest
from ring import PAYS, Ring, a_model, accuracy, answered

from aira_agents.errors import InputError
from aira_agents.human.judge import Judge
from aira_agents.human.preferences import Preferences, Questions, whole_lives
from aira_agents.human.reward_model import TasteModel, disagreement_with, encoded, most_disputed, preference, rewards_of
from aira_agents.learning.dqn import DQN
from aira_agents.learning.evolution import Evolution
from aira_agents.learning.ppo import PPO
from aira_agents.learning.q_learning import QLearning
from aira_agents.learning.reinforce import Reinforce
from aira_agents.learning.rewarded import Judgement, Rewarded
from aira_agents.policies.networks import Network
from aira_agents.statistics import mean_interval

KEY = jax.random.key(0)
SMALL = {
    "n_worlds": 8,
    "n_questions": 8,
    "n_candidates": 32,
    "first": 8,
    "budget": 0,
    "n_gradients": 32,
    "width": 16,
    "memory_size": 500,
}


def run(learner, n_updates, key=KEY):
    return jax.jit(lambda own: probes.run(learner, n_updates, own))(key)


def a_learner(world=None, **values):
    world = world or Ring()
    rl = QLearning(n_worlds=4, n_steps=8, learning_rate=0.3, discount=0.9, epsilon_steps=600)
    record = Preferences(**{"clip_steps": 6, **SMALL, **values})
    return record.learner(world, Network("tabular", bins=2).builders(world), judge=Judge(mistakes=0.0), rl=rl)


def test_bradley_and_terrys_loss_is_that_of_paper_and_pencil():
    rewards = jnp.asarray([[[1.0, 0.5], [0.2, 0.1]], [[0.0, 0.0], [2.0, 1.0]]])
    chance, disagree = jax.jit(preference)(rewards), jax.jit(disagreement_with)
    np.testing.assert_allclose(chance, [1 / (1 + np.exp(-1.2)), 1 / (1 + np.exp(3.0))], rtol=1e-6)
    mixed = 0.9 * np.asarray(chance, np.float64) + 0.05
    np.testing.assert_allclose(disagree(chance, jnp.asarray([1.0, 1.0])), -np.log(mixed), rtol=1e-5)
    np.testing.assert_allclose(disagree(chance, jnp.zeros(2)), -np.log(1 - mixed), rtol=1e-5)
    both = -(np.log(mixed) + np.log(1 - mixed)) / 2
    np.testing.assert_allclose(disagree(chance, jnp.asarray([0.5, 0.5])), both, rtol=1e-5)


def test_a_wild_mistake_costs_no_more_than_one_random_answer_in_ten_allows():
    assert float(jax.jit(disagreement_with)(jnp.asarray(0.0), jnp.asarray(1.0))) == pytest.approx(
        -np.log(0.05), rel=1e-5
    )


def test_the_pair_that_the_ensemble_differs_on_most_is_asked_about():
    chances = jnp.asarray([[0.5, 0.1, 0.6, 0.0], [0.5, 0.9, 0.4, 1.0], [0.5, 0.5, 0.5, 0.5]])
    disputed = jax.jit(most_disputed, static_argnums=2)
    assert disputed(chances, jnp.ones(4, bool), 2).tolist() == [3, 1]
    assert disputed(chances, jnp.asarray([True, True, True, False]), 2).tolist() == [1, 2]


def answered_compiled():
    return a_model(300, 3), jax.jit(lambda key: answered(key)[1])(KEY)


def test_the_learned_reward_ranks_places_as_the_true_one_does():
    model, taste = answered_compiled()

    def judged(taste):
        return rewards_of(model.networks(taste), encoded(model.role, jnp.eye(5), {"step": jnp.zeros(5, jnp.int32)}))

    learned = np.mean(jax.jit(judged)(taste), axis=0)
    assert np.argsort(learned).tolist() == np.argsort(PAYS).tolist()
    # Every member counts every answer a Poisson number of times.
    counts = np.asarray(taste.answered.packed[2])
    assert counts.mean() == pytest.approx(1.0, abs=0.1) and counts.var() == pytest.approx(1.0, abs=0.15)
    assert len({tuple(own) for own in counts.T}) == 3


@pytest.mark.slow
def test_the_more_mistakes_the_less_accurate():
    grid = jnp.asarray([0.0, 0.2, 0.4])
    found = jax.jit(jax.vmap(jax.vmap(accuracy, (None, 0)), (0, None)))(grid, jax.random.split(KEY, 8))
    right = [mean_interval(np.asarray(own)) for own in found]
    assert right[0].low > 0.9
    assert mean_interval(np.asarray(found[0] - found[1])).low > 0
    assert mean_interval(np.asarray(found[1] - found[2])).low > 0


def test_a_judge_has_the_faults_it_is_given():
    pays = np.broadcast_to(np.asarray([[1, 1, 1], [0, 0, 2]], np.float32), (4000, 2, 3))  # 3 against 2, late
    answers = jax.jit(lambda judge: judge.compare(jnp.asarray(pays), jnp.asarray(2.5), KEY))

    def compare(**own):
        return np.asarray(answers(Judge(**{"mistakes": 0.0, **own})))

    assert set(compare()) == {1.0}
    assert np.mean(compare(mistakes=0.1)) == pytest.approx(0.9, abs=0.02)
    assert np.mean(compare(rationality=0.5)) == pytest.approx(1 / (1 + np.exp(-0.5)), abs=0.03)
    assert np.mean(compare(rationality=0.0)) == pytest.approx(0.5, abs=0.03)
    assert set(compare(myopia=0.5)) == {0.0} and set(compare(myopia=1.0)) == {0.0}  # 1.75 against 2; 1 against 2
    assert set(compare(equal=0.3)) == {1.0} and set(compare(equal=0.5)) == {0.5}
    assert np.isnan(compare(skip=1.3)).all() and not np.isnan(compare(skip=1.1)).any()


def test_equal_pay_is_called_equal_and_nonsense_is_refused():
    same = jnp.ones((5, 2, 3))
    assert eqx.filter_jit(Judge().compare)(same, jnp.asarray(3.0), KEY).tolist() == [0.5] * 5
    with pytest.raises(InputError, match="`mistakes` must be"):
        Judge(mistakes=2.0)


def test_skipped_pairs_are_not_learned_from_and_equal_ones_pull_together():
    record = Preferences(**{**SMALL, "clip_steps": 1, "model_rate": 0.01, "n_gradients": 150})
    model = TasteModel(Ring().roles[0], record)
    seen = np.eye(5, dtype=np.float32)[np.asarray([[[2], [1]]] * 8)]
    pairs = encoded(model.role, jnp.asarray(seen), {"step": jnp.zeros((8, 2, 1), jnp.int32)})

    def learned(answer):
        begun = model.begun(KEY)
        taste = model.learned(model.told(begun, pairs, jnp.full(8, answer), KEY), KEY)[0]
        return taste.answered.count, jnp.mean(model.chances(taste, pairs)), taste.vectors - begun.vectors

    counts, chances, changes = jax.jit(jax.vmap(learned))(jnp.asarray([jnp.nan, 0.5, 1.0]))
    assert counts.tolist() == [0, 8, 8] and not changes[0].any() and changes[1].any()
    assert float(chances[1]) == pytest.approx(0.5, abs=0.05) and float(chances[2]) > 0.8


def test_clips_are_of_one_whole_life():
    active = jnp.asarray([[True] * 3, [True] * 3, [True, True, False], [True] * 3])
    ends = jnp.asarray([[False] * 3, [False, False, True], [False] * 3, [False, True, False]])
    assert jax.jit(whole_lives)(active, ends).tolist() == [True, True, False, False]


@pytest.mark.slow
def test_how_long_a_life_is_tells_nothing_of_the_sign_of_rewards():
    # All places pay alike. Lives differ in length; were clips whole lives, their sums would tell plus from minus.
    def asked(sign):
        world = OneForEach(sign=sign, mortality=0.2, max_steps=12)
        learner = a_learner(world)
        return jax.lax.scan(lambda s, _: learner.update(s), learner.init(KEY), None, 4)[0].tastes["walker"]

    both = jax.jit(jax.vmap(asked))(jnp.asarray([1.0, -1.0]))
    count = int(both.answered.count[0])
    assert 0 < count < 4 * 8  # some died within a clip, and are not asked about
    assert set(np.asarray(both.answered.packed[1][0, :count])) == {0.5}
    for leaf in jax.tree.leaves(both):
        np.testing.assert_array_equal(leaf[0], leaf[1])


class OneForEach(Ring):
    """All places pay the same."""

    def rewards(self, before, actions, after):
        return {"walker": jnp.full(self.n_players, self.sign)}


WITHIN = {
    "ppo": (PPO(n_worlds=8, n_steps=8, n_minibatches=2, critic_width=8, learning_rate=0.02), Network(hidden=(8,))),
    "reinforce": (Reinforce(n_worlds=8, n_steps=8, critic_width=8, learning_rate=0.05), Network(hidden=(8,))),
    "dqn": (
        DQN(n_worlds=8, n_steps=8, learning_rate=0.01, warmup_steps=0, epsilon_steps=600, replay_size=999),
        Network(hidden=(8,)),
    ),
    "q_learning": (QLearning(n_worlds=8, n_steps=8, learning_rate=0.5, epsilon_steps=600), Network("tabular", bins=2)),
    "evolution": (
        Evolution(n_pairs=8, n_worlds=2, n_steps=8, noise_std=0.3, learning_rate=0.3),
        Network(hidden=(8,)),
    ),
}


class Contrary(Judgement):
    """The opposite of what the world pays."""

    def __call__(self, features, actions, reward):
        return -reward


@pytest.mark.slow
@pytest.mark.parametrize("name", WITHIN)
def test_every_learner_learns_from_what_it_is_shown_and_reports_what_the_world_pays(name):
    record, network = WITHIN[name]
    world = probes.Bandit(max_steps=8)  # the second arm pays
    learner = record.learner(Rewarded(world, {"player": Contrary()}), network.builders(world))
    _, metrics = run(learner, 30)
    returns = np.asarray(metrics["return"])
    assert np.nanmean(returns[:3]) > 2 and 0 <= np.nanmean(returns[-5:]) < 1.2, returns


@pytest.mark.slow
def test_whoever_learns_within_does_what_is_preferred():
    world = Ring(n_players=1)
    metrics = run(a_learner(world), 60)[1]
    reward = np.asarray(metrics["reward"])
    assert reward[:3].mean() < 0.7 and reward[-10:].mean() > 1.4  # the best place pays 2
    assert 0 < float(metrics["answers/walker"][-1]) <= 59 * 8


def test_a_budget_is_never_exceeded_and_reinforcement_waits_for_the_first_answers():
    learner = a_learner(budget=21, first=16)

    def step(state, _):
        after, _ = learner.update(state)
        tables = [own.learner.learned["walker"].values.table for own in (state, after)]
        changed = jnp.any(tables[0] != tables[1])
        return after, (after.tastes["walker"].answered.count, changed)

    counts, changed = jax.jit(lambda key: jax.lax.scan(step, learner.init(key), None, 5)[1])(KEY)
    assert counts.tolist() == [0, 8, 16, 21, 21]
    assert changed.tolist() == [False, False, True, True, True]


def test_empty_places_hold_no_question():
    empty = Questions.none(3, 4, 2)
    assert not empty.open.any() and np.isnan(empty.answer).all() and empty.pairs.shape == (3, 2, 4, 2)


def test_the_world_behind_is_left_as_it_is():
    world = Ring()
    wrapped = Rewarded(world, {})
    state, actions = compiled.reset(world, KEY), {"walker": {"step": jnp.ones(2, jnp.int32)}}
    one, other = (compiled.step(own, state, actions, KEY) for own in (world, wrapped))
    assert eqx.tree_equal(state, compiled.reset(wrapped, KEY))
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(a, b)
    assert wrapped.roles[0].name == "walker" and wrapped.symmetries == world.symmetries
    assert not wrapped.terminated(state)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"clip_steps": 41}, "nobody lives through a clip of 41 steps in a world of 40"),
        ({"budget": 7}, "waits for 8 answers, and only 7 pairs"),
        ({"memory_size": 5}, "must hold the answers of an update, 8; got 5"),
        ({"n_models": 0}, "`n_models` must be"),
    ],
)
def test_what_would_never_begin_is_refused(values, message):
    with pytest.raises(InputError, match=message):
        a_learner(**values)
