"""How good are policies? Episodes of a world, run side by side as one program, and a mean that says how sure it is."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.environment import Environment
from aira_agents.errors import InputError, NumericalError
from aira_agents.loop import Now, one_step, start
from aira_agents.neighbours.room import CROWDED, grown
from aira_agents.policies.checking import policies_for
from aira_agents.policies.outermost import check_actions, nothing_done, outermost
from aira_agents.policies.policy import AbstractPolicy, Greedy, Policy
from aira_agents.policies.rule import plain_errors
from aira_agents.statistics import Interval, ratio_interval
from aira_agents.types import Array, Bool, Float, Key

EPISODES_AT_ONCE = 256


def evaluate(
    environment: Environment,
    policies: Any,
    key: Key,
    n_episodes: int,
    *,
    greedy: bool = False,
) -> dict[str, Interval]:
    """Returns for each role the mean return of a life, with its interval.

    A life is one agent, from reset or birth to its death or the end of the episode; its return is the plain sum of its
    rewards. The interval resamples whole episodes, since agents of one episode share a world. It counts lives. Where
    somebody found no room in a cell, and so was not seen, all is run anew with more.

    Args:
        environment: The world.
        policies: A policy or a plain function for all roles, or a dictionary with one for each, as `policies_for` takes
            them.
        key: For worlds and actions alike.
        n_episodes: How many worlds are run from reset to end.
        greedy: Takes the most probable action of each network instead of sampling.

    Raises:
        InputError: This is no world, `n_episodes` is below 1, a policy returned what is no action, or in no episode did
            any agent of a role live.
        IncompatiblePolicyError: A role has no policy, or its network does not fit.
        NumericalError: A return is infinite or not-a-number.
    """
    if n_episodes < 1:
        raise InputError(f"An evaluation takes at least 1 episode; got {n_episodes}.")
    policies = policies_for(environment, policies, named=True)
    if greedy:
        policies = {role: Greedy(p) if isinstance(p, Policy) else p for role, p in policies.items()}
    with plain_errors():
        returns, lives, found = _with_room(environment, policies, jax.random.split(key, n_episodes))
    check_actions(environment.roles, found)
    intervals = {}
    for role in returns:
        if not bool(jnp.all(jnp.isfinite(returns[role]))):
            raise NumericalError(f"A return of {role} is infinite or not-a-number: the world's rewards blew up.")
        if not bool(jnp.any(lives[role] > 0)):
            raise InputError(f"No agent of {role} lived in any of {n_episodes} episodes: there is nothing to judge.")
        intervals[role] = ratio_interval(returns[role], lives[role])
    return intervals


def _with_room(environment: Environment, policies: dict[str, AbstractPolicy], keys: Any) -> Any:
    """Returns what `_episodes` does, where everybody saw all around them if there can be room enough."""
    while True:
        *done, crowded = jax.block_until_ready(_episodes(environment, policies, keys))
        roomier = grown(environment) if crowded else None
        if roomier is None:
            return done
        environment = roomier


@eqx.filter_jit
def _episodes(environment: Environment, policies: dict[str, AbstractPolicy], keys: Any) -> Any:
    """Returns for each role the sum of returns and the number of lives, `[n_episodes]` each.

    And how far actions went, as `outermost` does, over all episodes; and whether somebody found no room in a cell.
    """
    # Some hundred at a time, in equal blocks: memory does not grow with their number, and one program does for all.
    n_blocks = -(-len(keys) // EPISODES_AT_ONCE)
    block = -(-len(keys) // n_blocks)
    padded = jnp.concatenate([keys, keys[: n_blocks * block - len(keys)]]).reshape(n_blocks, block)
    *done, found, crowded = jax.lax.map(lambda own_keys: _together(environment, policies, own_keys), padded)
    returns, lives = jax.tree.map(lambda x: x.reshape(-1)[: len(keys)], done)
    return returns, lives, _farther(found), jnp.any(crowded)


Sums = dict[str, Float[Array, " episodes"]]


def _together(
    environment: Environment, policies: dict[str, AbstractPolicy], keys: Any
) -> tuple[Sums, Sums, Array, Bool[Array, ""]]:
    now = jax.vmap(lambda key: start(environment, policies, key))(keys)
    nothing = {role.name: jnp.zeros(len(keys)) for role in environment.roles}

    roles = environment.roles

    def unfinished(carry: tuple[Now, Bool[Array, " episodes"], Sums, Sums, Array]) -> Bool[Array, ""]:
        return ~jnp.all(carry[1])

    def step(carry: Any) -> Any:
        now, over, returns, lives, found = carry
        now, transition = jax.vmap(lambda one: one_step(environment, policies, one))(now)
        # A world that is over runs on beside the others, and counts no more.
        counts = {role: feedback.active & ~over[:, None] for role, feedback in transition.feedback.items()}
        for role, feedback in transition.feedback.items():
            gained = jnp.sum(jnp.where(counts[role], feedback.reward, 0.0), axis=1)
            ended = jnp.sum(counts[role] & (feedback.terminated | feedback.truncated), axis=1, dtype=jnp.float32)
            returns, lives = {**returns, role: returns[role] + gained}, {**lives, role: lives[role] + ended}
        found = _farther(jnp.stack([found, outermost(roles, transition.decisions, counts)]))
        return now, over | jax.vmap(environment.ended)(now.state), returns, lives, found

    over = jax.vmap(environment.ended)(now.state)
    last, _, *sums = jax.lax.while_loop(unfinished, step, (now, over, nothing, nothing, nothing_done(roles)))
    return *sums, jnp.any(jnp.asarray(getattr(last.state, CROWDED, 0)) > 0)


def _farther(found: Float[Array, "several effectors 2"]) -> Float[Array, "effectors 2"]:
    return jnp.stack([jnp.min(found[..., 0], axis=0), jnp.max(found[..., 1], axis=0)], axis=-1)
