"""Proximal policy optimisation: for one agent or many, one role or several, with or without memory.

Source: Schulman et al. 2017, "Proximal policy optimization algorithms", eq. 7 and 9; details: Huang et al. 2022,
"The 37 implementation details of proximal policy optimization". Time limits bootstrap from the last observation.
"""

from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.environment import Environment, by_role
from aira_agents.learning.collect import Worlds, begin, collect
from aira_agents.learning.learner import Learner, Metrics, builders, copied
from aira_agents.learning.ppo_role import RoleLearner, RoleState
from aira_agents.learning.replay import record
from aira_agents.parameters import check_parameters, number, option, size
from aira_agents.policies.policy import AbstractPolicy, Builder
from aira_agents.policies.random import RandomPolicy
from aira_agents.types import Array, Float, Int, Key


class PPOState(eqx.Module):
    """Everything that learning goes on from."""

    roles: dict[str, RoleState]
    worlds: Worlds
    key: Key
    n_updates: Int[Array, ""]


class PPO(eqx.Module):
    """Hyperparameters. The defaults are those that are usual for control from a few numbers."""

    n_worlds: int = size(16, high=1_000_000, help="worlds that run side by side")
    n_steps: int = size(128, high=100_000, unit="steps", help="steps of each world between two updates")
    n_epochs: int = size(4, high=1000, help="times that an update goes through its experience")
    n_minibatches: int = size(4, high=10_000, help="parts of the experience, each with a gradient step of its own")
    critic_hidden: int = size(64, high=10_000, help="neurons in each of the critic's two layers")
    normalise: str = option("no", ("no", "yes"), help="scale features to mean zero and deviation one")
    learning_rate: Float[Array, ""] = number(5e-4, low=0, high=1, help="step size of Adam")
    anneal_updates: Float[Array, ""] = number(0, low=0, help="updates in which the step size falls to zero; 0: never")
    discount: Float[Array, ""] = number(0.99, low=0, high=1, help="worth of a reward one step later (gamma)")
    trace_decay: Float[Array, ""] = number(0.95, low=0, high=1, help="lambda of generalised advantages")
    clip: Float[Array, ""] = number(0.2, low=0, high=10, help="how far a probability ratio may move from 1")
    value_weight: Float[Array, ""] = number(0.5, low=0, help="weight of the critic's error")
    entropy_weight: Float[Array, ""] = number(0.01, low=0, help="weight of the policy's entropy")
    max_gradient_norm: Float[Array, ""] = number(0.5, low=0, help="longer gradients are scaled to this norm")

    def __check_init__(self) -> None:
        check_parameters(self)

    def learner(self, environment: Environment, networks: Builder | Mapping[str, Builder]) -> Learner:
        """Returns the learner of all roles that `networks` names; the others act at random.

        Raises:
            InputError: A role does not exist, or the steps or worlds cannot be dealt into minibatches.
            IncompatiblePolicyError: A network does not fit its role.
        """
        wanted = builders(environment, networks)
        learners = {
            role.name: RoleLearner(self, role, wanted[role.name]) for role in environment.roles if role.name in wanted
        }

        def acting(roles: dict[str, RoleState]) -> dict[str, AbstractPolicy]:
            fallback: dict[str, AbstractPolicy] = by_role(environment, lambda role: RandomPolicy())
            return fallback | {name: learners[name].policy(own) for name, own in roles.items()}

        def init(key: Key) -> PPOState:
            state_key, worlds_key, *role_keys = jax.random.split(key, 2 + len(learners))
            own_keys = zip(learners.items(), role_keys, strict=True)
            roles = {name: learner.init(role_key) for (name, learner), role_key in own_keys}
            worlds = begin(environment, acting(roles), worlds_key, self.n_worlds)
            return copied(PPOState(roles, worlds, state_key, jnp.zeros((), jnp.int32)))

        def update(state: PPOState) -> tuple[PPOState, Metrics]:
            next_key, look_key, *role_keys = jax.random.split(state.key, 2 + len(learners))
            policies = acting(state.roles)
            worlds, records, metrics = collect(
                environment,
                policies,
                state.worlds,
                self.n_steps,
                lambda t: {name: record(t, learner.role) for name, learner in learners.items()},
            )
            now = worlds.now
            seen = jax.vmap(environment.observe)(now.state, jax.random.split(look_key, self.n_worlds))
            rate = self.learning_rate * self._annealing(state.n_updates)
            roles = {}
            for (name, learner), role_key in zip(learners.items(), role_keys, strict=True):
                last = (seen[name].features, now.memories[name])
                roles[name], own = learner.improve(state.roles[name], records[name], last, rate, role_key)
                metrics |= {f"{metric}/{name}": value for metric, value in own.items()}
            return PPOState(roles, worlds, next_key, state.n_updates + 1), metrics

        def policies(state: PPOState) -> dict[str, AbstractPolicy]:
            return copied(acting(state.roles))

        return Learner(init, update, policies, self.n_worlds * self.n_steps)

    def _annealing(self, n_updates: Array) -> Array:
        left = 1.0 - n_updates / jnp.maximum(self.anneal_updates, 1.0)
        return jnp.where(self.anneal_updates > 0, jnp.maximum(left, 0.0), 1.0)
