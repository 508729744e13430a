"""Falling from one value to another as training goes on."""

import jax.numpy as jnp

from aira_agents.types import Array, Float, Int


def steps_done(n_updates: Int[Array, ""], steps_per_update: int) -> Float[Array, ""]:
    """Returns the environment steps of so many updates, as a float: whole numbers end at two thousand million."""
    return n_updates.astype(jnp.float32) * float(steps_per_update)


def annealed(
    start: Float[Array, ""] | float,
    end: Float[Array, ""] | float,
    duration: Float[Array, ""] | float,
    n_updates: Int[Array, ""],
    steps_per_update: int,
) -> Float[Array, ""]:
    """Returns a value that moves in a straight line from `start` to `end`, and stays there.

    Args:
        start: The value of the first update.
        end: The value from `duration` on.
        duration: Environment steps that it takes; 0: `end` from the first update on.
        n_updates: Updates done.
        steps_per_update: Environment steps of each.
    """
    done = steps_done(n_updates, steps_per_update)
    share = jnp.where(duration > 0, jnp.clip(done / jnp.maximum(duration, 1.0), 0.0, 1.0), 1.0)
    return start + share * (end - start)
