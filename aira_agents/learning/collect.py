"""Running worlds for a learner, with the figures every learner reports: reward and return.

The return of an agent is that of one life: it adds up while the agent is active and closes when it is terminated or
truncated. Lives go on from one `collect` to the next; the dead and the unborn count nowhere.
"""

from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.environment import Environment, Feedback
from aira_agents.learning.learner import Metrics
from aira_agents.learning.packing import Packing
from aira_agents.learning.rewarded import as_learned
from aira_agents.loop import Now, Policies, Transition, rollout, start_worlds
from aira_agents.neighbours.room import CROWDED
from aira_agents.types import Array, Bool, Float, Int, Key

Sum = tuple[Array, Array]
"""What is to be divided by what: a total, and over how many it was taken."""


class Worlds(eqx.Module):
    """Running worlds, and what each agent has earned so far in its life; part of a learner's state."""

    now: Now
    returns: dict[str, Float[Array, "worlds capacity"]]
    lengths: dict[str, Float[Array, "worlds capacity"]]  # steps lived so far

    @property
    def n_worlds(self) -> int:
        """How many worlds run side by side."""
        return self.now.key.shape[0]


def begin(environment: Environment, policies: Policies, key: Key, n_worlds: int) -> Worlds:
    """Starts `n_worlds` worlds in which nobody has earned anything yet."""
    now = start_worlds(environment, policies, key, n_worlds)

    def nothing() -> dict[str, Array]:  # made twice: a donated learner state may not hold one buffer in two places
        return {role.name: jnp.zeros((n_worlds, role.capacity)) for role in environment.roles}

    return Worlds(now, nothing(), nothing())


def without_world(transition: Transition) -> Transition:
    """Drops the state of the world, which no learner looks at: what is kept of every step is paid for."""
    return eqx.tree_at(lambda t: t.before, transition, None)


def collect(
    environment: Environment,
    policies: Policies,
    worlds: Worlds,
    n_steps: int,
    keep: Callable[[Transition], Any] = without_world,
) -> tuple[Worlds, Any, Metrics]:
    """Runs the worlds for `n_steps` each, renewing those that end.

    Args:
        environment: One world for all; in one that is `Rewarded`, what is kept has the rewards that learners see.
        policies: Role to policy.
        worlds: From `begin`, or where the last call left them.
        n_steps: Steps of each world.
        keep: What to keep of a transition; by default all but the world itself, which is large.

    Returns:
        The worlds afterwards; what `keep` returned, `[n_steps, n_worlds, ...]`; and the metrics `reward` (mean per
        active agent-step), `return` and `return/<role>` (mean over the lives that ended), and `length` (their mean
        number of steps). Where no life ended, the last three are not-a-number. They tell what the world paid. Where
        cells have limited room there is `crowded` too: how often somebody was not seen, per step of a world.
    """
    worlds, kept, sums = gather(environment, policies, worlds, n_steps, keep)
    return worlds, kept, metrics_of(sums)


def gather(
    environment: Environment,
    policies: Policies,
    worlds: Worlds,
    n_steps: int,
    keep: Callable[[Transition], Any] = without_world,
) -> tuple[Worlds, Any, dict[str, Sum]]:
    """Does what `collect` does; returns the sums behind its metrics, for who adds up those of several groups."""

    def record(transition: Transition) -> Any:
        return keep(as_learned(environment, transition)), transition.feedback, _left_out(transition.before)

    packing = Packing(jax.eval_shape(lambda now: rollout(environment, policies, now, 1, record)[1], worlds.now), 2)
    now, packed = rollout(environment, policies, worlds.now, n_steps, lambda t: packing.pack(record(t)))
    kept, feedback, left_out = packing.unpack(packed)
    returns, lengths, sums = account(feedback, worlds.returns, worlds.lengths)
    if left_out is not None:
        sums[CROWDED] = _not_seen(left_out, _left_out(now.state))
    return Worlds(now, returns, lengths), kept, sums


