"""Layers for many rows answer and learn as the same layers for one row do, whichever way they are worked out."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from aira_agents.policies import halves
from aira_agents.policies.dense import FEW, LARGE, LITTLE, answers
from aira_agents.policies.mlp import MLPPolicy

BUILD = functools.partial(MLPPolicy.build, 3, 2, hidden=(8, 8), final_scale=1.0)
NETWORK = eqx.filter_jit(BUILD)(jax.random.key(0))


@eqx.filter_jit
def side_by_side(key):
    """Four networks, as arrays with an axis in front."""
    return eqx.filter_vmap(BUILD)(jax.random.split(key, 4))


def softened(numbers):
    """Looks at all numbers of a row at once, as an activation may."""
    return numbers * jax.nn.softmax(numbers)


@functools.partial(jax.jit, static_argnums=0)
def answer_and_slopes(act, layers, rows):
    slopes = jax.grad(lambda layers, rows: jnp.mean(jnp.sin(act(layers, rows))), argnums=(0, 1))(layers, rows)
    return act(layers, rows), jax.tree.leaves(slopes)


def learned(activation, bias, n_rows):
    """Compares what is worked out of many rows with what is of each; returns the program."""
    layers = NETWORK.layers
    if not bias:
        layers = tuple(eqx.tree_at(lambda layer: layer.bias, layer, None) for layer in layers)
    rows = np.random.default_rng(1).standard_normal((n_rows, 3), np.float32)

    def one_by_one(layers, rows):
        def one(row):
            for layer in layers[:-1]:
                row = activation(layer(row))
            return layers[-1](row)

        return jax.vmap(one)(rows)

    def together(layers, rows):
        return answers(activation, layers, rows)

    (answer, ours), (expected, plain) = (answer_and_slopes(act, layers, rows) for act in (together, one_by_one))
    np.testing.assert_allclose(answer, expected, atol=1e-5)
    assert len(ours) == (7 if bias else 4)
    for a, b in zip(ours, plain, strict=True):
        assert float(jnp.max(jnp.abs(b))) > 1e-5
        np.testing.assert_allclose(a, b, atol=1e-6, rtol=1e-4)
    return str(jax.make_jaxpr(answer_and_slopes, 0)(together, layers, rows))


def every_pair(few, many):
    """Two numbers of rows, with and without a bias, two activations: each pair of choices in one of four cases."""
    cases = [(few, True, jnp.tanh), (few, False, softened), (many, True, softened), (many, False, jnp.tanh)]
    return pytest.mark.parametrize(("n_rows", "bias", "activation"), cases)


@every_pair(5, LARGE + 1)
def test_many_rows_answer_and_learn_as_one_row_does(n_rows, bias, activation):
    learned(activation, bias, n_rows)


@every_pair(halves.LEARNED + 1, halves.LEARNED + 2)
def test_two_cores_learn_from_halves_what_one_does_from_the_whole(monkeypatch, n_rows, bias, activation):
    monkeypatch.setattr(halves, "MEASURED", (0, 0))  # on every JAX
    monkeypatch.setattr(halves, "NUMBERS", 0)  # of small networks, too
    program = learned(activation, bias, n_rows)
    if jax.default_backend() == "cpu":
        assert f"f32[2,8,{halves.LEARNED // 2 + 1}]" in program, "shared out"


def test_networks_side_by_side_learn_as_each_does_alone():
    networks = side_by_side(jax.random.key(2))
    rows = jax.random.normal(jax.random.key(3), (4, 6, 3))
    slope = jax.jit(jax.grad(lambda layers, rows: jnp.sum(answers(jnp.tanh, layers, rows) ** 2)))
    together = jax.jit(jax.vmap(slope))(networks.layers, rows)
    for i in range(4):
        alone = slope(jax.tree.map(lambda leaf, i=i: leaf[i], networks.layers), rows[i])
        for a, b in zip(jax.tree.leaves(together), jax.tree.leaves(alone), strict=True):
            np.testing.assert_allclose(a[i], b, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("n_worlds", [2, FEW, LITTLE])
def test_worlds_side_by_side_answer_as_each_does_alone(n_worlds):
    rows = jax.random.normal(jax.random.key(4), (n_worlds, 1, 3))
    together = jax.jit(jax.vmap(lambda own: answers(jnp.tanh, NETWORK.layers, own)))(rows)
    answer = jax.jit(lambda row: NETWORK(row, None)[0])
    alone = np.stack([answer(own[0]) for own in rows])
    np.testing.assert_allclose(together[:, 0], alone, atol=1e-6)


def test_networks_side_by_side_answer_the_same_rows_each_in_its_way():
    networks = side_by_side(jax.random.key(5))
    rows = jax.random.normal(jax.random.key(6), (2, 3))
    answer = jax.jit(lambda layers: answers(jnp.tanh, layers, rows))
    together = jax.jit(jax.vmap(answer))(networks.layers)
    for i in range(4):
        alone = answer(jax.tree.map(lambda leaf, i=i: leaf[i], networks.layers))
        np.testing.assert_allclose(together[i], alone, atol=1e-6)


@pytest.mark.parametrize("activation", [jnp.tanh, softened])
@pytest.mark.parametrize("shape", [(256,), (257,), (4, 75)], ids=str)
def test_two_cores_answer_as_one_does(monkeypatch, shape, activation):
    monkeypatch.setattr(halves, "MEASURED", (0, 0))  # on every JAX
    rows = jax.random.normal(jax.random.key(7), (*shape, 3))
    together = functools.partial(answers, activation, NETWORK.layers)
    together = jax.jit(jax.vmap(together) if len(shape) > 1 else together)

    def alone(row):
        for layer in NETWORK.layers[:-1]:
            row = activation(layer(row))
        return NETWORK.layers[-1](row)

    if jax.default_backend() == "cpu":
        assert f"f32[2,{-(-rows.size // 6)},8]" in str(jax.make_jaxpr(together)(rows)), "shared out"
    each = jax.vmap(jax.vmap(alone)) if len(shape) > 1 else jax.vmap(alone)
    np.testing.assert_allclose(together(rows), jax.jit(each)(rows), atol=1e-6)


def test_a_tanh_written_out_is_the_compilers_own():
    size = np.concatenate([np.geomspace(1e-30, 100, 100_000), np.linspace(7.9, 8.1, 10_000), [0.0, np.inf, np.nan]])
    numbers = jax.device_put(jnp.asarray(np.concatenate([-size, size]), jnp.float32), jax.devices("cpu")[0])
    np.testing.assert_allclose(jax.jit(halves.tanh)(numbers), jax.jit(jnp.tanh)(numbers), rtol=5e-7)
