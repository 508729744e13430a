"""The straight generator draws what JAX's draws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from aira_agents.keys import SMALL, looped, straight

KEY = jax.random.key(7)
DRAWS = {
    "uniform": lambda key, shape: jax.random.uniform(key, shape),
    "normal": lambda key, shape: jax.random.normal(key, shape),
    "bernoulli": lambda key, shape: jax.random.bernoulli(key, 0.3, shape),
    "integers": lambda key, shape: jax.random.randint(key, shape, 0, 1000),
    "bytes": lambda key, shape: jax.random.bits(key, shape, jnp.uint8),
    "split": lambda key, shape: jax.random.key_data(jax.random.split(key, shape)),
    "fold in": lambda key, shape: jax.random.uniform(jax.random.fold_in(key, 5), shape),
}


@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize("shape", [(), (1,), (3, 5), (2, SMALL)])
def test_a_straight_key_draws_the_same_bits(draw, shape):
    expected = DRAWS[draw](KEY, shape)
    assert np.array_equal(expected, DRAWS[draw](straight(KEY), shape))
    keys = jax.random.split(KEY, 2)
    both = jax.vmap(lambda key: DRAWS[draw](straight(key), shape))(keys)
    assert np.array_equal(both[1], DRAWS[draw](keys[1], shape))


def test_looped_undoes_straight():
    assert looped(straight(KEY)).dtype == KEY.dtype
    assert np.array_equal(jax.random.key_data(looped(straight(KEY))), jax.random.key_data(KEY))
