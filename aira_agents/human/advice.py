"""An expert at the agent's side: what it would have done is taken down, and sometimes done in the agent's stead."""

import jax

from aira_agents.environment import Percept, Role
from aira_agents.policies.policy import AbstractPolicy, Decision, select_rows
from aira_agents.types import Array, Bool, Float, Int, Key, Memory


class AdvisedDecision(Decision):
    """A decision, and what the expert would have done."""

    advice: dict[str, Array]
    taken: Bool[Array, " capacity"]  # whether the expert acted in the agent's stead


class Advised(AbstractPolicy):
    """Decides as `policy` does, or with chance `share` as `expert` does, who is asked about the same percepts."""

    policy: AbstractPolicy
    expert: AbstractPolicy
    share: Float[Array, ""] | float = 0.0

    def decide(self, role: Role, percept: Percept, memories: Memory, key: Key) -> tuple[Decision, Memory]:
        """Decides, and takes down the advice."""
        act_key, advice_key, share_key = jax.random.split(key, 3)
        decision, own = self.policy.decide(role, percept, memories[0], act_key)
        advice, experts = self.expert.decide(role, percept, memories[1], advice_key)
        taken = jax.random.uniform(share_key, (role.capacity,)) < self.share
        actions = select_rows(taken, advice.actions, decision.actions)
        return AdvisedDecision(actions, decision.log_prob, advice.actions, taken), (own, experts)

    def initial_memories(self, capacity: int) -> Memory:
        """Both memories of birth."""
        return self.policy.initial_memories(capacity), self.expert.initial_memories(capacity)

    def renew(self, memories: Memory, fresh: Bool[Array, " capacity"], parent: Int[Array, " capacity"]) -> Memory:
        """As both do."""
        return self.policy.renew(memories[0], fresh, parent), self.expert.renew(memories[1], fresh, parent)
