"""The clipped surrogate objective of PPO, over active agents only.

Source: Schulman et al. 2017, "Proximal policy optimization algorithms", eqs. 7 and 9; per-minibatch advantage
normalisation: Huang et al. 2022, "The 37 implementation details of PPO", detail 7; approximate KL: Schulman 2020,
"Approximating KL divergence" (k3).
"""

from typing import Any, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.environment import Role
from aira_agents.learning.ppo_networks import Pair, replay
from aira_agents.types import Array, Bool, Float, Memory


class Batch(eqx.Module):
    """What the agents of one role lived through, `[steps, worlds, capacity, ...]`."""

    features: Array
    valid: dict[str, Array]
    actions: dict[str, Array]
    log_prob: Array
    active: Bool[Array, "steps worlds capacity"]
    fresh: Bool[Array, "steps worlds capacity"]  # whose memory was renewed just before the step
    actor_memory: Memory
    critic_memory: Memory
    advantages: Float[Array, "steps worlds capacity"]
    targets: Float[Array, "steps worlds capacity"]


@runtime_checkable
class Weights(Protocol):
    """The hyperparameters that the objective needs."""

    clip: Any
    entropy_weight: Any
    value_weight: Any


def objective(pair: Pair, batch: Batch, role: Role, weights: Weights) -> tuple[Array, dict[str, Array]]:
    """Returns what PPO minimises, and what is worth knowing about it."""
    outputs = replay(pair.actor, batch.features, batch.actor_memory, batch.fresh)
    values = replay(pair.critic, batch.features, batch.critic_memory, batch.fresh)[..., 0]
    distribution = role.distribution(outputs, batch.valid)
    share = batch.active / jnp.maximum(jnp.sum(batch.active), 1.0)

    def mean(x: Array) -> Array:
        # `where`: what an empty row says may be infinite, and zero times that is not zero.
        return jnp.sum(jnp.where(batch.active, x, 0.0) * share)

    log_ratio = jnp.where(batch.active, distribution.log_prob(batch.actions) - batch.log_prob, 0.0)
    ratio = jnp.exp(log_ratio)
    advantages = normalized(batch.advantages, batch.active)
    clipped = jnp.clip(ratio, 1 - weights.clip, 1 + weights.clip)
    surrogate = mean(jnp.minimum(ratio * advantages, clipped * advantages))
    value_loss = 0.5 * mean((values - batch.targets) ** 2)
    entropy = mean(distribution.entropy())
    loss = weights.value_weight * value_loss - surrogate - weights.entropy_weight * entropy
    return loss, {
        "approximate_kl": mean(ratio - 1 - log_ratio),
        "clip_fraction": mean((jnp.abs(ratio - 1) > weights.clip).astype(jnp.float32)),
        "entropy": entropy,
        "value_loss": value_loss,
        "ratio_error": jnp.max(jnp.abs(ratio - 1)),
    }


def normalized(x: Array, active: Array) -> Array:
    """Shifts and scales to mean 0 and deviation 1 over active rows; the others become 0."""
    count = jnp.maximum(jnp.sum(active), 1.0)
    mean = jnp.sum(jnp.where(active, x, 0.0)) / count
    centred = jnp.where(active, x - mean, 0.0)
    return centred / (jnp.sqrt(jnp.sum(centred**2) / count) + 1e-8)


def explained_variance(targets: Array, values: Array, active: Array) -> Array:
    """Returns which share of the targets' variance the critic foresaw: 1 is all, 0 none."""
    count = jnp.maximum(jnp.sum(active), 1.0)

    def variance(x: Array) -> Array:
        mean = jnp.sum(jnp.where(active, x, 0.0)) / count
        return jnp.sum(jnp.where(active, (x - mean) ** 2, 0.0)) / count

    return 1.0 - variance(targets - values) / jnp.maximum(variance(targets), 1e-8)


gradient = jax.grad(objective, has_aux=True)
