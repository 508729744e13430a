"""An actor and its critic, and their replay over what was recorded."""

import math
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.environment import Percept, Role
from aira_agents.policies.gru import GRUPolicy
from aira_agents.policies.mlp import MLPPolicy
from aira_agents.policies.policy import AbstractPolicy, Builder, Decision, Policy, Wrapper, select_rows
from aira_agents.types import Array, Bool, Float, Key, Memory


class Pair(eqx.Module):
    """Who acts, and who judges how good a situation is (one output: the value)."""

    actor: Policy
    critic: Policy


def pair_builder(role: Role, build: Builder, width: int) -> Callable[[Key], Pair]:
    """Returns what builds the pair of a role; the critic has a memory if the actor has one."""

    def build_pair(key: Key) -> Pair:
        actor_key, critic_key = jax.random.split(key)
        actor = build(role.n_features, role.n_outputs, actor_key)
        if is_recurrent(actor.initial_memories(role.capacity)):
            critic = GRUPolicy.build(role.n_features, 1, critic_key, hidden=width, final_scale=1.0)
        else:
            critic = MLPPolicy.build(role.n_features, 1, critic_key, hidden=(width, width), final_scale=1.0)
        return Pair(actor, critic)

    return build_pair


def is_recurrent(memories: Memory) -> bool:
    """Says whether gradients flow through a memory; that of an index, such as whose network it is, takes none."""
    return any(jnp.issubdtype(leaf.dtype, jnp.inexact) for leaf in jax.tree.leaves(memories))


class Remembered(Decision):
    """A decision, the memory it was made with, and who made it: what replay needs."""

    memory: Memory
    led: Bool[Array, "*worlds capacity"]  # somebody else decided for the policy
    valid: dict[str, Array] | None = None  # what it chose among, if that is not what it perceived as valid


class Recorder(Wrapper):
    """Decides as `policy` does and keeps the memories it began with."""

    policy: AbstractPolicy

    def decide(self, role: Role, percept: Percept, memories: Memory, key: Key) -> tuple[Decision, Memory]:
        """Decides and records."""
        decision, after = self.policy.decide(role, percept, memories, key)
        return Remembered(decision.actions, decision.log_prob, memories, jnp.zeros(role.capacity, bool)), after


def call_all(network: Policy, features: Array, memories: Memory) -> tuple[Array, Memory]:
    """Asks `network` for every leading index at once: one batch, whatever its shape."""
    batch = features.shape[:-1]

    def merge(leaf: Array) -> Array:
        return leaf.reshape(math.prod(batch), *leaf.shape[len(batch) :])

    outputs, after = network.many(merge(features), jax.tree.map(merge, memories))
    return jax.tree.map(lambda leaf: leaf.reshape(*batch, *leaf.shape[1:]), (outputs, after))


def replay(
    network: Policy,
    features: Float[Array, "steps worlds capacity features"],
    recorded: Memory,
    fresh: Bool[Array, "steps worlds capacity"],
) -> Float[Array, "steps worlds capacity n"]:
    """Returns a network's outputs over recorded steps, with gradients through its memory.

    Args:
        network: The network as it is now.
        features: What was perceived.
        recorded: Memories before each step, `[steps, worlds, capacity, ...]`. The first is where replay starts; later
            ones count only where `fresh`, as the memory of birth.
        fresh: Whose memory was renewed just before the step.
    """
    if not is_recurrent(recorded):
        return call_all(network, features, recorded)[0]

    def step(memories: Memory, now: tuple[Array, Memory, Array]) -> tuple[Memory, Array]:
        seen, births, renewed = now
        outputs, memories = call_all(network, seen, select_rows(renewed, births, memories))
        return memories, outputs

    first = jax.tree.map(lambda leaf: leaf[0], recorded)
    return jax.lax.scan(step, first, (features, recorded, fresh))[1]


def recall(
    critic: Policy, features: Array, fresh: Array, first: Memory, birth: Memory
) -> tuple[Array, Memory, Memory, Memory]:
    """Runs a critic with a memory over a rollout, for the first time.

    Returns:
        Values `[steps, worlds, capacity]`; its memories before and after each step; and its memory for the next one.
    """

    def step(memories: Memory, now: tuple[Array, Array]) -> tuple[Memory, tuple[Array, Memory, Memory]]:
        seen, renewed = now
        values, after = call_all(critic, seen, memories)
        return select_rows(renewed, birth, after), (values[..., 0], memories, after)

    last, (values, before, after) = jax.lax.scan(step, first, (features, fresh))
    return values, before, after, last
