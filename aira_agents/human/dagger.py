"""DAgger: the expert says what it would have done where the learner goes, and the learner copies that.

Cloning learns only of situations that the expert gets into, and errs ever more once it has strayed. Here the learner
acts, more and more by itself, and every situation it gets into is labelled.
Source: Ross, Gordon and Bagnell 2011, "A reduction of imitation learning and structured prediction to no-regret online
learning", algorithm 3.1.
"""

from collections.abc import Mapping

import equinox as eqx
import jax.numpy as jnp

from aira_agents.environment import Environment
from aira_agents.human.advice import Advised
from aira_agents.human.aggregation import aggregation
from aira_agents.learning.annealing import annealed
from aira_agents.learning.learner import Learner
from aira_agents.parameters import check_parameters, number, size
from aira_agents.policies.policy import AbstractPolicy, Builder, Policy
from aira_agents.types import Array, Number


class DAgger(eqx.Module):
    """Dataset aggregation for every role that has an expert; the others act at random."""

    learning_rate: Number = number(1e-3, low=0, high=1, help="step of the optimizer, Adam")
    max_gradient_norm: Number = number(1.0, low=0, help="global norm to which gradients are clipped")
    share_start: Number = number(1.0, low=0, high=1, help="beta: share of steps that the expert takes at the start")
    share_steps: Number = number(
        2000, low=0, unit="steps", help="environment steps in which that share falls to zero; 0: the learner acts alone"
    )
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
        """Makes the learner; takes and raises what `aggregation` does: `experts` are asked about every step."""

        def accompany(network: Policy, expert: AbstractPolicy, n_updates: Array) -> AbstractPolicy:
            per_update = self.n_worlds * self.n_steps
            return Advised(network, expert, annealed(self.share_start, 0.0, self.share_steps, n_updates, per_update))

        return aggregation(
            self, environment, networks, experts, accompany, lambda decision: jnp.ones_like(decision.taken)
        )
