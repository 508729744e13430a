"""The loop, compiled once for every world of the same shapes, whatever the numbers and whichever the model."""

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from aira_agents.environment import Environment, Feedback
from aira_agents.loop import Now, Transition, one_step, start
from aira_agents.neighbours.room import CROWDED, grown
from aira_agents.policies.outermost import is_sound
from aira_agents.policies.policy import AbstractPolicy
from aira_agents.types import Array, Bool, Int, Key

AT_ONCE = 32  # steps of one call, at most: what a call costs by itself is then shared by so many


class Glance(NamedTuple):
    """What the model itself must know after each step."""

    ended: Bool[Array, ""]
    alive: dict[str, Int[Array, ""]]  # role to number of agents
    rewards: dict[str, Array]  # role to mean reward of those who acted; not-a-number where nobody did
    sound: Bool[Array, ""]  # whether all that the living did were actions
    crowded: Int[Array, ""]  # how many times somebody found no room in a cell, since the reset


class _Fixed(NamedTuple):
    """All of a world and its policies but their arrays: hashable, so that compiled programs are found by it."""

    structure: Any
    others: tuple[Any, ...]

    def restore(self, arrays: tuple[Array, ...]) -> tuple[Environment, dict[str, AbstractPolicy]]:
        remaining = iter(arrays)
        leaves = [next(remaining) if leaf is _ARRAY else leaf for leaf in self.others]
        return jax.tree.unflatten(self.structure, leaves)


_ARRAY = "an array"  # marks, in `_Fixed.others`, where one is missing


class Program:
    """Starts and steps one world with given policies."""

    def __init__(self, environment: Environment, policies: Mapping[str, AbstractPolicy]) -> None:
        self.environment, self._policies = environment, dict(policies)
        leaves, structure = jax.tree.flatten((environment, self._policies))
        arrays = [isinstance(leaf, jax.Array | np.ndarray) for leaf in leaves]
        others = [_ARRAY if known else leaf for leaf, known in zip(leaves, arrays, strict=True)]
        self._fixed = _Fixed(structure, tuple(others))
        self._arrays = tuple(jnp.asarray(leaf) for leaf, known in zip(leaves, arrays, strict=True) if known)
        self._once = jnp.asarray(1, jnp.int32)  # there already: a number of Python's or NumPy's is sent with each call
        self._closed: bool | None = None

    def __reduce__(self) -> Any:
        # Anew from its parts: a structure of Equinox holds marks that are known by identity, which a copy would lose.
        return (Program, (self.environment, self._policies))

    def start(self, key: Key) -> tuple[Now, Glance]:
        """Resets the world."""
        return _start(self._fixed, self._arrays, key)

    def steps(self, now: Now, n: int) -> tuple[Now, Glance]:
        """Moves the world by `n` steps, 1 to `AT_ONCE`; returns it, and all glances in arrays of length `AT_ONCE`."""
        return _steps(self._fixed, self._arrays, now, self._once if n == 1 else np.int32(n))

    def look(self, now: Now) -> Transition:
        """Returns what happens in the step from `now`."""
        return _look(self._fixed, self._arrays, now, self._once)

    def is_closed(self, now: Now) -> bool:
        """Whether a step does nothing but compute: no rule in NumPy is asked, nothing is printed."""
        if self._closed is None:
            jaxpr = _steps.trace(self._fixed, self._arrays, now, self._once).jaxpr  # known from the first step on
            self._closed = not jaxpr.effects and "callback" not in str(jaxpr)
        return self._closed

    def roomier(self) -> "Program | None":
        """Returns a program with more room in the world's cells; `None` if there cannot be more."""
        environment = grown(self.environment)
        return None if environment is None else Program(environment, self._policies)


@functools.partial(jax.jit, static_argnums=0)
def _start(fixed: _Fixed, arrays: tuple[Array, ...], key: Key) -> tuple[Now, Glance]:
    environment, policies = fixed.restore(arrays)
    now = start(environment, policies, key)
    return now, _at_rest(environment, now)


# A loop whose length is not known when it is compiled, though it is mostly 1: its body is then compiled as that of a
# rollout is, and rounds as it does. A step on its own is not the same to the last bit (measured, JAX 0.12).


@functools.partial(jax.jit, static_argnums=0)
def _steps(fixed: _Fixed, arrays: tuple[Array, ...], now: Now, n: Array) -> tuple[Now, Glance]:
    environment, policies = fixed.restore(arrays)

    def body(i: Array, carry: tuple[Now, Glance]) -> tuple[Now, Glance]:
        now, transition = one_step(environment, policies, carry[0])
        rewards = {role: _mean_reward(feedback) for role, feedback in transition.feedback.items()}
        acted = {role: feedback.active for role, feedback in transition.feedback.items()}
        glance = _glance(environment, now, rewards, is_sound(environment.roles, transition.decisions, acted))
        return now, jax.tree.map(lambda leaf, own: leaf.at[i].set(own), carry[1], glance)

    shape = jax.eval_shape(lambda: _at_rest(environment, now))
    nothing = jax.tree.map(lambda leaf: jnp.zeros((AT_ONCE, *leaf.shape), leaf.dtype), shape)
    return jax.lax.fori_loop(0, n, body, (now, nothing))


@functools.partial(jax.jit, static_argnums=0)
def _look(fixed: _Fixed, arrays: tuple[Array, ...], now: Now, n: Array) -> Transition:
    environment, policies = fixed.restore(arrays)

    def body(_: Any, carry: tuple[Now, Transition]) -> tuple[Now, Transition]:
        return one_step(environment, policies, carry[0])

    shapes = jax.eval_shape(lambda: one_step(environment, policies, now)[1])
    nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    return jax.lax.fori_loop(0, n, body, (now, nothing))[1]


def _glance(environment: Environment, now: Now, rewards: dict[str, Array], sound: Array) -> Glance:
    alive = {role: jnp.sum(agents.alive, dtype=jnp.int32) for role, agents in now.state.agents.items()}
    crowded = jnp.asarray(getattr(now.state, CROWDED, 0))
    return Glance(environment.ended(now.state), alive, rewards, sound, crowded)


def _at_rest(environment: Environment, now: Now) -> Glance:
    nothing = {role.name: jnp.array(jnp.nan) for role in environment.roles}
    return _glance(environment, now, nothing, jnp.bool_(True))


def _mean_reward(feedback: Feedback) -> Array:
    return jnp.sum(jnp.where(feedback.active, feedback.reward, 0.0)) / jnp.sum(feedback.active)
