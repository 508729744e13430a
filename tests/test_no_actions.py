"""What is no action is refused where it is done, by the effector's name; the world stays as it was."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from aira_agents.errors import InputError
from aira_agents.policies.mlp import MLPPolicy
from environments.foraging import ForagingModel
from environments.thermostat import ThermostatModel


def _model(**values):
    return ForagingModel(**{"n_agents": 4, "width": 6, "height": 5, "rng": 1, **values})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda observation, key: jnp.int32(99), r"an integer in 0..4 \(.*\) for `move`; got 99"),
        (lambda observation, key: jnp.int32(-7), r"for `move`; got -7\. Actions are counted from 0"),
        (lambda observation, rng: 99, "an integer in 0..4 .*; got 99"),
    ],
)
def test_a_rule_that_returns_no_action_is_refused_and_the_world_stays_as_it_was(wrong, message):
    model = _model(policy=wrong)
    before = model.state
    with pytest.raises(InputError, match=message):
        model.step()
    assert model.state is before and model.steps == 0 and model.glance.sound
    model.policy = None
    model.step()
    assert model.steps == 1 and int(model.state.time) == 1


def test_a_rule_that_does_no_action_only_the_first_time_is_refused_all_the_same():
    calls, action = itertools.count(), jax.ShapeDtypeStruct((), jnp.int32)

    def forgetful(observation, key):
        told = jax.random.key_data(key)
        return jax.pure_callback(lambda _: np.int32(99 * (next(calls) < 4)), action, told, vmap_method="sequential")

    model = _model(policy=forgetful)
    with pytest.raises(InputError, match=r"forager did .* no action, and something else .* taken again"):
        model.step()
    assert model.steps == 0
    model.step()  # from now on it stays where it is
    assert model.steps == 1


def test_numbers_that_are_none_are_refused_and_those_beyond_the_bounds_clipped():
    def says(value):
        return lambda observation, key: jnp.full(1, value)

    with pytest.raises(InputError, match=r"The policy of 'thermostat' .* `heater`; got nan\. Look for a division"):
        ThermostatModel(n_rooms=2, policy=says(jnp.nan), rng=1).step()
    network = jax.tree.map(lambda leaf: leaf * jnp.nan, MLPPolicy.build(18, 5, jax.random.key(0)))
    with pytest.raises(InputError, match=r"`move`; its network's outputs are not-a-number\. Look at its weights"):
        _model(vision_radius=1, policy=network).step()
    endless, most = (
        ThermostatModel(n_rooms=2, policy=says(jnp.inf), rng=1),
        ThermostatModel(n_rooms=2, policy=says(1e9), rng=1),
    )
    for _ in range(3):
        endless.step()
        most.step()
    assert endless.agents.get("temperature_c") == most.agents.get("temperature_c")
