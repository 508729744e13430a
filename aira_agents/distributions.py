"""Distributions over actions: categorical, normal, and their product over a role's effectors.

All work on the last axis, with any leading axes, so that one draw serves all agents of a role.
"""

import itertools
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.spaces import NO_ACTION, Box, Discrete, Space
from aira_agents.types import Array, Bool, Float, Int, Key

# A finite minus infinity: differences of logits stay numbers, and its exponential is exactly zero.
IMPOSSIBLE = -1e9
LOG_STD_RANGE = (-10.0, 2.0)


class Categorical(eqx.Module):
    """One of n actions by logits; build it with `masked` where some actions are invalid."""

    logits: Float[Array, "*batch n"]

    @classmethod
    def masked(cls, logits: Float[Array, "*batch n"], valid: Bool[Array, "*batch n"] | None) -> "Categorical":
        """Gives invalid actions probability zero, in sampling, log-probability and entropy alike."""
        return cls(logits if valid is None else jnp.where(valid, logits, IMPOSSIBLE))

    @property
    def log_probabilities(self) -> Float[Array, "*batch n"]:
        """Normalised logits."""
        return jax.nn.log_softmax(self.logits)

    def sample(self, key: Key) -> Int[Array, "*batch"]:
        """Draws one action for each leading index, by inverting the cumulative distribution.

        One random number an action: three times faster than adding Gumbel noise to every logit. The sum runs in order,
        so that an action of probability zero adds exactly nothing and is never drawn.
        """
        weights = jnp.exp(self.logits - jnp.max(self.logits, axis=-1, keepdims=True))
        cumulative = [*itertools.accumulate(weights[..., action] for action in range(weights.shape[-1]))]
        threshold = jax.random.uniform(key, self.logits.shape[:-1]) * cumulative[-1]
        passed = [(level <= threshold).astype(jnp.int32) for level in cumulative[:-1]]
        return _told(jnp.isnan(threshold), sum(passed, start=jnp.zeros(threshold.shape, jnp.int32)))

    def mode(self) -> Int[Array, "*batch"]:
        """The most probable action."""
        return _told(jnp.isnan(jnp.max(self.logits, axis=-1)), jnp.argmax(self.logits, axis=-1).astype(jnp.int32))

    def log_prob(self, action: Int[Array, "*batch"]) -> Float[Array, "*batch"]:
        """The log-probability of `action`, in nats."""
        return jnp.take_along_axis(self.log_probabilities, action[..., None], axis=-1)[..., 0]

    def entropy(self) -> Float[Array, "*batch"]:
        """Entropy in nats; an invalid action contributes zero."""
        log_p = self.log_probabilities
        return -jnp.sum(jnp.exp(log_p) * log_p, axis=-1)


def _told(blown_up: Bool[Array, "*batch"], action: Int[Array, "*batch"]) -> Int[Array, "*batch"]:
    """Returns no action where logits are no numbers, for whoever checks actions to find; each would look like one."""
    return jnp.where(blown_up, NO_ACTION, action)


class Normal(eqx.Module):
    """Independent normal numbers, in the units of the action."""

    mean: Float[Array, "*batch size"]
    log_std: Float[Array, "*batch size"]

    def sample(self, key: Key) -> Float[Array, "*batch size"]:
        """Draws one action for each leading index; it may lie outside the space's bounds."""
        return self.mean + jnp.exp(self.log_std) * jax.random.normal(key, self.mean.shape)

    def mode(self) -> Float[Array, "*batch size"]:
        """The mean."""
        return self.mean

    def log_prob(self, action: Float[Array, "*batch size"]) -> Float[Array, "*batch"]:
        """The log-density of `action`, summed over its numbers."""
        z = (action - self.mean) * jnp.exp(-self.log_std)
        return jnp.sum(-0.5 * z**2 - self.log_std - 0.5 * jnp.log(2 * jnp.pi), axis=-1)

    def entropy(self) -> Float[Array, "*batch"]:
        """Differential entropy, summed over the numbers."""
        return jnp.sum(self.log_std + 0.5 * jnp.log(2 * jnp.pi * jnp.e), axis=-1)


class Product(eqx.Module):
    """Independent distributions, one an effector; an action is a dictionary by effector."""

    parts: dict[str, Categorical | Normal]

    def sample(self, key: Key) -> dict[str, Array]:
        """Draws an action of every part, each with a key of its own."""
        if len(self.parts) == 1:  # one part: no split to pay for
            return {name: part.sample(key) for name, part in self.parts.items()}
        # Sorted: JAX reorders a dictionary whenever it passes through a transformation.
        keys = dict(zip(sorted(self.parts), jax.random.split(key, len(self.parts)), strict=True))
        return {name: part.sample(keys[name]) for name, part in self.parts.items()}

    def mode(self) -> dict[str, Array]:
        """The mode of every part."""
        return {name: part.mode() for name, part in self.parts.items()}

    def log_prob(self, actions: Mapping[str, Any]) -> Array:
        """The log-probability of the joint action: the sum of the parts'."""
        return sum((part.log_prob(actions[name]) for name, part in self.parts.items()), start=jnp.zeros(()))

    def entropy(self) -> Array:
        """The joint entropy: the sum of the parts'."""
        return sum((part.entropy() for part in self.parts.values()), start=jnp.zeros(()))


def from_parameters(
    spaces: Mapping[str, Space], parameters: Float[Array, "*batch n"], valid: Mapping[str, Array]
) -> Product:
    """Splits a policy's flat output among the spaces, in their order.

    Args:
        spaces: Effector name to action space.
        parameters: Logits for `Discrete`; for `Box` means, then log-deviations, in units of half the space's range
            around its centre, so that zeros mean "anywhere".
        valid: Effector name to a bool mask `[*batch, n]`; an effector that is absent has no invalid actions.
    """
    parts: dict[str, Categorical | Normal] = {}
    start = 0
    for name, space in spaces.items():
        own = parameters[..., start : start + space.n_parameters]
        start += space.n_parameters
        match space:
            case Discrete():
                parts[name] = Categorical.masked(own, valid.get(name))
            case Box():
                mean, log_std = jnp.split(own, 2, axis=-1)
                scale = jnp.broadcast_to(space.half_range, mean.shape)
                parts[name] = Normal(
                    jnp.broadcast_to(space.centre, mean.shape) + mean * scale,
                    jnp.clip(log_std, *LOG_STD_RANGE) + jnp.log(scale),
                )
    return Product(parts)
