import jax
import jax.numpy as jnp
import numpy as np

from aira_agents.learning.advantages import generalised_advantages


def by_hand(rewards, values, next_values, terminated, truncated, discount, decay):
    advantages, later = np.zeros(rewards.shape, np.float64), 0.0
    for t in reversed(range(len(rewards))):
        error = rewards[t] + (0 if terminated[t] else discount * next_values[t]) - values[t]
        later = error + (0 if terminated[t] or truncated[t] else discount * decay * later)
        advantages[t] = later
    return advantages


def experience():
    rng = np.random.default_rng(0)
    return (*rng.normal(size=(3, 200)).astype(np.float32), rng.random(200) < 0.1, rng.random(200) < 0.1)


def test_advantages_equal_a_float64_loop():
    numbers = experience()
    ours = jax.jit(generalised_advantages)(*map(jnp.asarray, numbers), 0.99, 0.95)
    np.testing.assert_allclose(ours, by_hand(*numbers, 0.99, 0.95), atol=2e-5)


def test_swapped_done_flags_would_be_noticed():
    rewards, values, next_values, terminated, truncated = experience()
    swapped = generalised_advantages(
        *map(jnp.asarray, (rewards, values, next_values, truncated, terminated)), 0.99, 0.95
    )
    right = by_hand(rewards, values, next_values, terminated, truncated, 0.99, 0.95)
    assert np.max(np.abs(np.asarray(swapped) - right)) > 0.1
