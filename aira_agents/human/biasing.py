"""A mix of people and reward: a policy learned from reward, leaning toward what a person is expected to like.

What people say acts at once, and what is learned from reward whenever it is learned. Neither touches the other: to take
back what was said leaves the policy of reward as it is.
Source: Knox and Stone 2012, "Reinforcement learning from simultaneous human and MDP reward", section 3.2 (action
biasing: Q + beta H when choosing, and nowhere else).
"""

from aira_agents.policies.policy import Policy
from aira_agents.policies.value import ValuePolicy
from aira_agents.types import Array, Bool, Float, Int, Memory


class Biased(Policy):
    """Adds `weight` times the signal that a person is expected to give to what `policy` says of each action."""

    policy: Policy
    person: Policy  # TAMER's model, without a memory
    weight: Float[Array, ""]

    def __call__(self, features: Float[Array, " features"], memory: Memory) -> tuple[Float[Array, " n"], Memory]:
        """Returns the sum."""
        parameters, memory = self.policy(features, memory)
        return parameters + self.weight * self.person(features, self.person.initial_memory())[0], memory

    def initial_memory(self) -> Memory:
        """The policy's."""
        return self.policy.initial_memory()

    def initial_memories(self, capacity: int) -> Memory:
        """The policy's."""
        return self.policy.initial_memories(capacity)

    def renew(self, memories: Memory, fresh: Bool[Array, " capacity"], parent: Int[Array, " capacity"]) -> Memory:
        """As the policy does."""
        return self.policy.renew(memories, fresh, parent)


def biased(policy: Policy, person: Policy, weight: Float[Array, ""]) -> Policy:
    """Returns the policy, biased; where it acts by values, the person speaks before these are sharpened."""
    if isinstance(policy, ValuePolicy):
        return ValuePolicy(Biased(policy.values, person, weight))
    return Biased(policy, person, weight)
