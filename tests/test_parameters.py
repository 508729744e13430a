import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from aira_agents.errors import InputError
from aira_agents.parameters import check_parameters, number, option, parameters_of, replace, size, sweep
from aira_agents.types import Array, Float, Int
from environments.foraging import Foraging


class Oven(eqx.Module):
    power_kw: Float[Array, ""] = number(0.1, low=0.1, high=5, unit="kW")
    minutes: Int[Array, ""] = number(10, low=1, whole=True)
    racks: int = size(2, high=4)
    fan: str = option("on", ("on", "off"))

    def __check_init__(self):
        check_parameters(self)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"power_kw": -3}, "`power_kw` must be a number in 0.1..5 kW; got -3"),
        ({"power_kw": float("nan")}, "got nan"),
        ({"power_kw": "hot"}, "got 'hot'"),
        ({"power_kw": [1.0, 2.0]}, "must be a number"),
        ({"minutes": 2.5}, "`minutes` must be a whole number of at least 1; got 2.5"),
        ({"minutes": 0}, "got 0"),
        ({"racks": 0}, "`racks` must be a whole number in 1..4; got 0"),
        ({"racks": 2.0}, "got 2.0"),
        ({"racks": True}, "got True"),
        ({"fan": "maybe"}, "`fan` must be one of 'on', 'off'; got 'maybe'"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(values, said):
    with pytest.raises(InputError) as error:
        Oven(**values)
    assert said in str(error.value)


def test_the_bound_itself_is_allowed_in_float32():
    assert Oven(power_kw=0.1).power_kw == np.float32(0.1)


def test_numbers_are_strongly_typed_so_that_values_share_one_program():
    compiled = []

    @jax.jit
    def energy(oven):
        compiled.append(1)
        return oven.power_kw * oven.minutes

    for value in (1, 2.0, np.float64(3), jnp.float32(4)):
        energy(Oven(power_kw=value))
    assert len(compiled) == 1


def test_replace_checks_names_and_values():
    assert replace(Oven(), racks=3).racks == 3
    with pytest.raises(InputError, match="Did you mean 'racks'"):
        replace(Oven(), rack=3)
    with pytest.raises(InputError, match="must be a whole number"):
        replace(Oven(), racks=9)


def test_a_sweep_is_one_program_over_all_settings():
    ovens, axes = sweep(Oven(), power_kw=[1.0, 2.0, 3.0], minutes=[1, 2, 3])
    energies = jax.vmap(lambda oven: oven.power_kw * oven.minutes, in_axes=(axes,))(ovens)
    assert energies.tolist() == [1.0, 4.0, 9.0]


@pytest.mark.parametrize(
    "values",
    [{}, {"racks": [1, 2]}, {"power": [1.0]}, {"power_kw": [1.0, 99.0]}, {"power_kw": [1.0], "minutes": [1, 2]}],
)
def test_a_sweep_refuses_what_cannot_be_swept(values):
    with pytest.raises(InputError):
        sweep(Oven(), **values)


def test_declarations_are_read_without_making_the_object():
    declared = parameters_of(Oven)
    assert [*declared] == ["power_kw", "minutes", "racks", "fan"]
    assert declared["power_kw"].unit == "kW" and declared["racks"].high == 4


@pytest.mark.parametrize("value", [10**14, object(), 1j])
def test_what_32_bits_do_not_hold_or_is_no_number_is_refused_by_name(value):
    with pytest.raises(InputError, match="`minutes` must be a whole number of at least 1"):
        Oven(minutes=value)


def test_what_a_world_reckons_with_has_been_checked_before():
    class Shares(Foraging):
        def check_together(self):
            assert 1 / self.n_agents  # of none there is no share

    with pytest.raises(InputError, match=r"`n_agents` must be a whole number in 1.* got 0"):
        Shares(n_agents=0)
    with pytest.raises(InputError, match="a cell holds one agent"):
        Foraging(n_agents=10, width=3, height=3)
