"""Lessons that are remembered and drawn again and again: what TAMER, and whoever copies what was shown, have in common.

Source: Warnell et al. 2018, "Deep TAMER: interactive agent shaping in high-dimensional state spaces", section 4.2 (the
feedback replay buffer).
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from aira_agents.environment import Role
from aira_agents.human.signals import Lessons
from aira_agents.human.teaching import Taught
from aira_agents.learning.flattening import Flattener
from aira_agents.learning.replay import Replay
from aira_agents.policies.policy import Policy
from aira_agents.types import Array, Key


def begun(record: Any, vector: Array, nothing: Lessons) -> Taught:
    """Returns what is known before the first lesson: nothing is remembered.

    Args:
        record: With `learning_rate`, `n_gradients`, `batch_size` and `memory_size`.
        vector: The parameters of the network.
        nothing: Lessons of the shape of any.
    """
    rows = tuple(jax.tree.leaves(jax.eval_shape(_rows, nothing)))
    return Taught(vector, _optimizer(record).init(vector), Replay.empty(rows, record.memory_size))


def rehearsed(
    record: Any,
    loss: Callable[[Policy, Lessons, Role], Array],
    taught: Taught,
    given: Lessons,
    key: Key,
    flat: Flattener,
    role: Role,
) -> tuple[Taught, dict[str, Array]]:
    """Remembers lessons, and takes gradient steps on what is remembered.

    Args:
        record: As for `begun`.
        loss: What is to fall, of a network and lessons in one row.
        taught: What was known.
        given: The new lessons.
        key: Draws from what is remembered.
        flat: How the network is built.
        role: Who is taught.
    """
    rows = _rows(given)
    memory = taught.memory.including(tuple(jax.tree.leaves(rows)), rows.credit > 0)
    structure = jax.tree.structure(rows)

    def step(carry: tuple[Array, Any], drawn: Array) -> tuple[tuple[Array, Any], Array]:
        vector, optimizer_state = carry
        batch = jax.tree.unflatten(structure, memory.take(drawn))
        batch = eqx.tree_at(lambda b: b.credit, batch, batch.credit * (memory.count > 0))
        value, gradients = eqx.filter_value_and_grad(loss)(flat.restore(vector), batch, role)
        changes, optimizer_state = _optimizer(record).update(flat.flatten(gradients), optimizer_state)
        return (vector + jnp.asarray(changes), optimizer_state), value

    draws = memory.draw(key, (record.n_gradients, record.batch_size))
    (vector, optimizer_state), losses = jax.lax.scan(step, (taught.vector, taught.optimizer), draws)
    return Taught(vector, optimizer_state, memory), {"loss": jnp.mean(losses)}


def _optimizer(record: Any) -> optax.GradientTransformation:
    return optax.chain(optax.scale_by_adam(), optax.scale_by_learning_rate(record.learning_rate))


def _rows(given: Lessons) -> Lessons:
    """Returns lessons in one row, `[signals * lags, ...]`."""
    return jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), given)
