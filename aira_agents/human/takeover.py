"""Take-over: a person decides for an agent, step by step, while its policy watches.

What was decided for it is marked: such steps are masked from the policy gradient (they were not drawn from the policy),
kept for the critic (they happened), and cloned.

Source: Kelly et al. 2019, "HG-DAgger: interactive imitation learning with human experts", section 3.
"""

from typing import ClassVar

import jax
import jax.numpy as jnp

from aira_agents.data.samples import Samples
from aira_agents.environment import Percept, Role
from aira_agents.human.channel import Accompanied, AccompaniedPolicy, Channel
from aira_agents.human.overseer import Overseer
from aira_agents.learning.cloning import cloning_loss
from aira_agents.learning.pairs import Remembered
from aira_agents.parameters import check_parameters, number
from aira_agents.policies.policy import AbstractPolicy, Policy
from aira_agents.types import Array, Bool, Float, Key, Memory, Number


class LedPolicy(AccompaniedPolicy):
    """Decides as `policy` does, but for those whom the person leads."""

    policy: AbstractPolicy
    person: Overseer

    def decide(self, role: Role, percept: Percept, memories: Memory, key: Key) -> tuple[Remembered, Memory]:
        """Asks both; who is led does what the person says. The log-probabilities are of the policy's own choice."""
        own_key, person_key = jax.random.split(key)
        decision, own = self.policy.decide(role, percept, memories.own, own_key)
        led, keys, attention = self.person.lead(role, percept, memories.attention, person_key)
        actions = {name: jnp.where(led, keys[name], action) for name, action in decision.actions.items()}
        return Remembered(actions, decision.log_prob, memories.own, led), Accompanied(own, attention)


class Takeover(Channel):
    """The channel: how many keys a person may press, and what is made of them."""

    extends_lookup: ClassVar[bool] = True
    narrows: ClassVar[bool] = False

    budget: Number = number(320, low=0, whole=True, unit="keystrokes", help="in all lessons together, at most")
    per_lesson: Number = number(16, low=1, whole=True, unit="keystrokes", help="in one life of the world, at most")
    weight: Number = number(0.5, low=0, help="weight of cloning what the person did")

    def __check_init__(self) -> None:
        check_parameters(self)

    def accompanied(self, policy: AbstractPolicy, person: Overseer) -> LedPolicy:
        """The person decides for whom they lead."""
        return LedPolicy(policy, person)

    def written(self, decision: Remembered) -> tuple[Bool[Array, "*batch capacity"], dict[str, Array]]:
        """What the person did."""
        return decision.led, decision.actions

    def loss(self, network: Policy, role: Role, table: Samples) -> Float[Array, ""]:
        """Cloning's."""
        return cloning_loss(network, role, table)[0]
