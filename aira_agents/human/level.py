"""Human level: how a policy does between chance and a person, on the very same worlds.

The score is (policy - random) / (human - random): 0 is chance, 1 is the person, above 1 is better than they.
Source: Mnih et al. 2015, "Human-level control through deep reinforcement learning", methods (evaluation procedure).
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from aira_agents.data.dataset import Dataset
from aira_agents.environment import Environment, Percept, Role
from aira_agents.errors import InputError
from aira_agents.loop import one_step, start
from aira_agents.policies.policy import AbstractPolicy, Decision, select_rows
from aira_agents.policies.random import RandomPolicy
from aira_agents.statistics import Interval, normalized_interval
from aira_agents.types import Array, Bool, Int, Key, Memory


class Apart(AbstractPolicy):
    """Decides as `policy` does, but for one row, for which `own` decides."""

    policy: AbstractPolicy
    own: AbstractPolicy
    row: Int[Array, ""]

    def decide(self, role: Role, percept: Percept, memories: Memory, key: Key) -> tuple[Decision, Memory]:
        """Asks both."""
        key, own_key = jax.random.split(key)
        others, first = self.policy.decide(role, percept, memories[0], key)
        mine, second = self.own.decide(role, percept, memories[1], own_key)
        here = jnp.arange(role.capacity) == self.row
        return Decision(*select_rows(here, (mine.actions, mine.log_prob), (others.actions, others.log_prob))), (
            first,
            second,
        )

    def initial_memories(self, capacity: int) -> Memory:
        """Both."""
        return self.policy.initial_memories(capacity), self.own.initial_memories(capacity)

    def renew(self, memories: Memory, fresh: Bool[Array, " capacity"], parent: Int[Array, " capacity"]) -> Memory:
        """As both do."""
        return self.policy.renew(memories[0], fresh, parent), self.own.renew(memories[1], fresh, parent)


def returns_of(
    environment: Environment,
    policies: Mapping[str, AbstractPolicy],
    own: AbstractPolicy,
    role: str,
    agent: int,
    seed: int,
    n_episodes: int,
) -> Float[np.ndarray, " episodes"]:
    """Returns what one agent, for which `own` decides, earns in its life, in the worlds that a person would play.

    Args:
        environment: The world.
        policies: Role to who decides for all others.
        own: Who decides for that agent.
        role: Its role.
        agent: Which of those who live at the start, from 1.
        seed: As in `demonstrate`.
        n_episodes: As in `demonstrate`.
    """
    keys = jnp.stack([jax.random.fold_in(jax.random.key(seed), index) for index in range(n_episodes)])
    return np.asarray(_returns(environment, dict(policies), own, role, jnp.asarray(agent, jnp.int32), keys), np.float64)


@eqx.filter_jit
def _returns(environment: Any, policies: Any, own: Any, role: str, agent: Array, keys: Any) -> Array:
    def led(row: Array) -> Any:
        return {**policies, role: Apart(policies[role], own, row)}

    def life(key: Key) -> Array:
        now = start(environment, led(agent), key)
        founders = now.state.agents[role]
        row = jnp.argmax(founders.alive & (jnp.cumsum(founders.alive, dtype=jnp.int32) == agent)).astype(jnp.int32)
        acting, uid = led(row), founders.uid[row]

        def lives(carry: Any) -> Array:
            now, _ = carry
            agents = now.state.agents[role]
            return jnp.any((agents.uid == uid) & agents.alive) & ~environment.ended(now.state)

        def step(carry: Any) -> Any:
            now, total = carry
            own_row = now.state.agents[role].uid == uid
            now, happened = one_step(environment, acting, now)
            feedback = happened.feedback[role]
            return now, total + jnp.sum(jnp.where(own_row & feedback.active, feedback.reward, 0.0))

        return jax.lax.while_loop(lives, step, (now, jnp.zeros(())))[1]

    return jax.lax.map(life, keys)


def returns_played(played: Dataset, role: str, max_steps: int) -> Float[np.ndarray, " episodes"]:
    """Returns what the agent that a person led earned in each episode that they played to its end.

    Args:
        played: From `demonstrate`; only what the person did has a weight.
        role: Of the agent.
        max_steps: Of the world.
    """
    found = []
    for episode in played.episodes:
        track = episode.tracks[role]
        mine = track.weight > 0
        if track.terminated[mine].any() or episode.n_steps >= max_steps:
            found.append(float(track.reward[mine].sum()))
    return np.array(found)


def level(human: Any, policy: Any, chance: Any) -> Interval:
    """Returns the score of a policy against a person, with its interval; the three earned in the same worlds.

    Raises:
        InputError: They are of different length, or the person did no better than chance, so that there is no scale.
    """
    human, policy, chance = (np.asarray(one, np.float64) for one in (human, policy, chance))
    if not len(human) == len(policy) == len(chance):
        raise InputError(f"A score compares the same worlds; got {len(human)}, {len(policy)} and {len(chance)}.")
    if human.mean() <= chance.mean():
        raise InputError(
            f"You earned {human.mean():.3g} on average, and chance {chance.mean():.3g}: with no lead over chance there "
            "is no scale to put the policy on. Play again, or longer."
        )
    return normalized_interval(policy, human, chance)


class Standing(NamedTuple):
    """What three earned who decided for the same agent in the same worlds, `[episodes]` each."""

    human: Float[np.ndarray, " episodes"]
    policy: Float[np.ndarray, " episodes"]
    chance: Float[np.ndarray, " episodes"]

    @property
    def score(self) -> Interval:
        """As `level`."""
        return level(*self)


def standing(
    environment: Environment,
    policies: Mapping[str, AbstractPolicy],
    role: str,
    agent: int,
    seed: int,
    played: Dataset,
) -> Standing:
    """Lets the policy of `role`, and chance, do what a person did; arguments are those of `demonstrate`.

    Raises:
        InputError: No world was played to its end.
    """
    human = returns_played(played, role, int(environment.max_steps))
    if not len(human):
        raise InputError("No world was played to its end, so there is nothing to compare. Play again, or fewer steps.")
    others = (policies[role], RandomPolicy())
    return Standing(human, *(returns_of(environment, policies, own, role, agent, seed, len(human)) for own in others))
