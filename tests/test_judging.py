"""What an equation's sums are judged by: the returns of lives, each counted once."""

import jax
import jax.numpy as jnp
import pytest

from aira_agents.equation.judging import judge
from aira_agents.evaluation import evaluate
from aira_agents.policies.mlp import MLPPolicy
from environments.cartpole import ROLE, CartPole


def test_a_world_that_ends_early_is_judged_by_its_first_episode_alone():
    world = CartPole()
    (role,) = world.roles
    untrained = MLPPolicy.build(role.n_features, role.n_outputs, jax.random.key(0))
    whole = evaluate(world, {ROLE: untrained}, jax.random.key(1), 200)[ROLE]

    def halves(state):
        motion = state.agents[ROLE].motion[:, 0]
        return {"left": motion < 0, "right": motion >= 0}

    found = judge(world, untrained, jax.random.key(2), 200, 500, halves)
    assert found["return"] == pytest.approx(
        whole.estimate, rel=0.2
    )  # counted on, as lives of 500 steps it would be 500
    assert jnp.allclose(found["left"] + found["right"], found["return"], rtol=1e-5)
