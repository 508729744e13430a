"""What agents lived through, judged by a critic: the batch that an actor and its critic learn from.

Value bootstraps from what was seen last through truncation, and never through termination.
"""

from typing import Any, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.distributions import Product
from aira_agents.environment import Role
from aira_agents.learning.advantages import generalised_advantages
from aira_agents.learning.flattening import Flattener
from aira_agents.learning.pairs import Pair, Remembered, call_all, is_recurrent, recall, replay
from aira_agents.loop import Transition
from aira_agents.policies.normalized import Statistics
from aira_agents.types import Array, Bool, Float, Memory


@runtime_checkable
class Judging(Protocol):
    """The hyperparameters that weigh rewards to come."""

    discount: Any
    trace_decay: Any


class Learned(eqx.Module):
    """What is kept of one role."""

    vector: Float[Array, " parameters"]  # actor and critic
    optimizer: Any
    statistics: Statistics | None
    critic_memory: Memory  # [worlds, capacity, ...]
    fresh: Bool[Array, "*parts worlds capacity"]  # whose memory was renewed after the last step


class Batch(eqx.Module):
    """What the agents of one role lived through, `[steps, worlds, capacity, ...]`."""

    features: Array
    valid: dict[str, Array]
    actions: dict[str, Array]
    log_prob: Array
    active: Bool[Array, "steps worlds capacity"]
    led: Bool[Array, "steps worlds capacity"]  # somebody else decided: nothing for the actor, all for the critic
    fresh: Bool[Array, "steps worlds capacity"]  # whose memory was renewed just before the step
    actor_memory: Memory
    critic_memory: Memory
    advantages: Float[Array, "steps worlds capacity"]
    targets: Float[Array, "steps worlds capacity"]


def experience(
    record: Judging, flat: Flattener, own: Learned, name: str, transitions: Transition, last: Array
) -> tuple[Batch, Memory, Bool[Array, "worlds capacity"]]:
    """Judges what happened: values, advantages, targets.

    Args:
        record: How rewards to come are weighed.
        flat: The form of the networks.
        own: What the role learned so far.
        name: The role.
        transitions: What happened, `[steps, worlds, ...]`, decided by a `Recorder`.
        last: What is perceived now, `[worlds, capacity, features]`.

    Returns:
        The batch, the critic's memory after it, and whose memory was renewed then.
    """
    percepts, decision, feedback = transitions.percepts[name], transitions.decisions[name], transitions.feedback[name]
    assert transitions.final is not None and isinstance(decision, Remembered)
    features, final, fresh = percepts.features, transitions.final[name], transitions.fresh[name]
    if own.statistics is not None:
        features, final, last = (own.statistics.normalize(x) for x in (features, final, last))
    critic = flat.restore(own.vector).critic
    if is_recurrent(own.critic_memory):
        birth = jax.tree.map(jnp.zeros_like, own.critic_memory)
        values, before, after, memory = recall(critic, features, fresh, own.critic_memory, birth)
    else:
        values, before, after, memory = call_all(critic, features, None)[0][..., 0], None, None, None
    last_value = call_all(critic, last, memory)[0][..., 0]

    def judge_final() -> Array:
        return call_all(critic, final, after)[0][..., 0]

    # Time runs out in few updates: the rest need not pay for looking at what was seen last.
    timed_out = feedback.truncated & ~feedback.terminated
    final_values = jax.lax.cond(jnp.any(timed_out), judge_final, lambda: jnp.zeros_like(values))
    next_values = jnp.where(feedback.truncated, final_values, jnp.concatenate([values[1:], last_value[None]]))
    advantages = generalised_advantages(
        feedback.reward,
        values,
        next_values,
        feedback.terminated,
        feedback.truncated,
        record.discount,
        record.trace_decay,
    )
    batch = Batch(
        features,
        percepts.valid if decision.valid is None else decision.valid,
        decision.actions,
        decision.log_prob,
        feedback.active,
        decision.led,
        jnp.concatenate([own.fresh[None], fresh[:-1]]),
        decision.memory,
        before,
        advantages,
        advantages + values,
    )
    return batch, memory, fresh[-1]


def reconsider(pair: Pair, batch: Batch, role: Role) -> tuple[Product, Float[Array, "steps worlds capacity"]]:
    """Asks the networks, as they are now, about a batch; returns the distribution over actions, and the values."""
    outputs = replay(pair.actor, batch.features, batch.actor_memory, batch.fresh)
    values = replay(pair.critic, batch.features, batch.critic_memory, batch.fresh)[..., 0]
    return role.distribution(outputs, batch.valid), values
