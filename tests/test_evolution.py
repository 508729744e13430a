"""Evolution strategies count by rank, in pairs that live in the same worlds, and move where somebody fared better."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import probes
import pytest

from aira_agents.environment import Feedback
from aira_agents.learning.evolution import Evolution, doubled_places, first_episode, uphill
from aira_agents.policies.gru import GRUPolicy
from aira_agents.policies.mlp import MLPPolicy
from environments.cartpole import CartPole

SMALL = functools.partial(MLPPolicy.build, hidden=(16,))


def tiny(**values):
    return Evolution(**{"n_pairs": 8, "n_worlds": 4, "n_steps": 1, "noise_std": 0.2, "learning_rate": 0.1} | values)


def train(record, world, networks, n_updates):
    return record.learner(world, networks), *probes.learned(record, world, networks, n_updates)


def test_places_are_counted_from_the_middle_and_equals_share_theirs():
    assert doubled_places(jnp.asarray([3.0, 1.0, 2.0])).tolist() == [2, -2, 0]
    assert doubled_places(jnp.asarray([1.0, 1.0, 1.0, 1.0])).tolist() == [0, 0, 0, 0]
    assert doubled_places(jnp.asarray([5.0, 5.0, 1e9])).tolist() == [-1, -1, 2]


def test_uphill_points_up_the_slope():
    slope = jnp.asarray([1.0, -2.0, 0.0, 0.5])
    noise = jax.random.normal(jax.random.key(0), (512, 4))
    direction = uphill(jnp.stack([noise @ slope, -noise @ slope]), noise)
    cosine = direction @ slope / jnp.linalg.norm(direction) / jnp.linalg.norm(slope)
    assert cosine > 0.99


def test_only_the_first_episode_of_a_world_counts():
    def along_steps(values, dtype=jnp.float32):  # [2, pairs 1, steps, worlds 1, capacity 1]
        return jnp.broadcast_to(jnp.asarray(values, dtype)[None, None, :, None, None], (2, 1, len(values), 1, 1))

    never = along_steps([0, 0, 0, 0], bool)
    one = Feedback(jnp.zeros(1), jnp.zeros(1, bool), jnp.zeros(1, bool), jnp.ones(1, bool))
    leaves = [along_steps([1.0, 2.0, 4.0, 8.0]), along_steps([0, 1, 0, 1], bool), never, ~never]
    feedback = jax.tree.unflatten(jax.tree.structure(one), leaves)
    time = jnp.asarray([0, 1, 0, 1])[None, None, :, None]  # renewed after two steps
    np.testing.assert_allclose(first_episode({"player": feedback}, jnp.broadcast_to(time, (2, 1, 4, 1)))["player"], 3.0)


def test_an_episode_goes_on_where_a_child_is_born_as_its_last_parent_dies():
    def along_steps(parent, child, dtype=bool):  # [2, pairs 1, steps, worlds 1, capacity 2]
        return jnp.broadcast_to(jnp.asarray([parent, child], dtype).T[None, None, :, None], (2, 1, len(parent), 1, 2))

    active = along_steps([1, 0, 0], [0, 1, 1])
    dies = along_steps([1, 0, 0], [0, 0, 1])
    one = Feedback(jnp.zeros(1), jnp.zeros(1, bool), jnp.zeros(1, bool), jnp.ones(1, bool))
    leaves = [active * 1.0, dies, jnp.zeros_like(dies), active]
    feedback = jax.tree.unflatten(jax.tree.structure(one), leaves)
    time = jnp.broadcast_to(jnp.arange(3)[None, None, :, None], (2, 1, 3, 1))
    np.testing.assert_allclose(first_episode({"player": feedback}, time)["player"], 3.0)


def test_evolution_finds_the_known_best_arm():
    _, _, metrics = train(tiny(n_pairs=16), probes.Bandit(), SMALL, 30)
    assert metrics["return"][-1] > 0.9
    assert metrics["best_fitness/player"][-1] == 1


def test_among_equals_nothing_moves():
    learner, state, _ = train(tiny(), probes.OneForever(), SMALL, 3)
    begun = learner.init(jax.random.key(0))
    np.testing.assert_array_equal(state.evolved[probes.ROLE].vector, begun.evolved[probes.ROLE].vector)


@pytest.mark.released
@pytest.mark.slow
def test_both_of_a_pair_live_in_the_same_worlds():
    # With hardly any disturbance both choose alike; only other worlds, with other cues, could make them fare otherwise.
    world = probes.MemoryChain(max_steps=4)
    learner, state, _ = train(tiny(noise_std=1e-6, n_steps=4), world, SMALL, 2)
    begun = learner.init(jax.random.key(0))
    np.testing.assert_array_equal(state.evolved[probes.ROLE].vector, begun.evolved[probes.ROLE].vector)


@pytest.mark.slow
def test_a_memory_is_evolved_too():
    gru = functools.partial(GRUPolicy.build, hidden=8)
    _, _, metrics = train(tiny(n_pairs=32, n_worlds=8, n_steps=4), probes.MemoryChain(max_steps=4), gru, 60)
    assert metrics["fitness/player"][-5:].mean() > 0.8


def test_the_dead_take_no_part_in_fitness_or_statistics():
    _, state, metrics = train(tiny(normalize=True), probes.HalfEmpty(n_players=4), SMALL, 2)
    assert 0 <= metrics["fitness/player"][-1] <= 1
    statistics = state.evolved[probes.ROLE].statistics
    assert (float(statistics.count), float(statistics.mean[0])) == (2 * 16 * 4, 1.0)


@pytest.mark.slow
def test_every_role_has_a_population_of_its_own():
    world = probes.Opposites()
    _, _, metrics = train(tiny(n_pairs=2, n_worlds=1, n_steps=5), world, SMALL, 2)
    assert {"fitness/player", "fitness/rival"} < set(metrics)
    _, state, _ = train(tiny(n_pairs=2, n_worlds=1, n_steps=5), world, {"rival": SMALL}, 1)
    assert set(state.evolved) == {"rival"}


@pytest.mark.released
@pytest.mark.slow
def test_evolution_learns_cartpole_on_four_seeds():
    learner = Evolution(n_pairs=32, n_steps=500, noise_std=0.2, learning_rate=0.1).learner(CartPole(), SMALL)

    def run(key):
        return jax.lax.scan(lambda s, _: learner.update(s), learner.init(key), None, 40)[1]["fitness/cart"]

    fitness = np.asarray(jax.jit(jax.vmap(run))(jax.random.split(jax.random.key(1), 4)))
    assert fitness[:, -5:].mean(axis=1).min() > 195, fitness[:, -5:]
