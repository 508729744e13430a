"""Gathering experience: worlds that run on from update to update, and the returns of the lives that ended in them."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.environment import Environment, Feedback, by_role
from aira_agents.loop import Now, Policies, Transition, rollout, start_worlds
from aira_agents.types import Array, Float, Key

Metrics = dict[str, Array]


class Worlds(eqx.Module):
    """Running worlds, and what each agent has earned in its life so far."""

    now: Now
    earned: dict[str, Float[Array, "worlds capacity"]]


def begin(environment: Environment, policies: Policies, key: Key, n_worlds: int) -> Worlds:
    """Starts `n_worlds` worlds in which nobody has earned anything."""
    now = start_worlds(environment, policies, key, n_worlds)
    return Worlds(now, by_role(environment, lambda role: jnp.zeros((n_worlds, role.capacity))))


def collect(
    environment: Environment,
    policies: Policies,
    worlds: Worlds,
    n_steps: int,
    keep: Callable[[Transition], Any] = lambda t: t,
) -> tuple[Worlds, Any, Metrics]:
    """Runs all worlds for `n_steps`.

    Returns:
        The worlds afterwards; what `keep` returned, `[n_steps, worlds, ...]`; and the metrics `reward` (mean over
        active agent-steps), `return` and `return/<role>` (mean over lives that ended; not-a-number where none did).
    """
    now, (kept, feedback) = rollout(environment, policies, worlds.now, n_steps, lambda t: (keep(t), t.feedback))
    earned, sums = {}, {}
    for role, own in feedback.items():
        earned[role], sums[role] = _close_lives(worlds.earned[role], own)
    total, n_ended, reward, n_active = (sum(each) for each in zip(*sums.values(), strict=True))
    metrics = {"reward": reward / jnp.maximum(n_active, 1), "return": total / n_ended}
    metrics |= {f"return/{role}": own[0] / own[1] for role, own in sums.items()}
    return Worlds(now, earned), kept, metrics


def _close_lives(earned: Array, feedback: Feedback) -> tuple[Array, tuple[Array, Array, Array, Array]]:
    """Adds up the rewards `[steps, worlds, capacity]` of the lives that ended, and of those that go on."""
    ended = feedback.terminated | feedback.truncated
    # All but the rewards after an agent's last end belong to a life that ended: no loop over steps is needed.
    steps = jax.lax.broadcasted_iota(jnp.int32, ended.shape, 0)
    after_last = steps > jnp.max(jnp.where(ended, steps, -1), axis=0, keepdims=True)
    lives = jnp.any(ended, axis=0)
    going_on = jnp.sum(jnp.where(after_last, feedback.reward, 0.0), axis=0)
    rewards = jnp.sum(feedback.reward, axis=0)
    total = jnp.sum(jnp.where(lives, earned + rewards - going_on, 0.0))
    sums = (total, jnp.sum(ended), jnp.sum(rewards), jnp.sum(feedback.active))
    return jnp.where(lives, going_on, earned + going_on), sums
