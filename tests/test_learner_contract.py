"""What every learner promises. A new learner is one line in `LEARNERS`."""

import dataclasses
import functools
import itertools
import shutil

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import probes
import pytest

import aira_agents.environment
from aira_agents.environment import Environment
from aira_agents.errors import IncompatiblePolicyError
from aira_agents.evaluation import evaluate
from aira_agents.human.dagger import DAgger
from aira_agents.human.hg_dagger import HGDAgger
from aira_agents.human.judge import Judge
from aira_agents.human.preferences import Preferences
from aira_agents.human.tamer import TAMER
from aira_agents.human.tamer_rl import TamerRL
from aira_agents.human.teacher import Teacher
from aira_agents.learning.dispatch import Dispatch
from aira_agents.learning.dqn import DQN
from aira_agents.learning.evolution import Evolution
from aira_agents.learning.learner import copied
from aira_agents.learning.ppo import PPO
from aira_agents.learning.q_learning import QLearning
from aira_agents.learning.reinforce import Reinforce
from aira_agents.learning.train import train
from aira_agents.policies import Rule
from aira_agents.policies.files import load_policies, save_policies
from aira_agents.policies.mlp import MLPPolicy
from aira_agents.policies.networks import Network
from aira_agents.registry import names

SMALL, TABLE = Network(hidden=(8,)), Network("tabular", bins=2)
RUN, ASKED = {"n_worlds": 8, "n_steps": 4}, {"n_questions": 8, "n_candidates": 8, "first": 4}
# Name: hyperparameters that solve a bandit in `N_UPDATES` updates, the network, a number without which nothing changes.
LEARNERS = {
    "dagger": (
        DAgger(**RUN, learning_rate=0.02, share_steps=99, batch_size=32, memory_size=999),
        SMALL,
        "learning_rate",
    ),
    "dqn": (DQN(**RUN, learning_rate=0.01, warmup_steps=0, epsilon_steps=600, replay_size=999), SMALL, "learning_rate"),
    "evolution": (
        Evolution(n_pairs=8, n_worlds=4, n_steps=1, noise_std=0.3, learning_rate=0.3),
        SMALL,
        "learning_rate",
    ),
    "hg_dagger": (
        HGDAgger(**RUN, learning_rate=0.02, n_gradients=4, driven_steps=32, batch_size=32, memory_size=999),
        SMALL,
        "learning_rate",
    ),
    "ppo": (PPO(**RUN, learning_rate=0.02, n_minibatches=2, critic_width=8), SMALL, "learning_rate"),
    "preferences": (
        Preferences(**ASKED, n_worlds=8, clip_steps=1, budget=0, n_gradients=32, width=8, memory_size=99),
        TABLE,
        "learning_rate",
    ),
    "q_learning": (QLearning(**RUN, learning_rate=0.5, epsilon_steps=600), TABLE, "learning_rate"),
    "reinforce": (Reinforce(**RUN, learning_rate=0.05, critic_width=8), SMALL, "learning_rate"),
    "tamer_rl": (TamerRL(weight_steps=600), TABLE, "learning_rate"),
}
# Who learns from somebody: what they are given. Numbers of a learner with another within are those of the other.
PARTNERS = {
    "dagger": lambda world: {"experts": experts(world)},
    "hg_dagger": lambda world: {"experts": experts(world)},
    "preferences": lambda world: {"judge": Judge(), "rl": LEARNERS["q_learning"][0]},
    "tamer_rl": lambda world: {
        "experts": experts(world),
        "teacher": Teacher(high_s=0.4),
        "tamer": TAMER(high_s=0.4),
        "rl": LEARNERS["q_learning"][0],
    },
}
FROM_DATA = ("awr", "cloning")  # no world runs while they learn: they have tests of their own
OF_ONE_ROLE = ("coach", "tamer")  # they, too: test_teaching.py
WITH_ANOTHER = ("preferences", "tamer_rl")
N_UPDATES = 30
WORLD = probes.Opposites(n_players=2)
# Programs of those who learn from somebody are large: they take as long as all others together.
EACH = [pytest.param(name, marks=pytest.mark.slow if name in PARTNERS else ()) for name in LEARNERS]
each_learner = pytest.mark.parametrize("name", EACH)
# Those with another within leave to it what it does with masks.
each_without_another = pytest.mark.parametrize("name", [own for own in EACH if own.values[0] not in WITH_ANOTHER])


def first(observation, key):
    del observation, key
    return jnp.zeros((), jnp.int32)


def second(observation, key):
    return first(observation, key) + 1


