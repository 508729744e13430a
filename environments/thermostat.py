"""Thermostat: rooms that lose heat, heaters that give it, and thermometers that are late and inexact.

Nothing here oscillates by itself; a loop with a delay does. The outdoors is a real hourly series.
Source: a room is one heat capacity behind one conductance, "1R1C", as in Bacher and Madsen 2011, "Identifying suitable
models for the heat dynamics of buildings", section 3; the step is its exact solution under constant heating.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from aira_agents.data.weather import seattle_temperatures
from aira_agents.drawing import Drawing, Marks
from aira_agents.effectors import Effector
from aira_agents.environment import Environment, Role
from aira_agents.errors import InputError
from aira_agents.hosting import HostedModel
from aira_agents.parameters import number, option, size
from aira_agents.populations import Population, State, clocks, founders, with_columns
from aira_agents.sensors import NoisySensor, Range, Sensor
from aira_agents.spaces import Box, Discrete
from aira_agents.types import Actions, Array, Float, Int, Key, Number

ROLE = "thermostat"
LONGEST_DELAY = 48  # steps that a room remembers
START_RANGE_C = 2.0  # rooms begin within plus or minus this of the target
CONTINUOUS, ON_OFF = "continuous", "on_off"


class Rooms(Population):
    """One thermostat a room; the rooms do not touch."""

    temperature_c: Float[Array, " capacity"]
    past_c: Float[Array, "capacity remembered"]  # temperatures, the newest first
    heating_kw: Float[Array, " capacity"]  # of this step
    used_kwh: Float[Array, " capacity"]  # since the reset


class HouseState(State):
    """The rooms, and the moment of the series at which they began."""

    first_h: Int[Array, ""]


class Thermometer(Sensor):
    """Reads what the room's temperature was `delay_steps` ago, as the difference from the target."""

    delay_steps: Int[Array, ""]
    target_c: Float[Array, ""]
    name: str = eqx.field(static=True, default="thermometer")

    @property
    def features(self) -> tuple[str, ...]:
        """Degrees above the target."""
        return ("above_target_c",)

    @property
    def ranges(self) -> tuple[Range | None, ...]:
        """Three degrees to either side: what a thermostat that does its work reads."""
        return (Range(-3, 3),)

    def __call__(self, state: HouseState, scene: Any, index: Int[Array, ""], key: Key) -> Float[Array, " features"]:
        """Returns `[1]`."""
        del scene, key
        return jnp.reshape(state.agents[ROLE].past_c[index, self.delay_steps] - self.target_c, (1,))


class Window(Sensor):
    """Sees how warm it is outdoors, without delay or noise, in tens of degrees."""

    name: str = eqx.field(static=True, default="window")

    @property
    def features(self) -> tuple[str, ...]:
        """The outdoors, scaled so that a network sees numbers near one."""
        return ("outdoors_10c",)

    @property
    def ranges(self) -> tuple[Range | None, ...]:
        """From 10 degrees of frost to 40 of heat."""
        return (Range(-1, 4),)

    def __call__(self, state: HouseState, scene: Any, index: Int[Array, ""], key: Key) -> Float[Array, " features"]:
        """Returns `[1]`."""
        del state, index, key
        return jnp.reshape(scene / 10.0, (1,))


class Heater(Effector):
    """Heats with a share of its full power, or with all or nothing."""

    power_kw: Float[Array, ""]
    kind: str = eqx.field(static=True)
    name: str = eqx.field(static=True, default="heater")

    @property
    def space(self) -> Box | Discrete:
        """A share of full power, or off and on."""
        if self.kind == ON_OFF:
            return Discrete(("off", "on"))
        return Box(("power",), (0.0,), (1.0,), ("of full power",))

    def __call__(self, state: HouseState, actions: Array, key: Key) -> HouseState:
        """Sets the heating of this step."""
        del key
        share = actions.astype(jnp.float32) if self.kind == ON_OFF else actions[:, 0]
        return with_columns(state, ROLE, heating_kw=self.power_kw * share)


def _series(values: Any) -> Any:
    """Converts hourly degrees; `None` is Seattle."""
    if isinstance(values, jax.Array):
        return values
    return jnp.asarray(seattle_temperatures() if values is None else np.asarray(values, np.float32))


