"""The clipped surrogate objective of PPO, over active agents only.

Where somebody else decided, the critic learns and the actor does not.

Source: Schulman et al. 2017, "Proximal policy optimization algorithms", eqs. 7 and 9; per-minibatch advantage
normalisation: Huang et al. 2022, "The 37 implementation details of PPO", detail 7; approximate KL: Schulman 2020,
"Approximating KL divergence" (k3).
"""

from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp

from aira_agents.environment import Role
from aira_agents.learning.experience import Batch, reconsider
from aira_agents.learning.pairs import Pair
from aira_agents.learning.whole import Whole, decided_by_actor
from aira_agents.types import Array


@runtime_checkable
class Weights(Protocol):
    """The hyperparameters that the objective needs."""

    clip: Any
    entropy_weight: Any
    value_weight: Any


def objective(pair: Pair, batch: Batch, role: Role, weights: Weights, whole: Whole) -> tuple[Array, dict[str, Array]]:
    """Returns what PPO minimises, and what is worth knowing about it; of a part of a minibatch, its share of both."""
    distribution, values = reconsider(pair, batch, role)
    mean, mean_of_all = whole.means(batch)
    decided = decided_by_actor(batch)
    log_ratio = jnp.where(decided, distribution.log_prob(batch.actions) - batch.log_prob, 0.0)
    ratio = jnp.exp(log_ratio)
    advantages = whole.normalized(batch.advantages, decided)
    clipped = jnp.clip(ratio, 1 - weights.clip, 1 + weights.clip)
    surrogate = mean(jnp.minimum(ratio * advantages, clipped * advantages))
    value_loss = 0.5 * mean_of_all((values - batch.targets) ** 2)
    entropy = mean(distribution.entropy())
    loss = weights.value_weight * value_loss - surrogate - weights.entropy_weight * entropy
    return loss, {
        "approximate_kl": mean(ratio - 1 - log_ratio),
        "clip_fraction": mean((jnp.abs(ratio - 1) > weights.clip).astype(jnp.float32)),
        "entropy": entropy,
        "value_loss": value_loss,
        "ratio_error": jnp.max(jnp.abs(ratio - 1)),
    }


gradient = jax.grad(objective, has_aux=True)