def experts(world):
    """Returns who knows: the second arm pays, but for rivals, and where it is forbidden."""
    forbidden = isinstance(world, probes.ForbiddenArm)
    return {role.name: Rule(first if forbidden or role.name == probes.RIVAL else second) for role in world.roles}


def made(name, world, networks=None, **values):
    record, network, _ = LEARNERS[name]
    given = PARTNERS[name](world) if name in PARTNERS else {}
    if "rl" in given:
        given["rl"] = dataclasses.replace(given["rl"], **values)
    else:
        record = dataclasses.replace(record, **values)
    return record.learner(world, networks or network.builders(world), **given)


def numbers(tree):
    arrays = jax.tree.leaves(eqx.filter(tree, eqx.is_array))
    return [np.asarray(jax.random.key_data(a) if jnp.issubdtype(a.dtype, jax.dtypes.prng_key) else a) for a in arrays]


def same(one, other):
    return all(a.tobytes() == b.tobytes() for a, b in zip(numbers(one), numbers(other), strict=True))


BUILDERS = {
    r"answers with numbers of shape \(3,\)": lambda n, n_outputs, key: MLPPolicy.build(n, n_outputs + 1, key),
    "must answer with 2": lambda n, n_outputs, key: MLPPolicy.build(n + 1, n_outputs, key),
    "must return a `Policy`; got NoneType": lambda n, n_outputs, key: None,
}


@pytest.mark.parametrize("said", BUILDERS)
@pytest.mark.parametrize("name", LEARNERS)
def test_a_network_that_does_not_fit_is_refused_by_role(name, said):
    with pytest.raises(IncompatiblePolicyError, match=f"for '.*'.* {said}"):
        jax.eval_shape(made(name, WORLD, BUILDERS[said]).init, jax.random.key(0))


def test_every_learner_that_is_installed_keeps_the_contract():
    assert sorted([*LEARNERS, *FROM_DATA, *OF_ONE_ROLE]) == names("learner")


@functools.cache
def runs(name):
    """Four runs side by side, two of one seed, one of another, one whose number is zero: first and last policies."""
    _, _, number = LEARNERS[name]

    def run_with(key, share):
        record = PARTNERS[name](WORLD).get("rl", LEARNERS[name][0]) if name in PARTNERS else LEARNERS[name][0]
        learner = made(name, WORLD, **{number: share * getattr(record, number)})
        first = learner.policies(learner.init(key))
        state, metrics = probes.run(learner, N_UPDATES, key)
        policies = learner.policies(state)
        return *(eqx.filter(own, eqx.is_array) for own in (first, policies)), metrics

    keys = jax.vmap(jax.random.key)(jnp.asarray([0, 0, 1, 0]))
    first, last, metrics = jax.jit(jax.vmap(run_with))(keys, jnp.asarray([1.0, 1.0, 1.0, 0.0]))
    return numbers(first), last, {key: np.asarray(own) for key, own in metrics.items()}


@each_learner
def test_every_role_solves_its_bandit_and_reports_reward_and_returns(name):
    _, last, metrics = runs(name)
    assert {"reward", "length", "return", "return/player", "return/rival"} <= set(metrics)
    assert all(np.isfinite(own).all() for own in metrics.values())
    learner = made(name, WORLD)
    structure = eqx.filter_eval_shape(lambda key: learner.policies(learner.init(key)), jax.random.key(0))
    policies = eqx.combine(jax.tree.map(lambda own: own[0], last), structure)
    for interval in evaluate(WORLD, policies, jax.random.key(1), 50).values():
        assert interval.estimate > 0.9


@each_learner
def test_the_same_seed_gives_the_same_numbers_and_another_does_not(name):
    rewards = runs(name)[2]["reward"]
    assert np.array_equal(rewards[0], rewards[1]) and not np.array_equal(rewards[0], rewards[2])


@each_learner
def test_a_number_among_the_hyperparameters_can_be_vmapped(name):
    first, last, _ = runs(name)
    changed = [np.any(a != b, axis=tuple(range(1, a.ndim))) for a, b in zip(first, numbers(last), strict=True)]
    assert np.any(changed, axis=0).tolist() == [True, True, True, False]


@pytest.fixture(scope="module")
def runs_of_six(tmp_path_factory):
    """By name: a learner, how it is trained for six updates, what they left, and the folder as the fourth found it."""

    @functools.cache
    def made_once(name):
        learner, updates = made(name, probes.Bandit(n_players=2, max_steps=3)), itertools.count(1)
        whole, cut = (tmp_path_factory.mktemp(name) / which for which in ("whole", "cut"))
        settings = {"n_steps": 6 * learner.steps_per_update, "checkpoint_every_updates": 3, "updates_per_dispatch": 1}
        trained = functools.partial(train, learner, **settings)

        def look(state):
            if next(updates) == 4:  # the last checkpoint is of the third update
                shutil.copytree(whole, cut)
            return state

        return learner, trained, trained(folder=whole, between=look), cut

    return made_once


