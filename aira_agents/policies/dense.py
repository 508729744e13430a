"""Layers of neurons for many rows at once, which learn as fast as they answer.

Answers are worked out in rows, one for each agent, as they are asked for. The gradient of weights is a sum over rows,
and the CPU's compiler is slow where it must read a factor across: 94 us for 512 rows of 64 numbers, where the layer
itself takes 29. So a small batch learns in columns, where both factors are read in order: PPO on CartPole takes 6 to
12 % less by it. Of a large one two cores share the products only in rows, whose errors are turned round beforehand;
but for JAX 0.12, where each core learns from a half in columns (`halves.py`), or one core from all of narrow layers.
"""

import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.materialized import materialized
from aira_agents.policies.halves import in_halves, in_learned_halves, pays, pays_to_learn, shares_batches
from aira_agents.types import Array, Float

FEW = 32  # numbers in all rows, whose products are written out
LITTLE = 1024  # multiplications in a product of a few rows
SINGLE = 4  # answers, each of which tells its error to the layer before by itself
LARGE = 1024  # rows: simple spread takes 3 to 6 % less in columns with 768 in a minibatch, with 1,152 6 to 13 % more
Layers = tuple[eqx.nn.Linear, ...]
Activation = Callable[[Array], Array]


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def answers(activation: Activation, layers: Layers, rows: Float[Array, "rows n_in"]) -> Float[Array, "rows n_out"]:
    """Returns what the layers make of each row; it has a gradient, but no forward derivative (`jax.jvp`).

    Args:
        activation: What comes between two layers, of the numbers of one row.
        layers: One after the other.
        rows: What goes into the first.
    """

    @jax.custom_batching.custom_vmap
    def answered(layers: Layers, rows: Array) -> Array:
        found = in_halves if pays(rows.shape[0]) else _in_rows
        return found(activation, layers, rows)

    @answered.def_vmap
    def side_by_side(_: int, batched: list[Any], layers: Layers, rows: Array) -> tuple[Array, bool]:
        if any(jax.tree.leaves(batched[0])):  # networks
            axes = jax.tree.map(lambda own: 0 if own else None, batched)
            return jax.vmap(functools.partial(_in_rows, activation), axes)(layers, rows), True
        return answered(layers, rows.reshape(-1, rows.shape[-1])).reshape(*rows.shape[:-1], -1), True

    return answered(layers, rows)


def _forward(activation: Activation, layers: Layers, rows: Array) -> tuple[Array, Any]:
    n_rows, width = rows.shape[0], max(layer.weight.shape[0] for layer in layers)
    if pays_to_learn(n_rows, width):
        found = in_learned_halves
    else:
        found = _in_rows if n_rows > LARGE and not shares_batches() else _in_columns
    return jax.vjp(functools.partial(found, activation), layers, rows)


def _backward(_: Activation, pull: Any, errors: Array) -> tuple[Layers, Array]:
    return pull(errors)


answers.defvjp(_forward, _backward)


def _in_rows(activation: Activation, layers: Layers, rows: Array) -> Array:
    for layer in layers[:-1]:
        rows = jax.vmap(activation)(_row_sums(layer.weight, rows) + _bias(layer)[None])
    return _row_sums(layers[-1].weight, rows) + _bias(layers[-1])[None]


def _in_columns(activation: Activation, layers: Layers, rows: Array) -> Array:
    columns = jax.lax.optimization_barrier(rows.T)
    for layer in layers[:-1]:
        columns = jax.vmap(activation, 1, 1)(_column_sums(layer.weight, columns) + _bias(layer)[:, None])
    return (_column_sums(layers[-1].weight, columns) + _bias(layers[-1])[:, None]).T


def _bias(layer: eqx.nn.Linear) -> Array:
    return jnp.zeros(1) if layer.bias is None else layer.bias


# The barriers below keep the compiler from working out anew, within a product, what the product reads or turns round.


@jax.custom_vjp
def _row_sums(weight: Array, rows: Array) -> Array:
    # Turned round by itself, which the compiler does once before a loop of steps, and not anew in every step.
    return _product(rows, jax.lax.optimization_barrier(weight.T))


@jax.custom_batching.custom_vmap
def _product(rows: Array, turned: Array) -> Array:
    little = rows.size <= FEW or rows.size * turned.shape[1] <= LITTLE
    if not rows.size or not little or rows.shape[1] != turned.shape[0]:
        return rows @ turned
    # The compiler's library takes longer to begin than these take: 4 and 2 % of PPO on four worlds of CartPole.
    if rows.size <= FEW:
        return functools.reduce(jnp.add, (rows[:, k : k + 1] * turned[k : k + 1] for k in range(rows.shape[1])))
    return materialized(jnp.sum(rows[:, None] * turned.T[None], axis=-1), least=0)


@_product.def_vmap
def _products(_: int, batched: list[bool], rows: Any, turned: Any) -> tuple[Array, bool]:
    if batched[1]:  # networks side by side
        return rows @ turned, True
    return _product(rows.reshape(-1, rows.shape[-1]), turned).reshape(*rows.shape[:-1], -1), True


def _row_errors(kept: tuple[Array, Array], errors: Array) -> tuple[Array, Array]:
    weight, rows = kept
    errors = jax.lax.optimization_barrier(errors)
    return jax.lax.optimization_barrier(errors.T) @ rows, errors @ weight


@jax.custom_vjp
def _column_sums(weight: Array, columns: Array) -> Array:
    return weight @ columns


def _column_errors(kept: tuple[Array, Array], errors: Array) -> tuple[Array, Array]:
    weight, columns = kept
    few = weight.shape[0] <= SINGLE
    # What is worked out in few operations, the compiler would work out anew in every use of it.
    errors = materialized(errors, least=0) if few else jax.lax.optimization_barrier(errors)
    of_weight = jax.lax.dot_general(errors, columns, (((1,), (1,)), ((), ())))
    if few:
        each = (weight[k][:, None] * errors[k][None] for k in range(weight.shape[0]))
        return of_weight, functools.reduce(jnp.add, each)
    return of_weight, jax.lax.optimization_barrier(weight.T) @ errors


_row_sums.defvjp(lambda weight, rows: (rows @ weight.T, (weight, rows)), _row_errors)
_column_sums.defvjp(lambda weight, columns: (weight @ columns, (weight, columns)), _column_errors)
