"""Gradients clipped to a global norm by one factor.

Optax's own divides every number by the norm, one more pass over the gradient: 2 % of PPO on four worlds of CartPole.
"""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from aira_agents.types import Number


def clip_by_global_norm(most: Number) -> optax.GradientTransformation:
    """Scales gradients, all together, so that their Euclidean norm is at most `most`; what is not a number stays so."""

    def clip(updates: Any, state: Any, params: Any = None, **extra: Any) -> tuple[Any, Any]:
        del params, extra
        norm = optax.tree.norm(updates)
        factor = jnp.where(norm < most, 1.0, most / norm)
        return jax.tree.map(lambda update: update * factor, updates), state

    return optax.GradientTransformation(optax.init_empty_state, clip)
