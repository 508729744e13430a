"""Packing moves bits: whatever went in comes out, whatever the axes before."""

import jax
import jax.numpy as jnp
import numpy as np

from aira_agents.learning.packing import BITS, LARGE, Packing


def test_what_is_packed_comes_out_bit_for_bit():
    tree = {
        "float": jnp.array([[1.5, -0.0, jnp.nan], [jnp.inf, 1e-42, 3.0]]),
        "int": jnp.array([-1, 2**31 - 1]),
        "bool": jnp.array([[True, False], [False, True]]),
        "word": jnp.array([2**32 - 1, 0], jnp.uint32),
        "byte": jnp.array([[1, 2], [3, 4]], jnp.uint8),
        "large": jnp.ones((2, LARGE + 1)),
        "nothing": None,
    }
    packing = Packing(tree, 1)
    packed = packing.pack(tree)
    assert len(packed) == 3  # the words, the bytes, and what is large
    out = jax.tree.map(np.asarray, packing.unpack(packed))
    for name, array in tree.items():
        if array is not None:
            np.testing.assert_array_equal(out[name].view(np.uint8), np.asarray(array).view(np.uint8))
    assert out["nothing"] is None


def test_leading_axes_may_be_chosen_from_and_added_to():
    tree = {"x": jnp.arange(12.0).reshape(3, 2, 2), "y": jnp.arange(6).reshape(3, 2)}
    packing = Packing(tree, 2)
    stacked = tuple(jnp.stack([leaf, leaf]) for leaf in packing.pack(tree))
    np.testing.assert_array_equal(packing.unpack(stacked)["x"][1], tree["x"])
    chosen = packing.unpack(tuple(leaf[jnp.array([2, 0])] for leaf in packing.pack(tree)))
    np.testing.assert_array_equal(chosen["y"], tree["y"][jnp.array([2, 0])])


def test_bits_of_a_shape_share_words_and_none_takes_the_place_of_another():
    rng = np.random.default_rng(0)
    masks = {f"mask {i}": rng.random((5, 3)) < 0.5 for i in range(BITS + 2)}
    tree = masks | {"flag": rng.random(5) < 0.5, "number": np.arange(5, dtype=np.int32)}
    packing = Packing(tree, 1)
    (words,) = packing.pack(jax.tree.map(jnp.asarray, tree))
    assert words.shape == (5, 2 * 3 + 1 + 1)  # two words for each of three places of a mask
    jax.tree.map(np.testing.assert_array_equal, packing.unpack((words,)), tree)
