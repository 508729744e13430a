"""Lookup does what was done where it is most like here."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import probes
import pytest
from recorded import ROOMS, rooms

from aira_agents.data.lookup import lookup
from aira_agents.data.recording import record
from aira_agents.environment import Percept
from aira_agents.errors import InputError
from aira_agents.evaluation import evaluate
from aira_agents.policies import RandomPolicy, Rule
from aira_agents.policies.lookup import LookupPolicy
from environments.foraging import Foraging, greedy

WORLD = probes.Bandit(n_players=3)
(ROLE,) = WORLD.roles


@eqx.filter_jit
def decide(policy, percept, key):
    return policy.decide(ROLE, percept, None, key)[0].actions["choose"]


def in_rows(numbers):
    """Returns `[rows, features]`; a plain list of numbers are rows of one feature."""
    numbers = np.asarray(numbers, np.float32)
    return jnp.asarray(numbers if numbers.ndim > 1 else numbers[:, None])


def decided(policy, shown, valid=None, key=0):
    return decide(policy, Percept(in_rows(shown), valid or {}), jax.random.key(key)).tolist()


def table(features, actions):
    return LookupPolicy.build(in_rows(features), {"choose": jnp.asarray(actions, jnp.int32)})


def test_the_nearest_row_is_done_again():
    assert decided(table([0.0, 1.0, 5.0], [0, 1, 0]), [0.2, 0.9, 4.0]) == [0, 1, 0]


def test_a_feature_counts_in_units_of_its_deviation():
    policy = table([[0.0, 0.0], [1.0, 1000.0]], [0, 1])
    # 400 of the second feature is less than half of its spread, 0.9 of the first nearly all of it.
    assert decided(policy, [[0.9, 400.0], [0.1, 400.0], [0.4, 900.0]]) == [1, 0, 1]


def test_rows_equally_near_are_taken_in_proportion():
    policy = table([0.0] * 4, [0, 1, 1, 1])
    share = np.mean([decided(policy, [0.0] * 3, key=i) for i in range(200)])
    assert 0.68 < share < 0.82


def test_the_nearest_row_that_is_valid_is_done_and_else_anything_that_is():
    first_only = {"choose": jnp.asarray([[True, False]] * 3)}
    assert decided(table([0.0, 9.0], [1, 0]), [0.0] * 3, valid=first_only) == [0, 0, 0]
    assert decided(table([0.0, 9.0], [1, 1]), [0.0] * 3, valid=first_only) == [0, 0, 0]


@pytest.mark.slow
def test_lookup_in_greedy_foraging_is_nearly_greedy():
    world = Foraging(n_agents=2, width=8, height=8, food_at_start=0.1, regrowth=0.01, max_steps=60)
    policies = lookup(world, record(world, {"forager": Rule(greedy)}, 0, 10))
    looked, chance, best = (
        evaluate(world, own, jax.random.key(1), 30)["forager"].estimate
        for own in (policies, {"forager": RandomPolicy()}, {"forager": Rule(greedy)})
    )
    assert looked > chance + 0.8 * (best - chance)


def test_numbers_are_looked_up_too():
    data = rooms()
    again = record(ROOMS, lookup(ROOMS, data), 1, 3)
    known = np.concatenate([e.tracks["thermostat"].actions["heater"].ravel() for e in data.episodes])
    done = np.concatenate([e.tracks["thermostat"].actions["heater"].ravel() for e in again.episodes])
    assert np.isin(done, known).all()


def test_an_empty_table_or_another_world_is_refused():
    with pytest.raises(InputError, match="at least one decision"):
        table(np.zeros(0, np.float32), np.zeros(0, np.int32))
    with pytest.raises(InputError, match="do not fit"):
        lookup(Foraging(), record(WORLD, {probes.ROLE: RandomPolicy()}, 0, 1))
