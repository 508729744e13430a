"""Gradients are clipped as Optax clips them."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from aira_agents.learning.clipping import clip_by_global_norm

GRADIENTS = {
    "weight": np.array([[3.0, -4.0], [0.0, 12.0]], np.float32),
    "bias": np.array([84.0], np.float32),
}  # norm 85


@jax.jit
def clipped_in_both_ways(gradients, most):
    ways = (clip_by_global_norm(most), optax.clip_by_global_norm(most))
    return tuple(way.update(gradients, way.init(gradients))[0] for way in ways)


@pytest.mark.parametrize("most", [0.5, 85.0, 1e6])
def test_the_norm_is_at_most_what_it_may_be_and_directions_stay(most):
    ours, theirs = clipped_in_both_ways(GRADIENTS, most)
    for name in GRADIENTS:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-6)
    np.testing.assert_allclose(optax.tree.norm(ours), min(most, 85.0), rtol=1e-6)


def test_nothing_stays_nothing_and_what_is_not_finite_is_not_hidden():
    ours, _ = clipped_in_both_ways(jax.tree.map(np.zeros_like, GRADIENTS), 0.5)
    assert all(not jnp.any(own) for own in ours.values())
    for poison in (np.nan, np.inf):
        ours, _ = clipped_in_both_ways(GRADIENTS | {"bias": np.array([poison], np.float32)}, 0.5)
        assert not np.isfinite(ours["bias"]).any()
