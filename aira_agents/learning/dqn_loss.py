"""The loss of deep Q-learning: how far what was expected of an action is from what came of it.

Mnih et al. let errors beyond 1 count linearly (Huber's loss), where rewards are at most 1 and rare. Where values reach
a hundred, that makes of a mean a median: deaths, few among many steps, are outvoted. So here it begins later.

Source: Mnih et al. 2015, "Human-level control through deep reinforcement learning", eq. 1 and methods; van Hasselt,
Guez and Silver 2016, "Deep reinforcement learning with double Q-learning", eq. 4; several effectors: Tavakoli, Pardo
and Kormushev 2018, "Action branching architectures for deep reinforcement learning", eqs. 4-7: each has values of its
own, and their mean is what a situation is worth.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from aira_agents.distributions import Categorical
from aira_agents.environment import Role
from aira_agents.policies.policy import Policy
from aira_agents.types import Array, Bool, Float, Int, Memory


class Experience(eqx.Module):
    """What agents of one role did, and what came of it within some steps; a row each."""

    features: Float[Array, "*batch features"]
    actions: dict[str, Int[Array, "*batch"]]  # by effector
    returned: Float[Array, "*batch"]  # discounted rewards of these steps
    weight: Float[Array, "*batch"]  # of the value of what was seen then: gamma ** steps, or 0 where nothing follows
    next_features: Float[Array, "*batch features"]
    next_valid: dict[str, Bool[Array, "*batch _"]]  # as in `Percept`
    memory: Memory  # whose network it is; never a recurrent memory


def targets(online: Policy, target: Policy, batch: Experience, role: Role, double: bool) -> Float[Array, " batch"]:
    """Returns what the actions turned out to be worth, judged by `target`; if `double`, `online` chooses."""
    judged = _values(target, batch.next_features, batch.memory, role, batch.next_valid)
    chosen = _values(online, batch.next_features, batch.memory, role, batch.next_valid) if double else judged
    best = [
        jnp.take_along_axis(judged[name], jnp.argmax(chosen[name], axis=-1, keepdims=True), axis=-1)[:, 0]
        for name in judged
    ]
    return batch.returned + batch.weight * _mean(best)


def objective(
    network: Policy,
    batch: Experience,
    wanted: Float[Array, " batch"],
    role: Role,
    linear_beyond: Float[Array, ""] | float,
) -> tuple[Array, dict[str, Array]]:
    """Returns what deep Q-learning minimises, and what is worth knowing about it."""
    values = _values(network, batch.features, batch.memory, role, {})
    taken = [jnp.take_along_axis(own, batch.actions[name][:, None], axis=-1)[:, 0] for name, own in values.items()]
    loss = _mean([jnp.mean(optax.huber_loss(own, wanted, delta=linear_beyond)) for own in taken])
    return loss, {"loss": loss, "value": _mean([jnp.mean(own) for own in taken])}


def _values(
    network: Policy, features: Array, memory: Memory, role: Role, valid: dict[str, Array]
) -> dict[str, Float[Array, "batch n"]]:
    """Returns what each action is worth, by effector; what is invalid is worth nothing anybody would choose."""
    outputs, _ = network.many(features, memory)
    parts = role.distribution(outputs, valid).parts
    return {name: part.logits for name, part in parts.items() if isinstance(part, Categorical)}


def _mean(by_effector: list[Array]) -> Array:
    return jnp.mean(jnp.stack(by_effector), axis=0)


gradient = jax.grad(objective, has_aux=True)
