"""A policy some of whose agents lost a sensor or cannot move: take a part away, and see what it was good for."""

import jax.numpy as jnp

from aira_agents.environment import Percept, Role
from aira_agents.policies.policy import AbstractPolicy, Decision, Wrapper
from aira_agents.spaces import Discrete, Space
from aira_agents.types import Array, Bool, Key, Memory


class Impaired(Wrapper):
    """Asks `policy`, which sees zeros where it is blind; a frozen effector does nothing, whatever was decided.

    Both masks are arrays: taking another part away compiles nothing.
    """

    policy: AbstractPolicy
    blind: Bool[Array, "capacity features"]
    frozen: dict[str, Bool[Array, " capacity"]]  # by effector

    @classmethod
    def not_yet(cls, policy: AbstractPolicy, role: Role) -> "Impaired":
        """Nothing is taken away."""
        frozen = {name: jnp.zeros(role.capacity, bool) for name in role.spaces}
        return cls(policy, jnp.zeros((role.capacity, role.n_features), bool), frozen)

    def decide(self, role: Role, percept: Percept, memories: Memory, key: Key) -> tuple[Decision, Memory]:
        """Decides from what is left."""
        seen = Percept(jnp.where(self.blind, 0.0, percept.features), percept.valid)
        decision, memories = self.policy.decide(role, seen, memories, key)
        actions = {}
        for name, decided in decision.actions.items():
            held = self.frozen[name].reshape(-1, *([1] * (decided.ndim - 1)))
            actions[name] = jnp.where(held, still(role.spaces[name]).astype(decided.dtype), decided)
        return Decision(actions, decision.log_prob), memories


def still(space: Space) -> Array:
    """Returns what a frozen effector does: the first action of a `Discrete`, and a `Box`'s numbers nearest to zero."""
    if isinstance(space, Discrete):
        return jnp.zeros((1,), jnp.int32)
    return jnp.clip(jnp.zeros((1, len(space.names))), jnp.asarray([space.low]), jnp.asarray([space.high]))
