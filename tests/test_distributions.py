import jax
import jax.numpy as jnp
import numpy as np
import pytest

from aira_agents.distributions import Categorical, Normal, Product, from_parameters
from aira_agents.spaces import Box, Discrete

KEYS = jax.random.split(jax.random.key(0), 4000)
drawn_from = jax.jit(lambda distribution: jax.vmap(distribution.sample)(KEYS))
log_prob = jax.jit(lambda distribution, action: distribution.log_prob(action))
entropy = jax.jit(lambda distribution: distribution.entropy())


def test_a_categorical_agrees_with_counting():
    distribution = Categorical(jnp.asarray(np.log([0.2, 0.3, 0.5]), jnp.float32))
    counts = np.bincount(np.asarray(drawn_from(distribution)), minlength=3) / len(KEYS)
    assert np.allclose(counts, [0.2, 0.3, 0.5], atol=0.03)
    assert np.allclose(np.exp(log_prob(distribution, jnp.array(2))), 0.5)
    assert np.allclose(entropy(distribution), -np.sum([p * np.log(p) for p in (0.2, 0.3, 0.5)]))
    assert distribution.mode() == 2


def test_an_invalid_action_has_no_probability_anywhere():
    valid = jnp.array([True, False, True])
    distribution = Categorical.masked(jnp.array([0.0, 50.0, 0.0]), valid)
    assert set(np.asarray(drawn_from(distribution))) == {0, 2}
    assert np.allclose(log_prob(distribution, jnp.array(0)), np.log(0.5))
    assert np.allclose(entropy(distribution), np.log(2))
    assert distribution.mode() != 1
    slope = jax.jit(jax.grad(lambda logits: Categorical.masked(logits, valid).entropy()))
    gradient = slope(jnp.array([0.0, 50.0, 1.0]))
    assert np.all(np.isfinite(gradient)) and gradient[1] == 0


def test_a_normal_agrees_with_its_formula_and_its_samples():
    distribution = Normal(jnp.array([1.0, -2.0]), jnp.asarray(np.log([0.5, 2.0]), jnp.float32))
    drawn = np.asarray(drawn_from(distribution))
    assert np.allclose(drawn.mean(0), [1, -2], atol=0.1) and np.allclose(drawn.std(0), [0.5, 2], atol=0.1)
    z = (np.array([1.5, 0.0]) - [1, -2]) / [0.5, 2]
    expected = np.sum(-(z**2) / 2 - np.log([0.5, 2]) - np.log(2 * np.pi) / 2)
    assert np.allclose(log_prob(distribution, jnp.array([1.5, 0.0])), expected)
    of_samples = jax.vmap(log_prob, (None, 0))(distribution, jnp.asarray(drawn))
    assert np.allclose(entropy(distribution), -np.mean(of_samples), atol=0.05)


def test_a_product_sums_log_probabilities_and_entropies():
    parts = {"a": Categorical(jnp.zeros(4)), "b": Normal(jnp.zeros(1), jnp.zeros(1))}
    product = Product(parts)
    action = jax.jit(lambda own: own.sample(jax.random.key(1)))(product)
    assert np.allclose(log_prob(product, action), sum(log_prob(parts[n], action[n]) for n in parts))
    assert np.allclose(entropy(product), sum(entropy(part) for part in parts.values()))


def test_the_draw_of_a_product_survives_the_reordering_of_its_dictionary():
    parts = {"z": Categorical(jnp.zeros(9)), "a": Categorical(jnp.zeros(9))}
    key = jax.random.key(3)
    direct, jitted = Product(parts).sample(key), jax.jit(lambda p: p.sample(key))(Product(parts))
    assert {n: int(v) for n, v in direct.items()} == {n: int(v) for n, v in jitted.items()}


@pytest.mark.parametrize("batch", [(), (5,), (2, 3)])
def test_parameters_are_split_in_the_order_of_the_spaces(batch):
    spaces = {"push": Discrete(("no", "yes")), "heat": Box(("kw",), (0.0,), (4.0,), ("kW",))}
    parameters = np.broadcast_to(np.asarray([0.0, 3.0, 0.5, 0.0], np.float32), (*batch, 4))
    product = jax.jit(lambda own: from_parameters(spaces, own, {}))(parameters)
    mode = jax.jit(lambda own: own.mode())(product)
    assert np.all(mode["push"] == 1) and mode["push"].shape == batch
    # Half of the half-range above the centre, and a deviation of one half-range.
    assert np.allclose(mode["heat"], 3.0) and mode["heat"].shape == (*batch, 1)
    assert np.allclose(np.exp(product.parts["heat"].log_std), 2.0)
