import compiled
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from aira_agents.populations import with_columns
from environments.simple_spread import ROLE, SimpleSpread


def placed(position):
    state = compiled.reset(SimpleSpread(), jax.random.key(0))
    state = eqx.tree_at(lambda s: s.landmarks, state, jnp.asarray([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
    return with_columns(state, ROLE, position=jnp.asarray(position))


def move(state, moves):
    return compiled.step(SimpleSpread(), state, {ROLE: {"move": jnp.asarray(moves, jnp.int32)}}, jax.random.key(0))


def test_a_push_shows_in_velocity_first_and_in_position_a_step_later():
    state, _ = move(placed([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), [2, 0, 3])
    np.testing.assert_allclose(state.agents[ROLE].velocity, [[0.5, 0], [0, 0], [0, -0.5]], atol=1e-6)
    state, _ = move(state, [0, 0, 0])
    np.testing.assert_allclose(state.agents[ROLE].position, [[0.05, 0], [1, 0], [0, 0.95]], atol=1e-6)
    np.testing.assert_allclose(state.agents[ROLE].velocity, [[0.375, 0], [0, 0], [0, -0.375]], atol=1e-6)


def test_overlapping_agents_push_each_other_apart_and_pay_for_it():
    state, feedback = move(placed([[0.0, 0.0], [0.2, 0.0], [0.0, 1.0]]), [0, 0, 0])
    # 100 N per unit of overlap, which is 0.3 - 0.2, for a tenth of a second.
    np.testing.assert_allclose(state.agents[ROLE].velocity, [[-1, 0], [1, 0], [0, 0]], atol=1e-4)
    np.testing.assert_allclose(feedback[ROLE].reward, [-0.9, -0.9, -0.4], atol=1e-6)


def test_covering_every_landmark_costs_nothing():
    _, feedback = move(placed([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), [0, 0, 0])
    np.testing.assert_allclose(feedback[ROLE].reward, 0.0, atol=1e-5)


def test_an_agent_sees_the_others_and_the_landmarks_relative_to_itself():
    state = placed([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    seen = compiled.observe(SimpleSpread(), state, jax.random.key(0))[ROLE].features[1]
    np.testing.assert_allclose(seen, [0, 0, 1, 0, -1, 0, 0, 0, -1, 1, -1, 0, -1, 1], atol=1e-6)