def metrics_of(sums: Mapping[str, Sum]) -> Metrics:
    """Returns the metrics of `collect` from sums, those of several groups of worlds added up if need be."""
    return {name: _ratio(*own, if_none=0.0 if name == "reward" else jnp.nan) for name, own in sums.items()}


def account(
    feedback: Mapping[str, Feedback], returns: Mapping[str, Array], lengths: Mapping[str, Array]
) -> tuple[dict[str, Array], dict[str, Array], dict[str, Sum]]:
    """Adds the feedback of some steps, `[steps, worlds, capacity]`, to the running returns and lengths.

    Returns:
        The returns and lengths of the lives still going on, and the sums behind the metrics of `collect`.
    """
    rewards = {role: jnp.where(own.active, own.reward, 0.0) for role, own in feedback.items()}
    steps = {role: own.active.astype(jnp.float32) for role, own in feedback.items()}
    ends = {role: own.active & (own.terminated | own.truncated) for role, own in feedback.items()}
    earned = {role: _split_lives(rewards[role], ends[role], returns[role]) for role in feedback}
    lived = {role: _split_lives(steps[role], ends[role], lengths[role]) for role in feedback}
    n_ends = {role: jnp.sum(own, dtype=jnp.float32) for role, own in ends.items()}
    closed = {role: jnp.sum(own[0]) for role, own in earned.items()}
    sums = {
        "reward": (_total(rewards), _total(steps)),
        "return": (_total(closed), _total(n_ends)),
        "length": (_total({role: own[0] for role, own in lived.items()}), _total(n_ends)),
    }
    sums |= {f"return/{role}": (closed[role], n_ends[role]) for role in feedback}
    return {role: own[1] for role, own in earned.items()}, {role: own[1] for role, own in lived.items()}, sums


def _left_out(state: Any) -> Any:
    """Returns the time of a world and how many times somebody found no room until then; None if it has no cells."""
    return (state.time, getattr(state, CROWDED)) if hasattr(state, CROWDED) else None


def _not_seen(before: Any, after: Any) -> Sum:
    """Returns how many times somebody found no room in a cell, and in how many steps; a new world counts anew."""
    (time, crowded), (next_time, next_crowded) = before, jax.tree.map(_followed_by, before, after)
    more = jnp.where(next_time > time, next_crowded - crowded, next_crowded)
    return jnp.sum(more).astype(jnp.float32), jnp.asarray(time.size, jnp.float32)


def _followed_by(before: Int[Array, "steps worlds"], after: Int[Array, " worlds"]) -> Int[Array, "steps worlds"]:
    return jnp.concatenate([before[1:], after[None]])


def _split_lives(
    amounts: Float[Array, "steps worlds capacity"],
    ends: Bool[Array, "steps worlds capacity"],
    before: Float[Array, "worlds capacity"],
) -> tuple[Float[Array, "worlds capacity"], Float[Array, "worlds capacity"]]:
    """Returns the sum over all lives that ended in a row, and what the life still going on there has so far.

    No scan: whatever was earned up to the last end belongs to lives that ended.
    """
    step = jnp.arange(1, amounts.shape[0] + 1, dtype=jnp.int32)[:, None, None]
    last_end = jnp.max(jnp.where(ends, step, 0), axis=0, keepdims=True)
    closed = jnp.sum(jnp.where(step <= last_end, amounts, 0.0), axis=0)
    going_on = jnp.sum(jnp.where(step > last_end, amounts, 0.0), axis=0)
    any_end = last_end[0] > 0
    return jnp.where(any_end, before + closed, 0.0), jnp.where(any_end, 0.0, before) + going_on


def _total(by_role: Mapping[str, Array]) -> Array:
    return jnp.sum(jnp.stack([jnp.sum(own) for own in by_role.values()]))


def _ratio(total: Array, count: Array, if_none: float) -> Array:
    return jnp.where(count > 0, total / jnp.maximum(count, 1.0), if_none)
