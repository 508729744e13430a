"""HG-DAgger: the human takes over when the learner goes astray, and only what they then do is learned from.

DAgger asks about every step, and mixes who acts from step to step, which no person bears. Here the human alone decides
when to take over and when to let go, and drives without being interrupted.
Source: Kelly et al. 2019, "HG-DAgger: interactive imitation learning with human experts", section 3 and algorithm 1.
The authors' estimate of how much the learner doubts is left out.
"""

from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.environment import Environment, Percept, Role
from aira_agents.human.advice import AdvisedDecision
from aira_agents.human.aggregation import aggregation
from aira_agents.learning.annealing import steps_done
from aira_agents.learning.learner import Learner
from aira_agents.parameters import check_parameters, number, size
from aira_agents.policies.policy import AbstractPolicy, Builder, Decision, Policy, select_rows
from aira_agents.spaces import Box
from aira_agents.types import Array, Bool, Int, Key, Memory, Number


class HGDAgger(eqx.Module):
    """HG-DAgger for every role that has an expert, whom a simulated human asks what is right; the others act at random.

    They take over whoever has done something else for `patience` steps on end, and let go after `hold` steps.
    """

    learning_rate: Number = number(1e-3, low=0, high=1, help="step of the optimizer, Adam")
    max_gradient_norm: Number = number(1.0, low=0, help="global norm to which gradients are clipped")
    driven_steps: Number = number(
        500, low=0, unit="steps", help="environment steps at the start that the human drives: the first demonstrations"
    )
    patience: Number = number(2, low=1, whole=True, unit="steps", help="steps astray before the human takes over")
    hold: Number = number(4, low=1, whole=True, unit="steps", help="steps that they then drive")
    tolerance: Number = number(0.25, low=0, unit="half-ranges", help="what is as good as the expert's, of numbers")
    n_worlds: int = size(4, help="worlds that run side by side")
    n_steps: int = size(16, unit="steps", help="steps of each world before an update")
    n_gradients: int = size(16, help="gradient steps of an update")
    batch_size: int = size(128, help="labels in each of them, drawn from all there are")
    memory_size: int = size(50_000, help="labels that are remembered")

    def __check_init__(self) -> None:
        check_parameters(self)

    def learner(
        self,
        environment: Environment,
        networks: Builder | Mapping[str, Builder],
        *,
        experts: Mapping[str, AbstractPolicy] | None = None,
    ) -> Learner:
        """Makes the learner; takes and raises what `aggregation` does."""

        def accompany(network: Policy, expert: AbstractPolicy, n_updates: Array) -> AbstractPolicy:
            drives = steps_done(n_updates, self.n_worlds * self.n_steps) < self.driven_steps
            return Gated(network, expert, self.patience, self.hold, self.tolerance, drives)

        return aggregation(self, environment, networks, experts, accompany, lambda decision: decision.taken)


class Watched(eqx.Module):
    """What agents remember, what their expert does, and what the human who watches has in mind of each."""

    own: Memory
    expert: Memory
    astray: Int[Array, " capacity"]  # steps on end
    held: Int[Array, " capacity"]  # steps that the human will still drive


class Gated(AbstractPolicy):
    """Decides as `policy` does, but for those whom the human drives as `expert` would."""

    policy: AbstractPolicy
    expert: AbstractPolicy
    patience: Int[Array, ""]
    hold: Int[Array, ""]
    tolerance: Array
    drives: Bool[Array, ""]  # whether the human drives everybody

    def decide(self, role: Role, percept: Percept, memories: Watched, key: Key) -> tuple[AdvisedDecision, Watched]:
        """Asks both, and lets the human take over or let go."""
        own_key, expert_key = jax.random.split(key)
        decision, own = self.policy.decide(role, percept, memories.own, own_key)
        advice, expert = self.expert.decide(role, percept, memories.expert, expert_key)
        astray = jnp.where(self._differ(role, decision, advice), memories.astray + 1, 0)
        held = jnp.where((memories.held == 0) & (astray >= self.patience), self.hold, memories.held)
        taken = (held > 0) | self.drives
        actions = select_rows(taken, advice.actions, decision.actions)
        memories = Watched(own, expert, jnp.where(held > 0, 0, astray), jnp.maximum(held - 1, 0))
        return AdvisedDecision(actions, decision.log_prob, advice.actions, taken), memories

    def _differ(self, role: Role, decision: Decision, advice: Decision) -> Bool[Array, " capacity"]:
        differ = jnp.zeros(role.capacity, bool)
        for name, space in role.spaces.items():
            one, other = decision.actions[name], advice.actions[name]
            if isinstance(space, Box):
                apart = jnp.abs(one - other) / jnp.broadcast_to(space.half_range, one.shape)
                differ |= jnp.any(apart > self.tolerance, axis=-1)
            else:
                differ |= one != other
        return differ

    def initial_memories(self, capacity: int) -> Watched:
        """Both memories of birth; nobody has gone astray."""
        nothing = jnp.zeros(capacity, jnp.int32)
        return Watched(self.policy.initial_memories(capacity), self.expert.initial_memories(capacity), nothing, nothing)

    def renew(self, memories: Watched, fresh: Bool[Array, " capacity"], parent: Int[Array, " capacity"]) -> Watched:
        """As both do; the human begins anew with the newborn."""
        return Watched(
            self.policy.renew(memories.own, fresh, parent),
            self.expert.renew(memories.expert, fresh, parent),
            jnp.where(fresh, 0, memories.astray),
            jnp.where(fresh, 0, memories.held),
        )
