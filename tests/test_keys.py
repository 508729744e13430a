"""The straight generator draws what JAX's draws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from aira_agents.keys import for_agents, looped, straight

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
@pytest.mark.parametrize("shape", [(), (3, 5), (3, 2000)])
def test_a_straight_key_draws_the_same_bits(draw, shape):
    @jax.jit
    def drawn(key):
        keys = jax.random.split(key, 2)
        both = jax.vmap(lambda own: DRAWS[draw](straight(own), shape))(keys)
        alone = [DRAWS[draw](own, shape) for own in (key, straight(key), keys[1])]
        return *alone, both[1]

    expected, ours, second, of_two = drawn(KEY)
    assert np.array_equal(ours, expected) and np.array_equal(of_two, second)


def test_looped_undoes_straight():
    assert looped(straight(KEY)).dtype == KEY.dtype
    assert np.array_equal(jax.random.key_data(looped(straight(KEY))), jax.random.key_data(KEY))


def test_agents_have_keys_whose_numbers_are_as_if_each_was_split_off():
    numbers = jax.vmap(lambda key: jax.random.uniform(key, (2,)))(for_agents(straight(KEY), 20_000)).T
    assert len(np.unique(numbers)) > 39_000
    first, second = np.asarray(numbers)
    counts = np.histogram(first, 100, (0, 1))[0]
    assert ((counts - 200) ** 2 / 200).sum() < 149  # chi squared of 99 degrees of freedom: 1 in 1,000 is above
    neighbours = [(first[:-1], first[1:]), (first, second), (first[1:], second[:-1])]
    assert all(abs(np.corrcoef(pair)[0, 1]) < 0.025 for pair in neighbours)  # 3.5 deviations
