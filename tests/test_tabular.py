"""Every situation has a row of its own, and values become actions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from grid_world import GridWorld
from probes import Bandit

from aira_agents.environment import Percept
from aira_agents.errors import IncompatiblePolicyError
from aira_agents.policies.networks import Network
from aira_agents.policies.tabular import TabularPolicy
from aira_agents.policies.value import EpsilonGreedy, ValuePolicy
from environments.cartpole import CartPole
from environments.foraging import Foraging
from environments.predator_prey import PredatorPrey
from environments.simple_spread import SimpleSpread

KEY = jax.random.key(0)


def table_of(world, **settings):
    (role,) = world.roles
    return Network("tabular", **settings).builder(role)(role.n_features, role.n_outputs, KEY)


def test_a_patch_of_eighteen_cells_that_are_full_or_empty_has_two_to_the_eighteen_rows_in_order():
    table = table_of(Foraging())
    assert table.table.shape == (2**18, 5)
    seen = np.random.default_rng(0).integers(0, 2, (50, 18))
    expected = [int("".join(map(str, row)), 2) for row in seen]
    assert table.situation(jnp.asarray(seen, jnp.float32)).tolist() == expected


def test_whole_numbers_have_a_row_each_and_ranges_as_many_as_there_are_bins():
    grid = table_of(GridWorld())
    cells = jnp.asarray([(x, y) for x in range(5) for y in range(5)], jnp.float32)
    assert grid.situation(cells).tolist() == list(range(25))
    assert table_of(CartPole(), bins=6).table.shape == (6**4, 2)


@pytest.mark.parametrize(
    ("value", "row"), [(-9.0, 0), (-0.6, 0), (-0.4, 1), (0.6, 3), (9.0, 3), (np.inf, 3), (np.nan, 0)]
)
def test_what_lies_beyond_the_range_counts_as_the_nearest_in_it(value, row):
    table = TabularPolicy.build(1, 2, KEY, edges=[[-0.5, 0.0, 0.5]])
    assert int(table.situation(jnp.asarray([value]))) == row


@pytest.mark.parametrize("world", [SimpleSpread(), PredatorPrey()])
def test_an_unknown_range_is_named_and_the_line_says_what_to_do(world):
    with pytest.raises(IncompatiblePolicyError, match=r"has none for (velocity_x|energy).*Declare `ranges`"):
        Network("tabular").builders(world)


def test_a_table_that_no_machine_holds_is_refused():
    with pytest.raises(IncompatiblePolicyError, match=r"about 1e15 rows of 5 numbers.*Use fewer bins"):
        table_of(Foraging(vision_radius=2))
    with pytest.raises(IncompatiblePolicyError, match="about 1e602 rows"):  # more than a float can hold
        TabularPolicy.build(2000, 2, KEY, edges=[[0.5]] * 2000)


@pytest.mark.parametrize(
    ("edges", "told"),
    [([[0.0]], "each of 2 features; got 1"), ([[1.0, 0.0], []], "must be finite and rise"), ([[np.nan], []], "finite")],
)
def test_edges_that_cut_nothing_are_refused(edges, told):
    with pytest.raises(IncompatiblePolicyError, match=told):
        TabularPolicy.build(2, 2, KEY, edges=edges)


def taken(policy, valid=(True, True), n=20_000):
    """Returns how often each action is taken, and the mean probability with which that was done."""
    (role,) = Bandit(n_players=n).roles
    percept = Percept(jnp.ones((n, 1)), {"choose": jnp.broadcast_to(jnp.asarray(valid), (n, 2))})
    decision, _ = policy.decide(role, percept, policy.initial_memories(n), KEY)
    pulled = np.eye(2)[decision.actions["choose"]]
    return pulled.mean(axis=0), pulled.T @ np.exp(decision.log_prob) / np.maximum(pulled.sum(axis=0), 1)


def worth(*values):
    return TabularPolicy(jnp.asarray([values]), edges=((),))


def test_epsilon_greedy_takes_the_best_but_for_chance():
    often, told = taken(EpsilonGreedy(worth(0.0, 1.0), jnp.asarray(0.3)))
    assert often == pytest.approx([0.15, 0.85], abs=0.01)
    assert told == pytest.approx([0.15, 0.85], abs=1e-5)


@pytest.mark.parametrize("policy", [ValuePolicy(worth(0.4, 0.4)), EpsilonGreedy(worth(0.4, 0.4), jnp.asarray(0.0))])
def test_of_what_is_worth_the_same_one_is_taken_by_chance(policy):
    assert taken(policy)[0] == pytest.approx([0.5, 0.5], abs=0.02)


@pytest.mark.parametrize("scale", [0.1, 1e4])
def test_the_best_of_what_is_valid_is_taken(scale):
    values = worth(-2 * scale, -scale)
    assert taken(ValuePolicy(values))[0].tolist() == [0, 1]
    for policy in (ValuePolicy(values), EpsilonGreedy(values, jnp.asarray(1.0))):
        assert taken(policy, valid=(True, False))[0].tolist() == [1, 0]
