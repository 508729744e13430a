"""COACH: a signal says how much better an action was than what the agent usually does, so the policy moves by it.

People praise what is news and stop when it is not. Such signals depend on the policy, as an advantage does; a model of
them, as in TAMER, would unlearn.
Source: MacGlashan et al. 2017, "Interactive learning from policy-dependent human feedback", section 4 and algorithm 1
(real-time COACH); the fixed delay there is a window here.
"""

from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from aira_agents.environment import Environment, Role
from aira_agents.human.signals import Lessons
from aira_agents.human.teacher import Teacher
from aira_agents.human.teaching import Taught, Teaching
from aira_agents.learning.flattening import Flattener
from aira_agents.learning.learner import Learner
from aira_agents.parameters import check_parameters, number, size
from aira_agents.policies.policy import AbstractPolicy, Builder, Policy
from aira_agents.types import Array, Key, Number


class COACH(eqx.Module):
    """COACH for one role."""

    learning_rate: Number = number(0.05, low=0, high=10, help="step along the gradient")
    trace_decay: Number = number(0.0, low=0, high=1, help="lambda: share of a step's credit that the one before gets")
    low_s: Number = number(0.2, low=0, high=60, unit="s", help="shortest delay of the person, as the learner believes")
    high_s: Number = number(0.8, low=0, high=60, unit="s", help="longest delay; both 0: no window")
    step_s: Number = number(0.2, low=1e-3, high=60, unit="s", help="how long a step is shown")
    max_gradient_norm: Number = number(1.0, low=0, help="global norm to which gradients are clipped")
    n_worlds: int = size(1, help="worlds that are watched side by side")
    n_steps: int = size(8, unit="steps", help="steps of each world before an update")
    inbox_size: int = size(64, help="signals of people that one update takes")

    def __check_init__(self) -> None:
        check_parameters(self)

    def learner(
        self,
        environment: Environment,
        networks: Builder | Mapping[str, Builder],
        *,
        experts: Mapping[str, AbstractPolicy] | None = None,
        teacher: Teacher | None = None,
        role: str | None = None,
    ) -> Learner:
        """Makes the learner; arguments and errors are those of `TAMER.learner`, and the network is a policy."""
        teaching = Teaching(self, environment, networks, experts, teacher, role)
        optimizer = climbing(self.learning_rate, self.max_gradient_norm)

        def begun(vector: Array) -> Taught:
            return Taught(vector, optimizer.init(vector), None)

        def learn(taught: Taught, given: Lessons, key: Key) -> tuple[Taught, dict[str, Array]]:
            del key  # every lesson counts once, when it comes
            return coached(optimizer, taught, given, teaching.flat, teaching.role)

        return teaching.learner(begun, _itself, learn, _itself)


def climbing(learning_rate: Number, max_norm: Number | float) -> optax.GradientTransformation:
    """Returns steps along the gradient, clipped to a global norm."""
    return optax.chain(optax.clip_by_global_norm(max_norm), optax.scale_by_learning_rate(learning_rate))


def coached(
    optimizer: optax.GradientTransformation, taught: Taught, given: Lessons, flat: Flattener, role: Role
) -> tuple[Taught, dict[str, Array]]:
    """Goes one step along the gradient of all that was said."""
    network = flat.restore(taught.vector)
    loss, gradients = eqx.filter_value_and_grad(disapproval)(network, given, role)
    changes, optimizer_state = optimizer.update(flat.flatten(gradients), taught.optimizer)
    return Taught(taught.vector + jnp.asarray(changes), optimizer_state, None), {"loss": loss}


def disapproval(network: Policy, given: Lessons, role: Role) -> Array:
    """Returns what falls as actions that were praised become more probable, and those that were blamed less so."""
    ask = jax.vmap(jax.vmap(lambda features: network(features, network.initial_memory())[0]))
    log_prob = role.distribution(ask(given.features), given.valid).log_prob(given.actions)
    return -jnp.sum(jnp.where(given.credit > 0, given.credit * given.value * log_prob, 0.0))


def _itself(network: Policy) -> AbstractPolicy:
    return network
