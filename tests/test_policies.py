"""What every policy promises, and what each one adds."""

import functools
import os
import subprocess
import sys
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from aira_agents.environment import Percept
from aira_agents.errors import IncompatiblePolicyError, InputError
from aira_agents.loop import start, unroll
from aira_agents.policies import Greedy, RandomPolicy, Rule, plain_errors
from aira_agents.policies.checking import policies_for
from aira_agents.policies.conv import ConvPolicy
from aira_agents.policies.mlp import MLPPolicy
from aira_agents.policies.normalized import NormalizedPolicy, Statistics
from aira_agents.policies.per_agent import PerAgent
from aira_agents.policies.tabular import TabularPolicy
from aira_agents.policies.value import EpsilonGreedy, ValuePolicy
from environments.foraging import Foraging, greedy

WORLD = Foraging(n_agents=6, width=8, height=8, vision_radius=2)
ROLE = WORLD.roles[0]
KEY = jax.random.key(0)
SMALL = functools.partial(MLPPolicy.build, hidden=(8,))


answers = eqx.filter_jit(lambda policy, features, memories: jax.vmap(policy)(features, memories))


@functools.cache
def network():
    return eqx.filter_jit(SMALL)(ROLE.n_features, ROLE.n_outputs, KEY)


def normalized():
    seen = Statistics(jnp.full(ROLE.n_features, 0.2), jnp.full(ROLE.n_features, 4.0), jnp.asarray(9.0))
    return NormalizedPolicy(network(), seen)


def conv():
    start, shape = ConvPolicy.patch_of(ROLE)
    build = functools.partial(ConvPolicy.build, patch_start=start, patch_shape=shape)
    return eqx.filter_jit(build)(ROLE.n_features, ROLE.n_outputs, KEY)


def per_agent(newborn="keep"):
    build = functools.partial(PerAgent.build, inner=SMALL, capacity=ROLE.capacity, newborn=newborn)
    return eqx.filter_jit(build)(ROLE.n_features, ROLE.n_outputs, KEY)


POLICIES = {
    "random": RandomPolicy,
    "rule": lambda: Rule(greedy),
    "mlp": network,
    "greedy mlp": lambda: Greedy(network()),
    "normalized": normalized,
    "conv": conv,
    "per agent": per_agent,
    "tabular": lambda: TabularPolicy.build(ROLE.n_features, ROLE.n_outputs, KEY, edges=[[0.5]] * 3 + [[]] * 47),
    "by value": lambda: ValuePolicy(network()),
    "epsilon greedy": lambda: EpsilonGreedy(network(), jnp.asarray(0.1)),
}


def percept():
    seen = np.random.default_rng(0).standard_normal((ROLE.capacity, ROLE.n_features), np.float32)
    return Percept(jnp.asarray(seen), {})


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_decides_for_every_row_within_its_action_space_and_repeats_itself(name):
    policy = POLICIES[name]()
    memories = policy.initial_memories(ROLE.capacity)
    decide = eqx.filter_jit(policy.decide)
    decision, memories = decide(ROLE, percept(), memories, KEY)
    assert decision.actions["move"].shape == (ROLE.capacity,)
    assert ROLE.spaces["move"].holds(np.asarray(decision.actions["move"]))
    again, _ = decide(ROLE, percept(), policy.initial_memories(ROLE.capacity), KEY)
    assert np.array_equal(decision.actions["move"], again.actions["move"])
    decide(ROLE, percept(), memories, KEY)  # what it remembers fits what it expects


@pytest.mark.parametrize("name", ("mlp", "normalized", "conv", "per agent", "tabular", "by value"))
def test_a_network_answers_and_learns_from_many_rows_as_from_each(name):
    policy = POLICIES[name]()
    memories, features = policy.initial_memories(ROLE.capacity), percept().features

    def error(network, ask):
        return jnp.sum(jnp.sin(ask(network)(features, memories)[0] @ (1.0 + jnp.arange(ROLE.n_outputs))))

    def close(a, b):
        return np.allclose(a, b, atol=1e-5)

    slopes = eqx.filter_jit(eqx.filter_value_and_grad(error))
    at_once, each = (slopes(policy, ask) for ask in (lambda network: network.many, jax.vmap))
    assert all(map(close, jax.tree.leaves(at_once), jax.tree.leaves(each)))


def test_greedy_takes_the_most_probable_action():
    decision, _ = eqx.filter_jit(Greedy(network()).decide)(ROLE, percept(), None, KEY)
    logits, _ = answers(network(), percept().features, None)
    assert np.array_equal(decision.actions["move"], np.argmax(logits, axis=1))


def test_a_convolution_sees_the_same_thing_at_every_place():
    patch = np.zeros((2, 5, 5), np.float32)
    patch[0, 1, 1] = 1.0
    answer = eqx.filter_jit(conv().convolution)
    found, found_moved = answer(patch), answer(np.roll(patch, (1, 1), axis=(1, 2)))
    assert np.allclose(found[:, :2, :2], found_moved[:, 1:, 1:], atol=1e-6)


