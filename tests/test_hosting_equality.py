"""One definition, two hosts: a hosted model and the compiled loop give the same numbers."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from worlds import WORLDS

from aira_agents.loop import rollout, start, unroll
from aira_agents.policies.gru import GRUPolicy
from aira_agents.policies.mlp import MLPPolicy
from aira_agents.policies.rule import Rule
from aira_agents.spaces import Discrete

STEPS, SEED = 200, 7
# Each case compiles four programs, and a GRU shows what an MLP would: that is tried where actions are chosen, and where
# they are numbers.
WITH_MLP = ("foraging", "thermostat")
CASES = [(name, kind) for name in WORLDS for kind in ("rule", "mlp", "gru") if kind != "mlp" or name in WITH_MLP]
NOT_SLOW = {("foraging", "mlp"), ("cartpole", "gru")}


def _policies(world, rules, kind):
    if kind == "rule":
        return {name: Rule(act) for name, act in rules.items()}
    build = MLPPolicy.build if kind == "mlp" else GRUPolicy.build
    # Scaled up, so that these networks decide rather than doubt.
    return {
        role.name: build(role.n_features, role.n_outputs, jax.random.key(i), final_scale=1.0)
        for i, role in enumerate(world.roles)
    }


@eqx.filter_jit  # primitive by primitive, each would be a program of its own
def begin(world, policies, seed):
    return start(world, policies, jax.random.key(seed))


def _keep(transition):
    return transition.percepts, transition.decisions, transition.feedback, transition.fresh


def _stacked(trees):
    return jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *trees)


def _numbers(tree):
    """Keys as numbers, to be compared."""
    return jax.tree.map(
        lambda x: np.asarray(jax.random.key_data(x) if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x), tree
    )


def _assert_equal(one, other):
    one, other = _numbers(one), _numbers(other)
    assert jax.tree.structure(one) == jax.tree.structure(other)
    jax.tree.map(np.testing.assert_array_equal, one, other)


def _assert_close(one, other):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-3), _numbers(one), _numbers(other))


@pytest.mark.released
@pytest.mark.parametrize(
    ("name", "kind"), [pytest.param(*case, marks=[] if case in NOT_SLOW else pytest.mark.slow) for case in CASES]
)
def test_a_hosted_model_and_the_compiled_loop_give_the_same_200_steps(name, kind):
    model_class, parameters, rules = WORLDS[name]
    world = model_class.environment_class(**parameters)
    policies = _policies(world, rules, kind)
    model = model_class(**parameters, policy=policies, rng=SEED)
    states, kept = [], []
    for _ in range(STEPS):
        model.step()
        states.append(model.state)
        kept.append(_keep(model.transition))
    begun = begin(world, policies, SEED)
    now, scanned = eqx.filter_jit(unroll)(world, policies, begun, STEPS, _keep)
    # An unvmapped scan of one world: bit for bit, memories and percepts included.
    _assert_equal(_stacked(kept), scanned)
    _assert_equal(model.state, now.state)
    _assert_equal(model.memories, now.memories)

    # A batched rollout: the same actions, and the same world.
    seeds = jnp.array([SEED, SEED + 1])
    worlds = eqx.filter_jit(jax.vmap(lambda seed: begin(world, policies, seed)))(seeds)
    end, actions = eqx.filter_jit(rollout)(
        world, policies, worlds, STEPS, lambda t: {role: d.actions for role, d in t.decisions.items()}
    )
    hosted_actions = _stacked([{role: d.actions for role, d in step[1].items()} for step in kept])
    # A network's products of matrices round otherwise when batched; where its outputs are the actions, these do too.
    chosen = all(isinstance(space, Discrete) for role in world.roles for space in role.spaces.values())
    compare = _assert_equal if kind == "rule" or chosen else _assert_close
    compare(jax.tree.map(lambda leaf: leaf[:, 0], actions), hosted_actions)
    compare(jax.tree.map(lambda leaf: leaf[0], end.state), now.state)
    # A new seed differs.
    first, second = (jax.tree.leaves(jax.tree.map(lambda leaf, i=i: leaf[i], _numbers(end.state))) for i in (0, 1))
    assert any(not np.array_equal(a, b) for a, b in zip(first, second, strict=True))
