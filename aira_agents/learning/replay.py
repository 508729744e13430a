"""Asking a policy again, over recorded steps, so that gradients can flow through what it would say now."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.environment import Role
from aira_agents.policies.policy import Policy, select_rows
from aira_agents.types import Array, Bool, Float, Memory


class Record(eqx.Module):
    """What a learner keeps of one role: arrays `[steps, worlds, capacity, ...]`."""

    features: Float[Array, "steps worlds capacity features"]
    valid: dict[str, Array]
    memories: Memory
    fresh: Bool[Array, "steps worlds capacity"]  # memory was renewed after the step
    actions: dict[str, Array]
    log_prob: Float[Array, "steps worlds capacity"]
    reward: Float[Array, "steps worlds capacity"]
    terminated: Bool[Array, "steps worlds capacity"]
    truncated: Bool[Array, "steps worlds capacity"]
    active: Bool[Array, "steps worlds capacity"]
    final: Float[Array, "steps worlds capacity features"]


def record(transition: Any, role: Role) -> Record:
    """Picks what learning needs of one role out of a transition of `rollout`."""
    percept, decision = transition.percepts[role.name], transition.decisions[role.name]
    feedback = transition.feedback[role.name]
    return Record(
        features=percept.features,
        valid=percept.valid,
        memories=transition.memories[role.name],
        fresh=transition.fresh[role.name],
        actions=decision.actions,
        log_prob=decision.log_prob,
        reward=feedback.reward,
        terminated=feedback.terminated,
        truncated=feedback.truncated,
        active=feedback.active,
        final=transition.final[role.name],
    )


def is_recurrent(policy: Policy) -> bool:
    """Whether what a policy remembers changes from step to step, and gradients flow through it."""
    memory = jax.eval_shape(lambda: policy.initial_memories(1))
    return any(jnp.issubdtype(leaf.dtype, jnp.floating) for leaf in jax.tree.leaves(memory))


def replay(policy: Policy, record: Record) -> tuple[Array, Memory]:
    """Asks `policy` at every step again.

    A recurrent policy starts from the first recorded memory and goes on from its own; where memory was renewed, it
    takes the recorded one, as it does for memory that is not made of floats (which network is whose).

    Returns:
        The parameters `[steps, worlds, capacity, n]`, and the memory after each step, before any renewal.
    """
    ask = jax.vmap(jax.vmap(policy))  # worlds, agents
    if not is_recurrent(policy):
        return jax.vmap(ask)(record.features, record.memories)

    def step(carried: Memory, now: tuple[Array, Memory, Array]) -> tuple[Memory, tuple[Array, Memory]]:
        features, recorded, renewed = now
        memories = select_rows(renewed, recorded, carried)
        memories = jax.tree.map(lambda own, old: own if _is_float(own) else old, memories, recorded)
        parameters, memories = ask(features, memories)
        return memories, (parameters, memories)

    renewed = jnp.concatenate([jnp.ones_like(record.fresh[:1]), record.fresh[:-1]])
    first = jax.tree.map(lambda leaf: leaf[0], record.memories)
    return jax.lax.scan(step, first, (record.features, record.memories, renewed))[1]


def memory_vector(memories: Memory, batch_shape: tuple[int, ...]) -> Float[Array, "*batch numbers"]:
    """Lays the floats of memories side by side, for a critic to read; `[*batch, 0]` where there are none."""
    leaves = [leaf for leaf in jax.tree.leaves(memories) if _is_float(leaf)]
    empty = jnp.zeros((*batch_shape, 0))
    return jnp.concatenate([empty, *(leaf.reshape(*batch_shape, -1) for leaf in leaves)], axis=-1)


def _is_float(leaf: Array) -> bool:
    return jnp.issubdtype(leaf.dtype, jnp.floating)
