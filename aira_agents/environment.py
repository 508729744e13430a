"""The contract of a world: pure functions over a state of arrays, and the roles that agents play in it.

A world is written once. Compiled, it trains; hosted, the same functions run inside a real `mesa.Model`.
"""

import functools
import itertools
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, final

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.distributions import Product, from_parameters
from aira_agents.drawing import Drawing
from aira_agents.effectors.effector import Effector
from aira_agents.errors import InputError
from aira_agents.keys import for_agents
from aira_agents.parameters import check_parameters
from aira_agents.populations import Population, State, release_dead
from aira_agents.sensors.sensor import Range, Sensor
from aira_agents.spaces import Space
from aira_agents.symmetries import Symmetry
from aira_agents.types import Actions, Array, Bool, Float, Int, Key

FEW_FEATURES = 16  # a rule reads them by name; more are mostly what an eye sees


class Percept(eqx.Module):
    """What the agents of one role perceive in one step."""

    features: Float[Array, " capacity features"]
    valid: dict[str, Array]  # effector -> [capacity, n] bool; an effector that is absent has no invalid actions


class Feedback(eqx.Module):
    """What came of one step for the agents of one role. Who was not `active` takes no part in losses or statistics."""

    reward: Float[Array, " capacity"]
    terminated: Bool[Array, " capacity"]  # its own death, or the world's end
    truncated: Bool[Array, " capacity"]  # the time limit; if both, termination wins
    active: Bool[Array, " capacity"]  # alive before acting


class Role(eqx.Module):
    """A part that agents play: how many there can be, what they perceive with and act through."""

    name: str = eqx.field(static=True)
    capacity: int = eqx.field(static=True)
    sensors: tuple[Sensor, ...]
    effectors: tuple[Effector, ...]

    def __check_init__(self) -> None:
        if self.capacity < 1:
            raise InputError(f"Role {self.name!r} needs a capacity of at least 1; got {self.capacity}.")
        for kind, parts in (("sensor", self.sensors), ("effector", self.effectors)):
            names = [part.name for part in parts]
            if not names or len(set(names)) != len(names):
                raise InputError(f"Role {self.name!r} needs at least one {kind}, each with a name; got {names}.")

    @property
    def features(self) -> tuple[str, ...]:
        """The name of every number that a policy is given."""
        return tuple(feature for sensor in self.sensors for feature in sensor.features)

    @property
    def ranges(self) -> tuple[Range | None, ...]:
        """The range of each feature; `None`: unknown."""
        return tuple(own for sensor in self.sensors for own in sensor.ranges)

    @property
    def spaces(self) -> dict[str, Space]:
        """Effector name to action space."""
        return {effector.name: effector.space for effector in self.effectors}

    @property
    def n_features(self) -> int:
        """The length of a policy's input."""
        return len(self.features)

    @property
    def n_outputs(self) -> int:
        """The length of a policy's output."""
        return sum(space.n_parameters for space in self.spaces.values())

    def observation(self, features: Any) -> dict[str, Any]:
        """Splits flat features `[*batch, n]` by sensor name, each in its own shape (`[*batch]` for one number)."""
        return {
            name: features[..., start:stop].reshape((*features.shape[:-1], *shape))
            for name, start, stop, shape in self.layout
        }

    @property
    def layout(self) -> tuple[tuple[str, int, int, tuple[int, ...]], ...]:
        """Sensor name, first and last feature, and shape, for each sensor."""
        stops = [*itertools.accumulate(len(sensor.features) for sensor in self.sensors)]
        starts = [0, *stops[:-1]]
        return tuple((s.name, start, stop, s.shape) for s, start, stop in zip(self.sensors, starts, stops, strict=True))

    def distribution(self, parameters: Float[Array, "*batch n"], valid: Mapping[str, Array]) -> Product:
        """Turns a policy's flat output into a distribution over this role's actions."""
        return from_parameters(self.spaces, parameters, valid)

    def perceive(self, state: State, scene: Any, key: Key) -> Percept:
        """Senses for every row; features of the dead are zero, whatever a sensor says of them."""

        def sense(index: Array, own_key: Key) -> Array:
            sensor_keys = jax.random.split(own_key, len(self.sensors))
            parts = [s(state, scene, index, k) for s, k in zip(self.sensors, sensor_keys, strict=True)]
            return jnp.concatenate(parts)

        rows = jnp.arange(self.capacity, dtype=jnp.int32)
        features = jax.vmap(sense)(rows, for_agents(key, self.capacity))
        features = _silent(features, state.agents[self.name].alive)
        masks = {e.name: jax.vmap(functools.partial(e.valid, state, scene))(rows) for e in self.effectors}
        return Percept(features, {name: mask for name, mask in masks.items() if mask is not None})