class Thermostat(Environment):
    """Keep rooms at the target: reward is minus the distance from it, minus what heating costs."""

    populations = {ROLE: Rooms}
    draw = Drawing(
        marks=(Marks(ROLE, x=None, y=None, shape="square", size=0.9, colour="temperature_c", low=15, high=25),)
    )

    n_rooms: int = size(4, high=1_000_000, help="how many rooms there are, each on its own")
    heater: str = option(CONTINUOUS, (CONTINUOUS, ON_OFF), help="whether a heater is turned down or only off")
    target_c: Number = number(20.0, low=5, high=30, unit="C", help="how warm it should be")
    power_kw: Number = number(2.0, low=0, high=100, unit="kW", help="full power of a heater")
    loss_kw_per_k: Number = number(0.05, low=0, high=10, unit="kW/K", help="what a room loses for each degree")
    capacity_kwh_per_k: Number = number(0.5, low=0.01, high=100, unit="kWh/K", help="heat that warms it by a degree")
    delay_steps: Number = number(2, low=0, high=LONGEST_DELAY, whole=True, unit="steps", help="how late it is read")
    noise_c: Number = number(0.1, low=0, high=10, unit="C", help="deviation of what is read")
    step_min: Number = number(10.0, low=0.1, high=60, unit="min", help="length of a step")
    cost_per_kwh: Number = number(0.1, low=0, high=100, unit="K/kWh", help="degrees for a step that a kWh is worth")
    first_hour: Number = number(0, low=0, whole=True, unit="h", help="earliest start within the series")
    start_hours: Number = number(1440, low=1, whole=True, unit="h", help="a start is drawn from so many hours")
    max_steps: Number = number(1008, low=1, whole=True, unit="steps", help="length of an episode")
    outdoors_c: Float[Array, " hours"] = eqx.field(default=None, converter=_series)  # None: Seattle in 2010

    def check_together(self) -> None:
        """Raises `InputError` where parameters do not go together."""
        known = not isinstance(self.outdoors_c, Tracer)
        fine = self.outdoors_c.ndim == 1 and len(self.outdoors_c) > 1
        if not fine or (known and not np.all(np.isfinite(self.outdoors_c))):
            raise InputError(
                f"Thermostat: `outdoors_c` must be finite degrees for each of at least two hours, [hours]; "
                f"got shape {self.outdoors_c.shape}. `read_weather` reads a file."
            )

    @property
    def roles(self) -> tuple[Role, ...]:
        """Thermostats, who read a thermometer and see the weather, and heat."""
        exact = Thermometer(delay_steps=self.delay_steps, target_c=self.target_c)
        # The type checker takes the wrapper's property `name` for a field.
        thermometer = NoisySensor(sensor=exact, std=self.noise_c)  # pyright: ignore[reportCallIssue]
        heater = Heater(power_kw=self.power_kw, kind=self.heater)
        return (Role(ROLE, self.n_rooms, (thermometer, Window()), (heater,)),)

    def reset(self, key: Key) -> HouseState:
        """Rooms that have been near the target for long, at a moment of the season."""
        room_key, hour_key = jax.random.split(key)
        nothing = jnp.zeros(self.n_rooms)
        start = jax.random.uniform(room_key, (self.n_rooms,), minval=-START_RANGE_C, maxval=START_RANGE_C)
        temperature = self.target_c + start
        rooms = Rooms(
            **founders(self.n_rooms),
            temperature_c=temperature,
            past_c=jnp.repeat(temperature[:, None], LONGEST_DELAY + 1, axis=1),
            heating_kw=nothing,
            used_kwh=nothing,
        )
        first_h = self.first_hour + jax.random.randint(hour_key, (), 0, self.start_hours)
        return HouseState(agents={ROLE: rooms}, **clocks(self.n_rooms + 1), first_h=first_h)

    def scene(self, state: HouseState) -> Float[Array, ""]:
        """How warm it is outdoors: between the hours on a straight line, and the series again after its end."""
        hours = state.time * self.step_min / 60.0
        whole = jnp.floor(hours)
        hour, share = state.first_h + whole.astype(jnp.int32), hours - whole
        n_hours = self.outdoors_c.shape[0]
        before, after = self.outdoors_c[hour % n_hours], self.outdoors_c[(hour + 1) % n_hours]
        return before + share * (after - before)

    def dynamics(self, state: HouseState, key: Key) -> HouseState:
        """Each room warms by its heater and cools toward the outdoors."""
        del key  # deterministic
        rooms = state.agents[ROLE]
        step_h = self.step_min / 60.0
        leak = self.loss_kw_per_k * step_h / self.capacity_kwh_per_k
        # What a step's net heat comes to while the room cools on the way; 1 without loss.
        kept = jnp.where(leak > 1e-4, -jnp.expm1(-leak) / jnp.maximum(leak, 1e-4), 1.0 - leak / 2)
        net_kw = rooms.heating_kw - self.loss_kw_per_k * (rooms.temperature_c - self.scene(state))
        temperature = rooms.temperature_c + kept * step_h / self.capacity_kwh_per_k * net_kw
        return with_columns(
            state,
            ROLE,
            temperature_c=temperature,
            past_c=jnp.concatenate([temperature[:, None], rooms.past_c[:, :-1]], axis=1),
            used_kwh=rooms.used_kwh + step_h * rooms.heating_kw,
        )

    def rewards(self, before: State, actions: Actions, after: State) -> dict[str, Float[Array, " capacity"]]:
        """Minus the degrees from the target, minus the cost of the heat."""
        del actions
        rooms = after.agents[ROLE]
        used_kwh = rooms.used_kwh - before.agents[ROLE].used_kwh
        return {ROLE: -jnp.abs(rooms.temperature_c - self.target_c) - self.cost_per_kwh * used_kwh}


def proportional(gain_per_k: float = 0.3, offset: float = 0.25) -> Callable:
    """Returns a rule for a continuous heater: `offset` of full power, and `gain_per_k` more for each degree missing."""

    def act(observation: dict[str, Array], key: Key) -> Float[Array, ""]:
        del key
        return jnp.clip(offset - gain_per_k * observation["thermometer"], 0.0, 1.0)

    return act


def bang_bang(observation: dict[str, Array], key: Key) -> Int[Array, ""]:
    """The rule of a simple thermostat, for an on/off heater: on when it is too cold."""
    del key
    return (observation["thermometer"] < 0).astype(jnp.int32)


class ThermostatModel(HostedModel, environment=Thermostat):
    """`Thermostat` as a Mesa model."""