@each_learner
def test_a_run_that_was_cut_and_resumed_equals_an_unbroken_one_bit_for_bit(name, runs_of_six):
    _, trained, unbroken, cut = runs_of_six(name)
    assert same(trained(folder=cut, resume=True).state, unbroken.state)


@each_learner
def test_a_state_holds_no_world_and_a_donated_one_takes_nobody_elses_arrays_with_it(name, runs_of_six):
    learner, _, left, _ = runs_of_six(name)
    state = copied(left.state)
    leaves = jax.tree.leaves(state, is_leaf=lambda own: isinstance(own, Environment))
    assert not any(isinstance(leaf, Environment) for leaf in leaves)
    policies = learner.policies(state)
    before = numbers(policies)
    Dispatch(learner, state, 1)(state, 1)
    assert any(own.is_deleted() for own in jax.tree.leaves(state))
    assert all(np.array_equal(a, b) for a, b in zip(before, numbers(policies), strict=True))


@each_without_another
def test_an_invalid_arm_is_never_pulled(name):
    learner = made(name, probes.ForbiddenArm())
    state, metrics = jax.jit(lambda key: probes.run(learner, 5, key))(jax.random.key(0))
    assert np.all(np.asarray(metrics["return"]) == 0)
    undecided = [own for measured, own in metrics.items() if measured.startswith("entropy/")]
    assert np.all(np.abs(undecided) < 1e-6)  # there is nothing to choose
    assert evaluate(probes.ForbiddenArm(), learner.policies(state), jax.random.key(0), 50)["player"].estimate == 0


def learned_beside(name, *garbage):
    """Returns what is learned beside empty rows that hold `garbage`, for each of several."""
    # Evolution adds rewards up, and those of empty rows are zero; what it could get wrong are the statistics.
    values = {"normalize": True} if name == "evolution" else {}

    def learned(own):
        learner = made(name, probes.HalfEmpty(n_players=3, garbage=own), **values)
        state, metrics = probes.run(learner, 2, jax.random.key(0))
        return eqx.filter(learner.policies(state), eqx.is_array), metrics

    return jax.jit(jax.vmap(learned))(jnp.asarray(garbage))


@pytest.fixture
def numbers_are_heard(monkeypatch):
    """Lets learners meet the numbers that sensors say of the dead, where their own masks must do."""
    silent = aira_agents.environment._silent

    def heard(features, alive):
        return jnp.where(jnp.isfinite(features), features, silent(features, alive))

    monkeypatch.setattr(aira_agents.environment, "_silent", heard)


@each_learner
def test_empty_rows_take_no_part_even_if_what_a_sensor_says_of_the_dead_is_no_number(name, numbers_are_heard):
    policies, metrics = learned_beside(name, 1e6, -1.0, jnp.nan, jnp.inf)
    assert all(np.array_equal(own[:1].repeat(4, 0), own, equal_nan=True) for own in numbers((policies, metrics)))
    assert all(np.all(np.isfinite(own)) for own in numbers(policies))
    assert np.all(np.asarray(metrics["length"]) == 1)


@pytest.mark.slow  # what it tests is the test above
@each_without_another
def test_a_dropped_mask_would_be_noticed(name, numbers_are_heard, monkeypatch):
    told = Environment._feedback

    def everyone_is_active(self, before, actions, after):
        feedback = told(self, before, actions, after)
        return {r: dataclasses.replace(own, active=jnp.ones_like(own.active)) for r, own in feedback.items()}

    monkeypatch.setattr(Environment, "_feedback", everyone_is_active)
    policies, _ = learned_beside(name, 1e6, -1.0)
    assert not all(np.array_equal(own[0], own[1]) for own in numbers(policies))


@each_learner
def test_a_policy_comes_back_from_its_file_and_acts_as_before(name, runs_of_six, tmp_path):
    record, network, _ = LEARNERS[name]
    world, policies = probes.Bandit(n_players=2, max_steps=3), runs_of_six(name)[2].policies
    made_by = PARTNERS[name](world).get("rl", record) if name in PARTNERS else record
    save_policies(tmp_path, policies, world, network=network, learner=made_by)
    loaded = load_policies(tmp_path, world)
    assert type(loaded["player"]) is type(policies["player"]) and same(loaded, policies)
