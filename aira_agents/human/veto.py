"""Veto: a person forbids the action that an agent is about to take, and its policy chooses among the others.

The choice is drawn from the masked distribution, so it is the policy's own: the policy gradient uses the same mask.
That gradient says nothing of the forbidden action, which would be back once the person is gone; so it is made
improbable, too, by a loss of its own.
Source: Saunders et al. 2018, "Trial without error: towards safe reinforcement learning via human intervention", section
2 (blocking an action); the loss: Welleck et al. 2020, "Neural text generation with unlikelihood training", eq. 4.
"""

import dataclasses
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.data.samples import Samples
from aira_agents.environment import Percept, Role
from aira_agents.human.channel import Accompanied, AccompaniedPolicy, Channel
from aira_agents.human.overseer import Overseer
from aira_agents.learning.likelihood import log_likelihood, mean_over, outputs_of
from aira_agents.learning.pairs import Remembered
from aira_agents.parameters import check_parameters, number
from aira_agents.policies.policy import AbstractPolicy, Policy, Wrapper, select_rows
from aira_agents.spaces import Discrete
from aira_agents.types import Array, Bool, Float, Int, Key, Memory, Number


class Vetoed(Remembered):
    """A decision, and what it was before somebody forbade it."""

    forbidden: Bool[Array, "*worlds capacity"] = eqx.field(kw_only=True)  # whether they did
    intended: dict[str, Array] = eqx.field(kw_only=True)


class VetoedPolicy(AccompaniedPolicy):
    """Decides as `policy` does, and again, among the rest, where the person would have done something else.

    What is the only valid action cannot be forbidden.
    """

    policy: AbstractPolicy
    person: Overseer

    def decide(self, role: Role, percept: Percept, memories: Accompanied, key: Key) -> tuple[Vetoed, Accompanied]:
        """Asks the policy, then the person, then perhaps the policy again."""
        own_key, person_key, again_key = jax.random.split(key, 3)
        intended, own = self.policy.decide(role, percept, memories.own, own_key)
        looks, keys, attention = self.person.lead(role, percept, memories.attention, person_key)
        (name,) = role.spaces
        rest = without(every_action(role, percept)[name], intended.actions[name])
        forbids = looks & (keys[name] != intended.actions[name]) & jnp.any(rest, axis=-1)
        # The person spent a key on looking; they get it back where they let the action pass.
        attention = dataclasses.replace(attention, keys_left=attention.keys_left + jnp.sum(looks & ~forbids))
        valid = {name: jnp.where(forbids[:, None], rest, every_action(role, percept)[name])}
        again, _ = self.policy.decide(role, Percept(percept.features, valid), memories.own, again_key)
        actions = select_rows(forbids, again.actions, intended.actions)
        log_prob = jnp.where(forbids, again.log_prob, intended.log_prob)
        led = jnp.zeros(role.capacity, bool)
        chosen = Vetoed(actions, log_prob, memories.own, led, valid, forbidden=forbids, intended=intended.actions)
        return chosen, Accompanied(own, attention)


class Veto(Channel):
    """The channel: how many actions a person may forbid, and what is made of it.

    The person is simulated, an `Overseer`. People's own vetoes come by `Vetoes`, to a host that steps.
    """

    extends_lookup: ClassVar[bool] = False
    narrows: ClassVar[bool] = True

    budget: Number = number(320, low=0, whole=True, unit="keystrokes", help="in all lessons together, at most")
    per_lesson: Number = number(16, low=1, whole=True, unit="keystrokes", help="in one life of the world, at most")
    weight: Number = number(0.5, low=0, help="weight of making improbable what the person forbade")

    def __check_init__(self) -> None:
        check_parameters(self)

    def accompanied(self, policy: AbstractPolicy, person: Overseer) -> VetoedPolicy:
        """The person forbids; the policy chooses."""
        return VetoedPolicy(policy, person)

    def written(self, decision: Remembered) -> tuple[Bool[Array, "*batch capacity"], dict[str, Array]]:
        """What was forbidden."""
        assert isinstance(decision, Vetoed)
        return decision.forbidden, decision.intended

    def loss(self, network: Policy, role: Role, table: Samples) -> Float[Array, ""]:
        """The mean of -log(1 - p) over the actions that were forbidden, of probability p."""
        log_prob = log_likelihood(outputs_of(network, table), role, table)
        # Just below 1, where the slope is infinite, it is cut off.
        return mean_over(jnp.asarray(table.weight), -jnp.log1p(-jnp.minimum(jnp.exp(log_prob), 0.999)))


class Forbidding(Wrapper):
    """Decides as `policy` does among the actions that are not `forbidden`: what a host steps with.

    The masks are arrays: another veto compiles nothing.
    """

    policy: AbstractPolicy
    forbidden: dict[str, Bool[Array, "capacity n"]]  # by effector

    @classmethod
    def nothing(cls, policy: AbstractPolicy, role: Role) -> "Forbidding":
        """Forbids nothing yet."""
        named = {name: space for name, space in role.spaces.items() if isinstance(space, Discrete)}
        return cls(policy, {name: jnp.zeros((role.capacity, len(s.names)), bool) for name, s in named.items()})

    def decide(self, role: Role, percept: Percept, memories: Memory, key: Key) -> tuple[Remembered, Memory]:
        """Decides among the rest."""
        valid = {name: mask & ~self.forbidden[name] for name, mask in every_action(role, percept).items()}
        decision, after = self.policy.decide(role, Percept(percept.features, valid), memories, key)
        led = jnp.zeros(role.capacity, bool)
        return Remembered(decision.actions, decision.log_prob, memories, led, valid), after


def every_action(role: Role, percept: Percept) -> dict[str, Bool[Array, "*batch n"]]:
    """Returns which of each effector's named actions are valid, also where the percept says nothing: then all are."""
    batch = percept.features.shape[:-1]
    return {
        name: percept.valid.get(name, jnp.ones((*batch, len(space.names)), bool))
        for name, space in role.spaces.items()
        if isinstance(space, Discrete)
    }


def without(valid: Bool[Array, "*batch n"], action: Int[Array, "*batch"]) -> Bool[Array, "*batch n"]:
    """Returns the mask without one action of each row."""
    return valid & ~jax.nn.one_hot(action, valid.shape[-1], dtype=bool)
