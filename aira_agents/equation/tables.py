"""Tables of decisions: demonstrations, and what a person corrected, in arrays of a fixed size."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from aira_agents.data.dataset import Dataset
from aira_agents.data.samples import Samples, rows
from aira_agents.environment import Environment, Role
from aira_agents.human.channel import Channel
from aira_agents.learning.pairs import Remembered
from aira_agents.loop import Transition
from aira_agents.types import Array, Int


def empty_table(world: Environment, size: int) -> Samples:
    """Returns a table of `size` rows of which none counts."""
    (role,) = world.roles
    seen = jax.eval_shape(lambda key: world.observe(world.reset(key), key)[role.name], jax.random.key(0))
    return Samples(
        jnp.zeros((size, role.n_features)),
        {name: jnp.ones((size, mask.shape[-1]), bool) for name, mask in seen.valid.items()},
        {
            name: jnp.zeros((size, *space.shape), jnp.float32 if space.shape else jnp.int32)
            for name, space in role.spaces.items()
        },
        jnp.zeros(size),
    )


def demonstrated(world: Environment, datasets: tuple[Dataset, ...], n: int) -> Samples:
    """Returns the decisions of `n` datasets, `[n, rows, ...]`, taken in turn, filled up with rows that do not count.

    A dataset in which nothing counts is as good as no demonstrations.
    """
    (role,) = world.roles
    counting = [any(np.any(e.tracks[role.name].weight > 0) for e in own.episodes) for own in datasets]
    tables = [
        rows(o, role.name) if there else empty_table(world, 1) for o, there in zip(datasets, counting, strict=True)
    ]
    longest = max(len(table.weight) for table in tables)

    def filled(leaf: Array) -> Array:
        return jnp.pad(leaf, [(0, longest - len(leaf))] + [(0, 0)] * (leaf.ndim - 1))

    padded = [jax.tree.map(filled, jax.tree.map(jnp.asarray, table)) for table in tables]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *(padded[i % len(padded)] for i in range(n)))


def joined(first: Samples, second: Samples) -> Samples:
    """Puts one table under another."""
    return jax.tree.map(lambda a, b: jnp.concatenate([a, b]), first, second)


def weighed(table: Samples, factor: Array) -> Samples:
    """Multiplies all weights; by 0, a table is as good as not there."""
    return dataclasses.replace(table, weight=table.weight * factor)


def corrected(table: Samples, role: Role, happened: Transition, channel: Channel) -> Samples:
    """Writes into the free rows of `table` what a person pressed keys for; `happened` has any leading axes."""
    percept, decision = happened.percepts[role.name], happened.decisions[role.name]
    assert isinstance(decision, Remembered)
    pressed, actions = channel.written(decision)
    counts = (pressed & happened.feedback[role.name].active).reshape(-1)
    size = len(table.weight)
    free = jnp.sum(table.weight > 0) + jnp.cumsum(counts) - 1
    places = jnp.where(counts, free, size)
    n_axes = pressed.ndim

    def write(column: Array, new: Array) -> Array:
        return column.at[places].set(new.reshape(-1, *new.shape[n_axes:]), mode="drop")

    new = Samples(percept.features, percept.valid, actions, jnp.ones(pressed.shape))
    return jax.tree.map(write, table, new)


def n_pressed(happened: Transition, role: Role, channel: Channel) -> Int[Array, ""]:
    """Returns how many keys a person pressed."""
    decision = happened.decisions[role.name]
    assert isinstance(decision, Remembered)
    return jnp.sum(channel.written(decision)[0], dtype=jnp.int32)