def _silent(features: Float[Array, "capacity features"], alive: Bool[Array, " capacity"]) -> Array:
    """Keeps from learners what a sensor says of the dead: times a weight of zero, not-a-number is not zero."""
    if features.shape[1] > FEW_FEATURES:
        return jnp.where(alive[:, None], features, 0.0)
    # One by one, so that the compiler still sees what each is, and makes no rows that a rule then takes apart again: a
    # third of a step of segregation.
    return jnp.stack([jnp.where(alive, feature, 0.0) for feature in jnp.unstack(features, axis=1)], axis=1)


class Environment(eqx.Module):
    """A world. Its fields are its parameters, declared with `number`, `size` or `option`."""

    populations: ClassVar[dict[str, type[Population]]]
    grid: ClassVar[bool] = False  # whether agents stand in cells, at integer columns `x` and `y`
    usual: ClassVar[str] = "random"  # who acts where nobody is named: chance, or a rule in the world's file
    draw: ClassVar[Drawing | None] = None  # what there is to see; `None`: what a picture finds by itself
    max_steps: eqx.AbstractVar[Int[Array, ""]]

    @final
    def __check_init__(self) -> None:
        check_parameters(self)
        self.check_together()

    def check_together(self) -> None:
        """Raises `InputError` where parameters do not go together; each is in its own range by now."""

    @property
    @abstractmethod
    def roles(self) -> tuple[Role, ...]:
        """The roles, derived from the fields."""

    @abstractmethod
    def reset(self, key: Key) -> State:
        """Returns the world at time 0."""

    @property
    def symmetries(self) -> tuple[Symmetry, ...]:
        """Flips and turns after which this is a world like any other; its sensors and effectors must know them."""
        return ()

    def scene(self, state: State) -> Any:
        """Returns what all sensors share, built once a step (a padded grid, neighbour lists)."""
        del state
        return None

    @abstractmethod
    def dynamics(self, state: State, key: Key) -> State:
        """Returns the world after what it does by itself; meetings between agents are settled here."""

    @abstractmethod
    def rewards(self, before: State, actions: Actions, after: State) -> dict[str, Float[Array, " capacity"]]:
        """Returns each agent's reward, by role."""

    def terminated(self, state: State) -> Bool[Array, ""]:
        """Says whether the world ended by itself; the time limit is the base class's business."""
        del state
        return jnp.zeros((), bool)

    def measures(self, state: State) -> dict[str, Float[Array, ""]]:
        """Returns what is worth knowing of the world as a whole, by name; sweeps write it down."""
        del state
        return {}

    @final
    def observe(self, state: State, key: Key) -> dict[str, Percept]:
        """Returns what every role perceives."""
        scene = self.scene(state)
        keys = jax.random.split(key, len(self.roles))
        return {role.name: role.perceive(state, scene, k) for role, k in zip(self.roles, keys, strict=True)}

    @final
    def step(self, state: State, actions: Actions, key: Key) -> tuple[State, dict[str, Feedback]]:
        """Carries out the actions, lets the world move, and says what came of it; never resets.

        Args:
            state: The world before.
            actions: `actions[role][effector]`; numbers beyond a `Box`'s bounds are clipped to them.
            key: For contests between agents and for the world's own chance.
        """
        before = release_dead(state)
        effector_key, dynamics_key = jax.random.split(key)
        after = before
        effectors = [(role.name, effector) for role in self.roles for effector in role.effectors]
        for (role, effector), own_key in zip(effectors, jax.random.split(effector_key, len(effectors)), strict=True):
            after = effector(after, effector.space.project(actions[role][effector.name]), own_key)
        after = self.dynamics(after, dynamics_key)
        after = eqx.tree_at(lambda s: s.time, after, before.time + 1)
        return after, self._feedback(before, actions, after)

    @final
    def ended(self, state: State) -> Bool[Array, ""]:
        """Says whether the world is over: terminated by itself, or out of time."""
        return self.terminated(state) | (state.time >= self.max_steps)

    def _feedback(self, before: State, actions: Actions, after: State) -> dict[str, Feedback]:
        rewards = self.rewards(before, actions, after)
        terminated, truncated = self.terminated(after), after.time >= self.max_steps
        feedback = {}
        for role in self.roles:
            active = before.agents[role.name].alive
            died = active & ~after.agents[role.name].alive
            feedback[role.name] = Feedback(
                reward=jnp.where(active, rewards[role.name], 0.0),
                terminated=active & (died | terminated),
                truncated=active & truncated,
                active=active,
            )
        return feedback


def by_role(environment: Environment, make: Callable[[Role], Any]) -> dict[str, Any]:
    """Returns `make(role)` for every role, by name."""
    return {role.name: make(role) for role in environment.roles}
