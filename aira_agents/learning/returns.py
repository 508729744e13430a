"""What followed each step: rewards of several steps, and what was seen after them; for learners of action values.

Source: n-step returns: Sutton and Barto 2018, "Reinforcement learning: an introduction", section 7.1, eq. 7.1; time
limits: Pardo et al. 2018, "Time limits in reinforcement learning".
"""

import jax
import jax.numpy as jnp

from aira_agents.policies.policy import select_rows
from aira_agents.types import Array, Bool, Float, Int, PyTree


def seen_after(seen: PyTree, last: PyTree, final: PyTree, truncated: Bool[Array, "steps worlds capacity"]) -> PyTree:
    """Returns what each agent saw after each step, `[steps, worlds, capacity, ...]`.

    Args:
        seen: What it saw before each step.
        last: What it sees after the last step, `[worlds, capacity, ...]`.
        final: What it saw when its world ended, before the reset; read where time ran out.
        truncated: Where time ran out.
    """
    following = jax.tree.map(lambda own, end: jnp.concatenate([own[1:], end[None]]), seen, last)
    return select_rows(truncated, final, following)


def n_step_returns(
    rewards: Float[Array, " steps *batch"],
    terminated: Bool[Array, " steps *batch"],
    truncated: Bool[Array, " steps *batch"],
    discount: Float[Array, ""] | float,
    n: int,
) -> tuple[Float[Array, " steps *batch"], Float[Array, " steps *batch"], Int[Array, " steps *batch"]]:
    """Adds up the rewards of each step and the `n - 1` after it, as far as the life and the window reach.

    Returns:
        The discounted sums; the weight of the value of what was seen after the last step added, zero where the agent
        died or the world ended; and the index of that step.
    """
    n_steps = rewards.shape[0]
    first = jnp.broadcast_to(
        jnp.arange(n_steps, dtype=jnp.int32).reshape(-1, *(1,) * (rewards.ndim - 1)), rewards.shape
    )
    total, weight, last = jnp.zeros_like(rewards), jnp.ones_like(rewards), first
    goes_on = jnp.ones_like(terminated)
    for ahead in range(min(n, n_steps)):
        goes_on &= first + ahead < n_steps

        def later(x: Array, ahead: int = ahead) -> Array:
            return jnp.roll(x, -ahead, axis=0)  # what comes round from the front is past the window

        total = jnp.where(goes_on, total + weight * later(rewards), total)
        weight = jnp.where(goes_on, weight * discount, weight)
        last = jnp.where(goes_on, first + ahead, last)
        goes_on &= ~later(terminated | truncated)
    died = jnp.take_along_axis(terminated, last, axis=0)
    return total, jnp.where(died, 0.0, weight), last
