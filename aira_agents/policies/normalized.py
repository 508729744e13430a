"""Observation statistics that travel with a policy: it sees every feature with mean 0 and deviation 1.

Source: parallel update of mean and variance: Chan, Golub and LeVeque 1979, eq. 2.1.
"""

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.policies.policy import Policy
from aira_agents.types import Array, Bool, Float, Memory

LIMIT = 10.0  # a feature this many deviations away is cut off: an outlier must not own the network


class Statistics(eqx.Module):
    """Mean and variance of every feature over what was seen so far. No optimizer ever touches them."""

    mean: Float[Array, " features"]
    variance: Float[Array, " features"]
    count: Float[Array, ""]

    @classmethod
    def none(cls, n_features: int) -> "Statistics":
        """Nothing seen yet: features pass through as they are."""
        return cls(jnp.zeros(n_features), jnp.ones(n_features), jnp.zeros(()))

    def including(self, features: Float[Array, "*batch features"], active: Bool[Array, "*batch"]) -> "Statistics":
        """Returns the statistics with the rows that are `active` added."""
        rows, weight = features.reshape(-1, features.shape[-1]), active.reshape(-1, 1).astype(jnp.float32)
        count = jnp.sum(weight)
        mean = jnp.sum(rows * weight, axis=0) / jnp.maximum(count, 1.0)
        variance = jnp.sum(weight * (rows - mean[None]) ** 2, axis=0) / jnp.maximum(count, 1.0)
        return self.merged(Statistics(mean, variance, count))

    def merged(self, other: "Statistics") -> "Statistics":
        """Returns the statistics of all that either has seen."""
        count = self.count + other.count
        total = jnp.maximum(count, 1.0)
        shift = other.mean - self.mean
        squares = self.variance * self.count + other.variance * other.count
        variance = (squares + shift**2 * self.count * other.count / total) / total
        return Statistics(self.mean + shift * other.count / total, jnp.where(count > 0, variance, self.variance), count)

    def normalize(self, features: Float[Array, "*batch features"]) -> Float[Array, "*batch features"]:
        """Shifts and scales, and cuts off at 10 deviations."""
        shape = (1,) * (features.ndim - 1) + self.mean.shape
        mean, variance = jax.lax.stop_gradient((self.mean.reshape(shape), self.variance.reshape(shape)))
        return jnp.clip((features - mean) * jax.lax.rsqrt(variance + 1e-8), -LIMIT, LIMIT)


class NormalizedPolicy(Policy):
    """A policy behind its own statistics."""

    inner: Policy
    statistics: Statistics

    def __call__(self, features: Float[Array, " features"], memory: Memory) -> tuple[Float[Array, " n"], Memory]:
        """Normalises, then asks the inner policy."""
        return self.inner(self.statistics.normalize(features), memory)

    def many(self, features: Float[Array, "rows features"], memories: Memory) -> tuple[Float[Array, "rows n"], Memory]:
        """Normalises all rows, then asks."""
        return self.inner.many(self.statistics.normalize(features), memories)

    def initial_memories(self, capacity: int) -> Memory:
        """The inner policy's."""
        return self.inner.initial_memories(capacity)

    def renew(self, memories: Memory, fresh: Bool[Array, " capacity"], parent: Array) -> Memory:
        """As the inner policy does."""
        return self.inner.renew(memories, fresh, parent)