def test_a_convolution_needs_a_patch():
    blind = eqx.tree_at(lambda role: role.sensors, ROLE, ROLE.sensors)
    with pytest.raises(IncompatiblePolicyError, match="kernel of 9 cells does not fit a patch of 5 x 5"):
        ConvPolicy.build(50, 5, KEY, patch_start=0, patch_shape=(2, 5, 5), kernel=9)
    assert ConvPolicy.patch_of(blind) == (0, (2, 5, 5))


def test_each_agent_decides_by_its_own_network():
    policy = per_agent()
    features = jnp.ones((ROLE.capacity, ROLE.n_features))
    parameters, _ = answers(policy, features, policy.initial_memories(ROLE.capacity))
    assert len({tuple(row) for row in np.asarray(parameters).round(7).tolist()}) == ROLE.capacity


@pytest.mark.parametrize(("newborn", "expected"), [("keep", 3), ("copy the parent", 1), ("start anew", 3 + 6)])
def test_a_newborn_gets_a_network_by_the_rule(newborn, expected):
    policy = per_agent(newborn)
    fresh = np.arange(6) == 3
    parent = np.where(fresh, 1, -1).astype(np.int32)
    which, _ = eqx.filter_jit(policy.renew)(policy.initial_memories(6), fresh, parent)
    assert which.tolist() == [0, 1, 2, expected, 4, 5]


def nearest_food_numpy(observation, rng):
    food, agents = observation["vision"]
    del agents
    return int(rng.integers(1, 5)) if food.sum() == 0 else int(np.argmax(food) % 5)


def test_a_rule_in_numpy_runs_in_the_same_loop_and_follows_the_seed():
    @eqx.filter_jit
    def moves(policy, key):
        policies = {"forager": policy}
        return unroll(WORLD, policies, start(WORLD, policies, key), 10, lambda t: t.decisions["forager"].actions)[1]

    with plain_errors():
        first, again, other = (moves(Rule(nearest_food_numpy), jax.random.key(s))["move"] for s in (0, 0, 1))
    assert first.shape == (10, 6)
    assert np.array_equal(first, again) and not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda observation, rng: 9, "got 9"),
        (lambda observation, rng: np.ones(5) / 5, "Did you return probabilities"),
        (lambda observation, rng: None, "Is a `return` missing"),
        (lambda observation, rng: {"fly": 1}, "an action for each of ['move']; got ['fly']"),
        (lambda observation, rng: observation["smell"], "KeyError: 'smell'"),
        (lambda observation, key: jnp.ones(5), "jax.random.categorical"),
        (lambda observation, key: 0.5, "got 0.5"),
        (lambda observation, key: jnp.argmax(jnp.ones(5)) * 1.0, "float32"),
    ],
)
def test_a_wrong_rule_is_told_what_is_wrong(act, said):
    with pytest.raises((InputError, IncompatiblePolicyError)) as error, plain_errors():
        decision, _ = eqx.filter_jit(Rule(act).decide)(ROLE, percept(), None, KEY)
        jax.block_until_ready(decision)
    assert said in str(error.value)


@pytest.mark.parametrize("act", [lambda observation: 0, lambda observation, world: 0])
def test_a_rule_with_other_parameters_is_refused(act):
    with pytest.raises(InputError, match=r"act\(observation, key\)"):
        Rule(act)


MANY = """
import jax
from aira_agents.policies.gru import GRUPolicy
build = jax.jit(jax.vmap(lambda key: GRUPolicy.build(8, 4, key)))
for i in range(30):
    jax.block_until_ready(build(jax.random.split(jax.random.key(i), 8)))
"""


@pytest.mark.slow
def test_many_networks_built_in_one_program_never_wait_for_each_other():
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "JAX_PLATFORMS": "cpu"}
    subprocess.run([sys.executable, "-c", MANY], env=environment, timeout=240, check=True)


@pytest.mark.parametrize("value", ["1 if seen else 0", "int(seen)", "[0, 1][seen.astype(int)]"])
def test_a_rule_that_asks_jax_for_a_value_is_told_its_line_and_what_to_do(tmp_path, value):
    source = f"def act(observation, key):\n    seen = observation['vision'][0, 0, 0] > 0\n    return {value}\n"
    (tmp_path / "own.py").write_text(source)
    namespace = {}
    exec(compile(source, tmp_path / "own.py", "exec"), namespace)
    with pytest.raises(IncompatiblePolicyError) as fault:
        policies_for(Foraging(), namespace["act"])
    assert f"(own.py, line 3: return {value}). In JAX use `jnp.where(...)`" in str(fault.value)
    assert "\n" not in str(fault.value)
