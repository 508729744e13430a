"""Wrappers that make a sensor worse in a known way: noise, and a limited range."""

from typing import Any

import jax
import jax.numpy as jnp

from aira_agents.populations import State
from aira_agents.sensors.sensor import Range, Sensor
from aira_agents.symmetries import Relabelling, Symmetry
from aira_agents.types import Array, Float, Int, Key


class NoisySensor(Sensor):
    """Adds normal noise of deviation `std`, in the units of the wrapped sensor's features."""

    sensor: Sensor
    std: Float[Array, ""] | float

    @property
    def name(self) -> str:  # type: ignore[override]
        """The wrapped sensor's name."""
        return self.sensor.name

    @property
    def features(self) -> tuple[str, ...]:
        """The wrapped sensor's features."""
        return self.sensor.features

    @property
    def shape(self) -> tuple[int, ...]:
        """The wrapped sensor's shape."""
        return self.sensor.shape

    @property
    def ranges(self) -> tuple[Range | None, ...]:
        """The wrapped sensor's; noise makes whole numbers into any."""
        return tuple(r and r._replace(whole=False) for r in self.sensor.ranges)

    def under(self, symmetry: Symmetry) -> Relabelling | None:
        """As the wrapped sensor: noise has no direction."""
        return self.sensor.under(symmetry)

    def __call__(self, state: State, scene: Any, index: Int[Array, ""], key: Key) -> Float[Array, " features"]:
        """Senses, then adds noise drawn anew for each feature."""
        sense_key, noise_key = jax.random.split(key)
        sensed = self.sensor(state, scene, index, sense_key)
        return sensed + self.std * jax.random.normal(noise_key, sensed.shape)


class RangedSensor(Sensor):
    """Clips every feature to `low..high`, as a real instrument does."""

    sensor: Sensor
    low: Float[Array, ""] | float
    high: Float[Array, ""] | float

    @property
    def name(self) -> str:  # type: ignore[override]
        """The wrapped sensor's name."""
        return self.sensor.name

    @property
    def features(self) -> tuple[str, ...]:
        """The wrapped sensor's features."""
        return self.sensor.features

    @property
    def shape(self) -> tuple[int, ...]:
        """The wrapped sensor's shape."""
        return self.sensor.shape

    @property
    def ranges(self) -> tuple[Range | None, ...]:
        """The wrapped sensor's."""
        return self.sensor.ranges

    def __call__(self, state: State, scene: Any, index: Int[Array, ""], key: Key) -> Float[Array, " features"]:
        """Senses, then clips."""
        return jnp.clip(self.sensor(state, scene, index, key), self.low, self.high)
