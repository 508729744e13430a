"""What is measured while worlds are run for a learner."""

import jax
import jax.numpy as jnp
import pytest

from aira_agents.cli.train import _warn_of_crowds
from aira_agents.learning.collect import _not_seen, begin, collect
from aira_agents.learning.train import Trained
from aira_agents.policies.random import RandomPolicy
from environments.cartpole import CartPole
from environments.flocking import Flocking


def _measured(world, n_steps=5):
    policies = {role.name: RandomPolicy() for role in world.roles}

    @jax.jit
    def run(key):
        before = begin(world, policies, key, 3)
        after, _, metrics = collect(world, policies, before, n_steps)
        return before.now.state, after.now.state, metrics

    return run(jax.random.key(0))


@pytest.mark.slow
def test_who_found_no_room_is_counted_per_step_of_a_world():
    before, after, metrics = _measured(Flocking(n_birds=60, width=40, height=40, neighbours="cells", room=2))
    more = jnp.sum(after.crowded - before.crowded)
    assert more > 0
    assert metrics["crowded"] == pytest.approx(more / (3 * 5))


def test_where_there_is_room_nobody_is_crowded_and_where_there_are_no_cells_nothing_is_said():
    assert _measured(Flocking(n_birds=60, width=40, height=40, neighbours="cells", room=64))[2]["crowded"] == 0
    assert "crowded" not in _measured(CartPole())[2]


def test_a_renewed_world_counts_anew():
    time = jnp.array([[8, 2], [9, 3], [0, 4]])  # the first world was renewed after its second step, with 7 left out
    crowded = jnp.array([[0, 5], [3, 5], [7, 6]])
    total, steps = _not_seen((time, crowded), (jnp.array([1, 5]), jnp.array([9, 6])))
    assert (float(total), float(steps)) == (3 + 7 + 2 + 1, 6)


@pytest.mark.parametrize(
    ("world", "crowded", "said"),
    [
        (Flocking(room=8), 0.5, "--world.room 16"),
        (Flocking(room=256), 0.5, "was not seen"),
        (CartPole(), 0.5, "was not seen"),
        (Flocking(), 0.0, ""),
    ],
)
def test_the_command_says_that_somebody_was_not_seen_and_what_to_raise_if_that_is_possible(
    world, crowded, said, capsys
):
    _warn_of_crowds(Trained(None, {}, None, 1, 1, 1.0, 1.0, {"crowded": crowded}, 1), world)
    told = " ".join(capsys.readouterr().err.split())
    assert said in told and bool(told) == bool(said)
    assert ("--world.room" in told) == ("--world.room" in said)
