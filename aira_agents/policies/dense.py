"""A layer of neurons for many rows at once, which learns as fast as it answers.

The gradient of its weights is a sum over rows. Written plainly, the CPU's compiler sums over the first axis of both
factors, with a kernel of a third of the speed: 94 us for 512 rows of 64 numbers, where the layer itself takes 29 us.
With the errors turned round beforehand it takes 32 us.
"""

import equinox as eqx
import jax

from aira_agents.types import Array, Float


def of_rows(layer: eqx.nn.Linear, rows: Float[Array, "rows n_in"]) -> Float[Array, "rows n_out"]:
    """Returns `jax.vmap(layer)(rows)`; it has the same gradient, but no forward derivative (`jax.jvp`)."""
    sums = _sums(layer.weight, rows)
    return sums if layer.bias is None else sums + layer.bias[None]


@jax.custom_vjp
def _sums(weight: Array, rows: Array) -> Array:
    # Turned round by itself, which the compiler does once before a loop of steps, and not anew in every step.
    return rows @ jax.lax.optimization_barrier(weight.T)


def _forward(weight: Array, rows: Array) -> tuple[Array, tuple[Array, Array]]:
    return rows @ weight.T, (weight, rows)


def _backward(kept: tuple[Array, Array], errors: Array) -> tuple[Array, Array]:
    weight, rows = kept
    # The barriers keep the compiler from working errors out while it turns them, and from turning them in the product.
    errors = jax.lax.optimization_barrier(errors)
    turned = jax.lax.optimization_barrier(errors.T)
    return turned @ rows, errors @ weight


_sums.defvjp(_forward, _backward)
