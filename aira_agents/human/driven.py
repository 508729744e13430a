"""A policy some of whose agents a person leads by hand while the world runs."""

import jax.numpy as jnp
import numpy as np

from aira_agents.environment import Percept, Role
from aira_agents.human.helm import Orders
from aira_agents.human.veto import every_action
from aira_agents.policies.policy import AbstractPolicy, Decision, Wrapper
from aira_agents.spaces import Discrete
from aira_agents.types import Array, Bool, Int, Key, Memory


class Driven(Wrapper):
    """Decides as `policy` does, but for those who are led, and among the actions that are not forbidden.

    Who is led, where to, and what is forbidden are arrays: nothing compiles.
    """

    policy: AbstractPolicy
    led: Bool[Array, " capacity"]
    actions: Int[Array, " capacity"]  # of the role's first effector, for those who are led
    forbidden: Bool[Array, "capacity n"]  # of that effector; no columns where it acts by numbers

    @classmethod
    def by_nobody(cls, policy: AbstractPolicy, role: Role) -> "Driven":
        """Nobody is led, and nothing is forbidden."""
        space = next(iter(role.spaces.values()))
        n = len(space.names) if isinstance(space, Discrete) else 0
        nobody = jnp.zeros(role.capacity, bool)
        return cls(policy, nobody, jnp.zeros(role.capacity, jnp.int32), jnp.zeros((role.capacity, n), bool))

    def ordered(self, orders: Orders) -> "Driven":
        """Returns the same with other orders."""
        actions = jnp.asarray(orders.actions.astype(np.int32))
        return Driven(self.policy, jnp.asarray(orders.led), actions, jnp.asarray(orders.forbidden))

    def decide(self, role: Role, percept: Percept, memories: Memory, key: Key) -> tuple[Decision, Memory]:
        """Asks the policy, and does what it is told."""
        name, space = next(iter(role.spaces.items()))
        if not isinstance(space, Discrete):  # acts by numbers: keys cannot lead it
            return self.policy.decide(role, percept, memories, key)
        valid = every_action(role, percept)
        rest = valid[name] & ~self.forbidden
        valid[name] = jnp.where(jnp.any(rest, axis=-1, keepdims=True), rest, valid[name])
        decision, memories = self.policy.decide(role, Percept(percept.features, valid), memories, key)
        own = decision.actions[name]
        actions = {**decision.actions, name: jnp.where(self.led, self.actions.astype(own.dtype), own)}
        return Decision(actions, decision.log_prob), memories
