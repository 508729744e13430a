"""Writing to places given by number, in one world and in many side by side; arrays worked out once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from aira_agents.materialized import materialized
from aira_agents.scattering import BLOCK, FAR, largest, put, total

SIZE = 5
PLACES = np.array([[0, 3, 3, 5, 1], [4, 4, 4, 0, 5], [5, 5, 2, 2, 1]], np.int32)  # a place of 5 is nowhere
VALUES = np.array([[4, 7, 2, 9, 1], [1, 3, 2, 8, 8], [6, 6, 5, 9, 3]], np.int32)


def by_numpy(how, places, values):
    wide = np.zeros(SIZE + 1, values.dtype)
    how.at(wide, places, values)
    return wide[:SIZE]


@pytest.mark.parametrize(("scatter", "how", "dtype"), [(largest, np.maximum, np.uint32), (total, np.add, np.float32)])
def test_many_worlds_side_by_side_are_written_as_each_is_alone(scatter, how, dtype):
    values = VALUES.astype(dtype)
    expected = [by_numpy(how, p, v) for p, v in zip(PLACES, values, strict=True)]
    alone = [scatter(jnp.asarray(p), jnp.asarray(v), SIZE) for p, v in zip(PLACES, values, strict=True)]
    assert np.array_equal(alone, expected)
    worlds = jax.vmap(lambda p, v: scatter(p, v, SIZE))
    assert np.array_equal(jax.jit(worlds)(PLACES, values), expected)
    twice = jax.jit(jax.vmap(worlds))(np.stack([PLACES, PLACES[::-1]]), np.stack([values, values[::-1]]))
    assert np.array_equal(twice[1], expected[::-1])


@pytest.mark.parametrize("n", [3 * BLOCK - 5, BLOCK - 1])
def test_reading_ahead_finds_what_reading_at_random_does(n):
    random = np.random.default_rng(0)
    near = np.sort(random.integers(0, FAR, n)) + random.integers(-9000, 9000, n)
    places = np.where((near < 0) | (random.random(n) < 0.1), FAR, near).clip(max=FAR).astype(np.int32)
    values = random.integers(1, 2**32, n, dtype=np.uint32)
    values[:3] = 2**32 - 1  # the largest there is, and ties
    expected = np.zeros(FAR + 1, np.uint32)
    np.maximum.at(expected, places, values)
    found = jax.jit(lambda p, v: largest(p, v, FAR, near=True))(places, values)
    assert np.array_equal(found, expected[:FAR])
    both = jax.jit(jax.vmap(lambda p, v: largest(p, v, FAR // 2, near=True)))
    halves = np.minimum(np.stack([places, places[::-1]]), FAR // 2)
    assert np.array_equal(both(halves, np.stack([values, values[::-1]]))[1], expected[: FAR // 2])


def test_where_worlds_share_values_each_puts_them_in_its_own_places():
    places, values = np.array([[2, 0], [5, 4]], np.int32), jnp.array([7, 9])
    found = jax.vmap(lambda p: put(p, values, SIZE))(places)
    assert found.tolist() == [[9, 0, 7, 0, 0], [0, 0, 0, 0, 9]]


def test_who_is_put_nowhere_is_found_in_no_place_the_last_one_neither():
    places, values = jnp.array([4, 5, 5]), jnp.array([7, 9, 8])
    assert put(places, values, SIZE).tolist() == [0, 0, 0, 0, 7]
    assert jax.vmap(lambda p: put(p, values, SIZE))(jnp.stack([places, places])).tolist() == [[0, 0, 0, 0, 7]] * 2


def test_what_is_materialized_is_computed_once_in_the_program():
    def program(angles):
        once = materialized(jnp.sin(angles) * 2.0)
        return [once.sum(), once[::-1] + 1.0]

    angles = jnp.arange(3000.0)
    total_, turned = jax.jit(jax.vmap(program))(angles.reshape(3, 1000))
    expected = np.sin(np.arange(3000.0)).reshape(3, 1000) * 2
    assert np.allclose(total_, expected.sum(axis=1), atol=1e-2)
    assert np.allclose(turned, expected[:, ::-1] + 1, atol=1e-5)
    compiled = jax.jit(program).lower(angles).compile().as_text()
    assert compiled.count(" sine(") == 1
