"""A policy that sees features of mean zero and deviation one; the statistics travel with it, outside the optimizer.

Source: Andrychowicz et al. 2021, "What matters in on-policy reinforcement learning?", section 3.3; merging of means and
variances: Chan et al. 1979, "Updating formulae and a pairwise algorithm for computing sample variances".
"""

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.policies.policy import Policy
from aira_agents.types import Array, Bool, Float, Int, Memory

CLIP = 10.0


class Statistics(eqx.Module):
    """Running mean and variance of features."""

    mean: Float[Array, " features"]
    variance: Float[Array, " features"]
    count: Float[Array, ""]

    @classmethod
    def unknown(cls, n_features: int) -> "Statistics":
        """Statistics of nothing yet: they leave features as they are."""
        return cls(jnp.zeros(n_features), jnp.ones(n_features), jnp.zeros(()))

    def normalise(self, features: Float[Array, "*batch features"]) -> Float[Array, "*batch features"]:
        """Returns features in deviations from the mean, clipped to ten of them."""
        mean, variance = (jnp.broadcast_to(s, features.shape) for s in (self.mean, self.variance))
        return jnp.clip((features - mean) * jax.lax.rsqrt(variance + 1e-8), -CLIP, CLIP)

    def updated(self, features: Float[Array, "*batch features"], active: Bool[Array, "*batch"]) -> "Statistics":
        """Returns the statistics of what was known and of the rows that are `active`."""
        rows, weight = features.reshape(-1, features.shape[-1]), active.reshape(-1, 1).astype(features.dtype)
        seen = jnp.sum(weight)
        count = jnp.maximum(seen, 1.0)
        mean = jnp.sum(rows * weight, axis=0) / count
        variance = jnp.sum(weight * (rows - mean[None]) ** 2, axis=0) / count
        total = self.count + count
        shift = mean - self.mean
        merged = self.variance * self.count + variance * count + shift**2 * self.count * count / total
        updated = Statistics(self.mean + shift * count / total, merged / total, total)
        return jax.tree.map(lambda new, old: jnp.where(seen > 0, new, old), updated, self)


class NormalizedPolicy(Policy):
    """Normalises features before `policy` sees them."""

    policy: Policy
    statistics: Statistics

    def __call__(self, features: Float[Array, " features"], memory: Memory) -> tuple[Float[Array, " n"], Memory]:
        """Normalises, then asks the wrapped policy."""
        return self.policy(self.statistics.normalise(features), memory)

    def initial_memory(self) -> Memory:
        """The wrapped policy's."""
        return self.policy.initial_memory()

    def initial_memories(self, capacity: int) -> Memory:
        """The wrapped policy's."""
        return self.policy.initial_memories(capacity)

    def renew(self, memories: Memory, fresh: Bool[Array, " capacity"], parent: Int[Array, " capacity"]) -> Memory:
        """As the wrapped policy does."""
        return self.policy.renew(memories, fresh, parent)
