"""The angle of a vector against NumPy, all around and where a formula would divide by zero."""

import jax.numpy as jnp
import numpy as np

from aira_agents.angles import arctan2


def test_angles_are_those_of_numpy_all_around():
    angles = np.linspace(-np.pi, np.pi, 4001, dtype=np.float32)[1:-1]
    for length in (1e-6, 1.0, 1e6):
        x, y = (length * np.cos(angles)).astype(np.float32), (length * np.sin(angles)).astype(np.float32)
        expected = np.arctan2(y.astype(np.float64), x.astype(np.float64))
        assert np.abs(arctan2(jnp.asarray(y), jnp.asarray(x)) - expected).max() < 5e-7


def test_on_the_axes_and_at_nothing_an_angle_is_exact():
    y, x = jnp.array([0.0, 1.0, 0.0, -1.0, 0.0, 1.0]), jnp.array([1.0, 0.0, -1.0, 0.0, 0.0, 1.0])
    assert np.allclose(arctan2(y, x), [0, np.pi / 2, np.pi, -np.pi / 2, 0, np.pi / 4], atol=1e-7)
