import jax
import jax.numpy as jnp
import numpy as np
import pytest

from aira_agents.errors import InputError
from aira_agents.spaces import Box, Discrete

MOVES = Discrete(("stay", "up", "down"))
HEATER = Box(("power", "vent"), (0.0, -1.0), (2.0, 1.0), ("kW", "m/s"))


@pytest.mark.parametrize(
    ("space", "action", "said"),
    [
        (MOVES, 7.0, "an integer in 0..2 (stay, up, down); got 7.0 of dtype float64"),
        (MOVES, 3, "got 3"),
        (MOVES, -1, "got -1"),
        (MOVES, True, "got True"),
        (MOVES, np.array([0.1, 0.8, 0.1]), "Did you return probabilities?"),
        (MOVES, None, "Is a `return` missing?"),
        (MOVES, "up", "got up"),
        (HEATER, [1.0], "power in 0..2 kW; vent in -1..1 m/s"),
        (HEATER, [1.0, np.nan], "got [ 1. nan]"),
        (HEATER, [3.0, 0.0], "Clip what you return"),
        (HEATER, None, "Is a `return` missing?"),
        (HEATER, ["a", "b"], "dtype"),
    ],
)
def test_a_wrong_action_is_refused_with_what_was_expected(space, action, said):
    with pytest.raises(InputError) as error:
        space.check(action)
    assert said in str(error.value)


def test_a_right_action_gets_the_dtype_of_the_space():
    assert MOVES.check(np.int64(2)).dtype == np.int32
    assert MOVES.check(jnp.asarray(1)) == 1
    assert HEATER.check([2, -1]).dtype == np.float32


def test_what_rounding_puts_beyond_a_bound_is_no_fault_and_more_is():
    assert HEATER.holds(np.array([2.0, np.nextafter(np.float32(-1), np.float32(-2))], np.float32))
    assert not HEATER.holds(np.array([2.0, -1.001], np.float32))


def test_samples_are_actions_of_the_space_and_reach_all_of_it():
    keys = jax.random.split(jax.random.key(0), 500)
    moves = np.asarray(jax.vmap(MOVES.sample)(keys))
    heats = np.asarray(jax.vmap(HEATER.sample)(keys))
    assert set(moves) == {0, 1, 2} and MOVES.holds(moves)
    assert HEATER.holds(heats)
    assert np.allclose(heats.min(0), HEATER.low, atol=0.05) and np.allclose(heats.max(0), HEATER.high, atol=0.05)


def test_an_invalid_action_is_never_sampled():
    valid = jnp.array([True, False, True])
    moves = jax.vmap(lambda key: MOVES.sample(key, valid))(jax.random.split(jax.random.key(0), 200))
    assert set(np.asarray(moves)) == {0, 2}


def test_projection_clips_a_box_and_leaves_a_discrete_action():
    assert HEATER.project(jnp.array([5.0, -5.0])).tolist() == [2.0, -1.0]
    assert MOVES.project(jnp.array(2)) == 2


@pytest.mark.parametrize(
    "make",
    [
        lambda: Discrete(("one",)),
        lambda: Discrete(("a", "a")),
        lambda: Box(("a",), (1.0,), (1.0,), ("m",)),
        lambda: Box(("a",), (0.0,), (float("inf"),), ("m",)),
        lambda: Box(("a", "b"), (0.0,), (1.0,), ("m",)),
    ],
)
def test_a_space_that_makes_no_sense_is_refused(make):
    with pytest.raises(InputError):
        make()
