"""A network's answers to some hundred rows, and what it learns of more, one half from each of two cores.

Since JAX 0.12 the CPU's library of products gives a core no less than some thousand rows of 64 numbers, and the
compiler lets one core take as many tanh, which it counts as no work. So one core worked alone on a thousand agents, and
took 1.6 times as long. Of two batches of rows each core takes one, and of a tanh written out the compiler counts the
steps.

Learning takes large batches in halves, too, each in columns: 1,536 rows of 64 numbers take 215 us and not 267, and on
one core 345 and not 414; simple spread takes 6 % less by it.
"""

import functools
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.materialized import materialized
from aira_agents.types import Array, Float

MEASURED = (0, 12)  # JAX 0.10 shares out by itself, and takes a third longer in halves
ROWS = range(256, 4096)  # fewer are done before a second core is awake; more are shared out by the library
LEARNED = 512  # rows in a batch up to which it is learned from as a whole
NUMBERS = 40_000  # in a layer of such a batch; 16 to each row are soon enough worked out by one core

BOUND = 7.99881172180175781  # from here on tanh is 1
SMALL = 0.0004  # up to here it is its argument
ABOVE = (-2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-08)
ABOVE += (1.48572235717979e-05, 6.37261928875436e-04, 4.89352455891786e-03)
BELOW = (1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03)


def shares_batches() -> bool:
    """Whether this is a CPU, and a JAX, that gives each core a batch rather than some rows."""
    return jax.__version_info__ >= MEASURED and jax.default_backend() == "cpu"


def pays(n_rows: int) -> bool:
    """Whether two cores are sooner done in halves."""
    return shares_batches() and n_rows in ROWS


def pays_to_learn(n_rows: int, width: int) -> bool:
    """Whether a batch is sooner learned from in halves, by layers of up to so many numbers a row."""
    return shares_batches() and n_rows > LEARNED and n_rows * width > NUMBERS


def in_halves(
    activation: Callable[[Array], Array], layers: tuple[eqx.nn.Linear, ...], rows: Float[Array, "rows n_in"]
) -> Float[Array, "rows n_out"]:
    """Returns what the layers make of each row, for those who ask for no gradient."""
    each = jax.vmap(jax.vmap(tanh if activation is jnp.tanh else activation))
    halves = _halved(rows)
    for layer in layers[:-1]:
        halves = each(_sums(layer, halves))
    # Worked out by itself: with what reads it, it would be one core's again.
    return materialized(_whole(_sums(layers[-1], halves), rows.shape[0]), least=0)


def _halved(rows: Array) -> Array:
    n_rows, n_numbers = rows.shape
    return jnp.pad(rows, ((0, n_rows % 2), (0, 0))).reshape(2, -1, n_numbers)


def _whole(halves: Array, n_rows: int) -> Array:
    return halves.reshape(-1, halves.shape[-1])[:n_rows]


def _sums(layer: eqx.nn.Linear, halves: Array) -> Array:
    # Laid twice side by side once before a loop of steps, and not anew in every step.
    twice = jax.lax.optimization_barrier(jnp.broadcast_to(layer.weight.T, (2, *layer.weight.T.shape)))
    sums = jax.lax.dot_general(halves, twice, (((2,), (1,)), ((0,), (0,))))
    return sums if layer.bias is None else sums + layer.bias[None, None]


def in_learned_halves(
    activation: Callable[[Array], Array], layers: tuple[eqx.nn.Linear, ...], rows: Float[Array, "rows n_in"]
) -> Float[Array, "rows n_out"]:
    """Returns what the layers make of each row, for those who ask for the gradient."""
    each = jax.vmap(jax.vmap(activation, 1, 1))
    halves = jax.lax.optimization_barrier(_halved(rows).transpose(0, 2, 1))
    for layer in layers[:-1]:
        halves = each(_biased(layer, halves))
    return _whole(_biased(layers[-1], halves).transpose(0, 2, 1), rows.shape[0])


def _biased(layer: eqx.nn.Linear, halves: Array) -> Array:
    sums = _column_sums(layer.weight, halves)
    return sums if layer.bias is None else sums + layer.bias[None, :, None]


@jax.custom_vjp
def _column_sums(weight: Array, halves: Array) -> Array:
    twice = jax.lax.optimization_barrier(jnp.broadcast_to(weight, (2, *weight.shape)))
    return jax.lax.dot_general(twice, halves, (((2,), (1,)), ((0,), (0,))))


def _column_errors(kept: tuple[Array, Array], errors: Array) -> tuple[Array, Array]:
    weight, halves = kept
    errors = jax.lax.optimization_barrier(errors)  # else worked out anew in each of the products that read them
    of_weights = jax.lax.dot_general(errors, halves, (((2,), (2,)), ((0,), (0,))))
    return of_weights.sum(0), _column_sums(weight.T, errors)


_column_sums.defvjp(lambda weight, halves: (_column_sums(weight, halves), (weight, halves)), _column_errors)


def tanh(x: Array) -> Array:
    """Returns what `jnp.tanh` does on a CPU, by some twenty products and sums.

    Source: the quotient of polynomials that Eigen and XLA take; compiled for speed it is the same to the last bit.
    """
    bounded = jnp.clip(x, -BOUND, BOUND)
    square = bounded * bounded
    above, below = (functools.reduce(lambda found, factor: found * square + factor, of) for of in (ABOVE, BELOW))
    return jnp.where(jnp.abs(x) < SMALL, x, bounded * above / below)
