"""How likely a network finds what was done in recorded data: what cloning and its relatives maximise."""

import jax
import jax.numpy as jnp

from aira_agents.data.samples import Samples, Sequences
from aira_agents.environment import Role
from aira_agents.learning.pairs import call_all
from aira_agents.policies.policy import Policy
from aira_agents.spaces import Box
from aira_agents.types import Array, Float, Memory


def outputs_of(network: Policy, samples: Samples) -> Float[Array, "*batch n"]:
    """Asks a network without memory."""
    return call_all(network, jnp.asarray(samples.features), network.initial_memory())[0]


def outputs_in_order(network: Policy, data: Sequences) -> Float[Array, "episodes steps capacity n"]:
    """Asks a network step by step, with gradients through its memory, which is renewed where a life begins."""
    n_episodes, _, capacity, _ = data.samples.features.shape
    if not jax.tree.leaves(network.initial_memories(capacity)):
        return outputs_of(network, data.samples)

    def step(memories: Memory, now: tuple[Array, Array, Array]) -> tuple[Memory, Array]:
        features, fresh, parent = now
        memories = jax.vmap(network.renew)(memories, fresh, parent)
        outputs, memories = call_all(network, features, memories)
        return memories, outputs

    # The first memories are those of birth already; a rule for the newborn is not for founders.
    fresh = jnp.asarray(data.fresh).at[:, 0].set(False)
    first = jax.tree.map(
        lambda leaf: jnp.broadcast_to(leaf, (n_episodes, *leaf.shape)), network.initial_memories(capacity)
    )
    in_order = jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 1, 0), (data.samples.features, fresh, data.parent))
    return jnp.moveaxis(jax.lax.scan(step, first, in_order)[1], 0, 1)


def mean_over(weight: Float[Array, "*batch"], values: Float[Array, "*batch"]) -> Float[Array, ""]:
    """Returns the weighted mean; where all weights are 0, zero."""
    # `where`: what an empty row says may be infinite, and zero times that is not zero.
    return jnp.sum(jnp.where(weight > 0, values * weight, 0.0)) / jnp.maximum(jnp.sum(weight), 1e-9)


def log_likelihood(outputs: Float[Array, "*batch n"], role: Role, samples: Samples) -> Float[Array, "*batch"]:
    """Returns the log-probability of what was done, in nats, given a network's outputs."""
    return role.distribution(outputs, samples.valid).log_prob(samples.actions)


def figures(outputs: Float[Array, "*batch n"], role: Role, samples: Samples) -> dict[str, Float[Array, ""]]:
    """Returns how near the most probable actions are to those taken, where the role has such an effector.

    `accuracy` is the share of equal `Discrete` actions, `error` the mean distance in a `Box`, in half-ranges.
    """
    modes = role.distribution(outputs, samples.valid).mode()
    near: dict[str, list[Array]] = {}
    for name, space in role.spaces.items():
        action = jnp.asarray(samples.actions[name])
        if isinstance(space, Box):
            half_range = jnp.broadcast_to(space.half_range, action.shape)
            near.setdefault("error", []).append(jnp.mean(jnp.abs(modes[name] - action) / half_range, axis=-1))
        else:
            near.setdefault("accuracy", []).append((modes[name] == action).astype(jnp.float32))
    weight = jnp.asarray(samples.weight)
    return {
        kind: sum((mean_over(weight, own) for own in all_), jnp.zeros(())) / len(all_) for kind, all_ in near.items()
    }
