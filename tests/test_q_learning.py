"""Q-learning against values that are known."""

import equinox as eqx
import grid_world
import jax
import jax.numpy as jnp
import numpy as np
import probes
import pytest

from aira_agents.errors import IncompatiblePolicyError
from aira_agents.learning.q_learning import QLearning
from aira_agents.policies.mlp import MLPPolicy
from aira_agents.policies.networks import Network
from environments.thermostat import Thermostat


def run(world, n_updates, **values):
    """Returns the table `[situations, n]`, how often each cell was corrected, and the metrics."""
    settings = {"n_worlds": 16, "n_steps": 8, "learning_rate": 0.5, "epsilon_start": 1.0, "epsilon_end": 1.0}
    learner = QLearning(**settings | values).learner(world, Network("tabular", bins=2).builders(world))
    state, metrics = probes.run(learner, n_updates, jax.random.key(0))
    (learned,) = state.learned.values()
    return learned.values.table, learned.visits, metrics


def trained(*args, **values):
    return jax.device_get(jax.jit(lambda: run(*args, **values))())


def test_time_running_out_is_bootstrapped_and_death_is_not():
    table, _, _ = probes.forever_and_once(lambda world: run(world, 30, discount=0.5))
    assert table[:, 1].tolist() == [pytest.approx([value] * 2, abs=1e-3) for value in (2.0, 1.0)]


@pytest.mark.parametrize("n_walkers", [1, 3])
def test_a_grid_world_is_worth_what_value_iteration_says(n_walkers):
    # Most walks are cut by the time limit, and walkers leave one by one: neither may show in the values.
    table, _, metrics = trained(grid_world.GridWorld(n_walkers=n_walkers), 200, discount=0.9)
    exact = grid_world.optimal_values(0.9, 0.0).reshape(25, 4)
    assert np.max(np.abs(table - exact)) < 1e-4
    assert metrics["error/walker"][-1] < 1e-4


@pytest.mark.slow
def test_chance_is_averaged_out_only_if_the_rate_falls_with_visits():
    exact = grid_world.optimal_values(0.9, 0.3).reshape(25, 4)

    def error(rate_power):
        world = grid_world.GridWorld(slip=0.3)
        table, _, _ = trained(world, 1000, discount=0.9, learning_rate=1.0, rate_power=rate_power)
        return np.max(np.abs(table - exact))

    assert error(0.7) < 0.1 < error(0.0)


def test_those_who_meet_in_a_cell_correct_it_once_by_the_mean_of_their_errors():
    # In one step, from zero: whoever pulled an arm found an error of 1 or 0, and moves its cell by half of that.
    table, visits, _ = trained(probes.Bandit(n_players=50), 1, n_worlds=4, n_steps=1)
    assert table[1] == pytest.approx([0.0, 0.5], abs=1e-5)
    assert visits[1, :, 0].sum() == 200 and np.array_equal(visits[1, :, 0], visits[1, :, 1])
    assert not table[0].any() and not visits[0].any()


@pytest.mark.parametrize("max_steps", [1, 1000])
def test_what_is_invalid_is_not_hoped_for(max_steps):
    # The second arm would pay, were it allowed: it must count neither in the cell nor in what is hoped for after it,
    # be that the next step or the last look at a world whose time ran out.
    world = probes.ForbiddenArm(max_steps=max_steps)
    learner = QLearning(discount=0.5, n_worlds=4, n_steps=4, learning_rate=0.5).learner(
        world, Network("tabular", bins=2).builders(world)
    )
    state = learner.init(jax.random.key(0))
    lured = eqx.tree_at(lambda s: s.learned[probes.ROLE].values.table, state, jnp.asarray([[0.0, 9.0], [0.0, 9.0]]))
    after, _ = jax.jit(learner.update)(lured)
    assert np.array_equal(after.learned[probes.ROLE].values.table, [[0.0, 9.0], [0.0, 9.0]])


@pytest.mark.parametrize(
    ("world", "networks", "told"),
    [
        (probes.Bandit(), MLPPolicy.build, "got MLPPolicy. Use the network `tabular`, or the learner `dqn`"),
        (Thermostat(), Network("tabular"), "role 'thermostat' acts by numbers through heater"),
        (probes.Bandit(), Network("tabular", per_agent=True), "one table for all agents of 'player'; got PerAgent"),
    ],
)
def test_what_is_no_table_of_actions_is_refused(world, networks, told):
    with pytest.raises(IncompatiblePolicyError, match=told):
        QLearning().learner(world, networks.builders(world) if isinstance(networks, Network) else networks)
