"""How good somebody is: what agents earn in whole lives of a world, with the person gone or present."""

from collections.abc import Callable, Mapping

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.environment import Environment
from aira_agents.equation.terms import HITL
from aira_agents.loop import Transition, rollout, start_worlds
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
    """Returns the mean return of an agent: `return`, and the share of each part in it.

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
    n_agents = jnp.sum(now.state.agents[role.name].alive)

    def keep(transition: Transition) -> dict[str, Array]:
        reward = transition.feedback[role.name].reward
        assert transition.before is not None
        shares = jax.vmap(parts)(transition.before)
        return {"return": jnp.sum(reward)} | {
            name: jnp.sum(jnp.where(own, reward, 0.0)) for name, own in shares.items()
        }

    earned = rollout(world, acting, now, n_steps, keep)[1]
    return {name: jnp.sum(own) / n_agents for name, own in earned.items()}
