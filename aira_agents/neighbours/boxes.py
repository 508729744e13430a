"""Sums over the square around every cell of a grid, as two passes of shifted additions: one along each axis."""

import jax.numpy as jnp

from aira_agents.types import Array, Num


def box_sums(values: Num[Array, "height width"], radius: int, *, torus: bool) -> Num[Array, "height width"]:
    """Returns the sum over the `2 * radius + 1` cells square around each cell, itself included.

    Args:
        values: One number a cell.
        radius: How far the square reaches in each direction; on a torus less than half of the shorter side.
        torus: Whether the grid is closed; if not, there is nothing beyond its border.
    """
    height, width = values.shape
    mode = "wrap" if torus else "constant"
    wide = jnp.pad(values, ((radius, radius), (0, 0)), mode=mode)
    upright = sum(wide[shift : shift + height] for shift in range(2 * radius + 1))
    wide = jnp.pad(jnp.asarray(upright), ((0, 0), (radius, radius)), mode=mode)
    return jnp.asarray(sum(wide[:, shift : shift + width] for shift in range(2 * radius + 1)))
