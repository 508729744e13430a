"""Generalised advantage estimation that tells death from the end of time.

Source: Schulman et al. 2015, "High-dimensional continuous control using generalized advantage estimation", eq. 16;
time limits: Pardo et al. 2018, "Time limits in reinforcement learning".
"""

import jax
import jax.numpy as jnp

from aira_agents.types import Array, Bool, Float


def generalised_advantages(
    rewards: Float[Array, " steps *batch"],
    values: Float[Array, " steps *batch"],
    next_values: Float[Array, " steps *batch"],
    terminated: Bool[Array, " steps *batch"],
    truncated: Bool[Array, " steps *batch"],
    discount: Float[Array, ""] | float,
    trace_decay: Float[Array, ""] | float,
) -> Float[Array, " steps *batch"]:
    """Returns the advantage of every step; add `values` for the critic's targets.

    Args:
        rewards: Reward of each step.
        values: The critic's value of the state the agent acted in.
        next_values: The critic's value of the state that followed, before any reset.
        terminated: The agent died or the world ended: nothing follows, so no value is added.
        truncated: Time ran out: the value of what would have followed is added, and the trace is cut.
        discount: Gamma, 0..1.
        trace_decay: Lambda, 0..1.
    """
    errors = rewards + discount * next_values * (1.0 - terminated) - values
    decays = discount * trace_decay * (1.0 - (terminated | truncated))

    def backward(later: Array, step: tuple[Array, Array]) -> tuple[Array, Array]:
        error, decay = step
        advantage = error + decay * later
        return advantage, advantage

    return jax.lax.scan(backward, jnp.zeros_like(errors[0]), (errors, decays), reverse=True)[1]
