"""How good somebody is: what agents earn in whole lives of a world, with the person gone or present."""

from collections.abc import Callable, Mapping

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.environment import Environment
from aira_agents.equation.terms import HITL
from aira_agents.loop import Transition, in_first_episode, rollout, start_worlds
from aira_agents.policies.policy import AbstractPolicy
from aira_agents.populations import State
from aira_agents.types import Array, Float, Int, Key

Parts = Callable[[State], Mapping[str, Array]]
"""From the world before a step to named parts of its agents, `[capacity]` each: whose reward counts as whose."""


def whole(state: State) -> dict[str, Array]:
    """One part for all: no parts."""
    del state
    return {}


def judge(
    world: Environment,
    policy: AbstractPolicy,
    key: Key,
    n_worlds: int,
    n_steps: int,
    parts: Parts = whole,
    person: HITL | None = None,
    keys: Int[Array, ""] | int = 0,
) -> dict[str, Float[Array, ""]]:
    """Returns the mean return of a life: `return`, and the share of each part in it; of each world's first episode.

    Args:
        world: Where.
        policy: Who decides, for the world's one role.
        key: For everything.
        n_worlds: How many worlds run.
        n_steps: How long: the worlds' `max_steps`.
        parts: How the return is split.
        person: Who is present in each world.
        keys: How many keys they may press in each.
    """
    (role,) = world.roles
    if person is not None:
        policy = person.channel.accompanied(policy, person.teacher)
    acting = {role.name: policy}
    now = start_worlds(world, acting, key, n_worlds)
    if person is not None:
        given = now.memories[role.name].with_keys(jnp.broadcast_to(jnp.asarray(keys), (n_worlds,)))
        now = eqx.tree_at(lambda own: own.memories[role.name], now, given)

    def keep(transition: Transition) -> tuple[dict[str, Array], Array, Array]:
        reward, before = transition.feedback[role.name].reward, transition.before
        assert before is not None
        shares = {"return": jnp.ones_like(reward, bool), **jax.vmap(parts)(before)}
        earned = {name: jnp.sum(jnp.where(own, reward, 0.0), axis=1) for name, own in shares.items()}
        return earned, before.time, before.next_uid - 1

    earned, time, lives = rollout(world, acting, now, n_steps, keep)[1]  # [steps, worlds]
    first = in_first_episode(time)
    n_lives = jnp.sum(jnp.max(jnp.where(first, lives, 0), axis=0))
    return {name: jnp.sum(jnp.where(first, own, 0.0)) / n_lives for name, own in earned.items()}
