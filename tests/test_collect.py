"""What is measured while worlds are run for a learner."""

import jax
import jax.numpy as jnp
import pytest

from aira_agents.learning.collect import _not_seen, begin, collect
from aira_agents.policies.random import RandomPolicy
from environments.cartpole import CartPole
from environments.flocking import Flocking


def _measured(world, n_steps=5):
    policies = {role.name: RandomPolicy() for role in world.roles}
    before = begin(world, policies, jax.random.key(0), 3)
    after, _, metrics = collect(world, policies, before, n_steps)
    return before.now.state, after.now.state, metrics


def test_who_found_no_room_is_counted_per_step_of_a_world():
    before, after, metrics = _measured(Flocking(n_birds=60, width=40, height=40, neighbours="cells", room=2))
    more = jnp.sum(after.crowded - before.crowded)
    assert more > 0
    assert metrics["crowded"] == pytest.approx(more / (3 * 5))


def test_where_there_is_room_nobody_is_crowded_and_where_there_are_no_cells_nothing_is_said():
    assert _measured(Flocking(n_birds=60, width=40, height=40, neighbours="cells", room=64))[2]["crowded"] == 0
    assert "crowded" not in _measured(CartPole())[2]


def test_a_renewed_world_counts_anew():
    before = jnp.array([[0, 5], [3, 5], [1, 6]])  # the first world was renewed after its second step, with 1 left out
    total, steps = _not_seen(before, jnp.array([4, 6]))
    assert (float(total), float(steps)) == (3 + 1 + 3 + 1, 6)
