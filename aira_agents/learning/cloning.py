"""Behaviour cloning: a network learns to do what was done in recorded data.

Source: Pomerleau 1989, "ALVINN: an autonomous land vehicle in a neural network"; as maximum likelihood: Ross and
Bagnell 2010, "Efficient reductions for imitation learning", section 2.
"""

from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.data.dataset import Dataset
from aira_agents.data.samples import Samples, Sequences, rows, sequences
from aira_agents.environment import Environment, Role
from aira_agents.errors import IncompatiblePolicyError
from aira_agents.learning.flattening import Flattener
from aira_agents.learning.learner import Learner
from aira_agents.learning.likelihood import figures, log_likelihood, mean_over, outputs_in_order, outputs_of
from aira_agents.learning.minibatches import Minibatches
from aira_agents.learning.offline import (
    Studied,
    descend,
    has_memory,
    mean_reward,
    needs_data,
    offline_learner,
    optimizer,
)
from aira_agents.parameters import check_parameters, number, option, size
from aira_agents.policies.normalized import NormalizedPolicy, Statistics
from aira_agents.policies.policy import AbstractPolicy, Builder, Policy
from aira_agents.types import Array, Int, Key, Number


class BehaviourCloning(eqx.Module):
    """Behaviour cloning for every role of a world, each with a network and an optimizer of its own.

    Networks without memory learn from loose decisions, others from whole episodes in order. Of the metrics that every
    learner reports, `reward` is what was earned in the data; nobody lives, so returns are not-a-number.
    """

    learning_rate: Number = number(1e-3, low=0, high=1, help="step of the optimizer, Adam")
    max_gradient_norm: Number = number(1.0, low=0, help="global norm to which gradients are clipped")
    batch_size: int = size(1024, help="decisions in a gradient step; of networks with a memory: in whole episodes")
    n_minibatches: int = size(16, help="gradient steps in an update")
    normalize: bool = option(False, (False, True), help="whether policies see normalised observations")

    def __check_init__(self) -> None:
        check_parameters(self)

    def learner(
        self,
        environment: Environment,
        networks: Builder | Mapping[str, Builder],
        demonstrations: Dataset | None = None,
    ) -> Learner:
        """Makes the learner; a role that `networks` leaves out acts at random.

        Args:
            environment: The world; only its roles matter.
            networks: How to build them, for all roles or by role.
            demonstrations: What to learn from. Without, the learner can be initialised but not updated: to load
                policies that it made.

        Raises:
            InputError: A role does not exist, or the demonstrations are of another world, or hold none of a role.
        """
        return offline_learner(self, environment, networks, demonstrations, _Student)


class _Student:
    """What stays the same for one role: how its network is built, and what it learns from."""

    def __init__(self, cloning: BehaviourCloning, role: Role, build: Builder, data: Dataset | None) -> None:
        self.cloning, self.role = cloning, role
        self.flat = Flattener(lambda key: build(role.n_features, role.n_outputs, key))
        self.in_order = has_memory(role, build)
        self.minibatches = self.statistics = None
        self.reward = 0.0
        if data is None:
            return
        samples = rows(data, role.name)
        self.reward = mean_reward(data, role.name)
        if cloning.normalize:
            all_ = jnp.ones(len(samples.weight), bool)
            self.statistics = Statistics.none(role.n_features).including(jnp.asarray(samples.features), all_)
        if self.in_order:
            per_episode = -(-len(samples.weight) // len(data))
            self.minibatches = Minibatches(sequences(data, role.name), max(1, cloning.batch_size // per_episode))
        else:
            self.minibatches = Minibatches(samples, cloning.batch_size)

    def init(self, key: Key) -> Studied:
        vector = self.flat.flatten(self.flat.build(key))
        statistics = self.statistics
        if self.cloning.normalize and statistics is None:
            statistics = Statistics.none(self.role.n_features)
        return Studied(vector, optimizer(self.cloning).init(vector), statistics)

    def policy(self, own: Studied) -> Policy:
        return self._network(own.vector, own.statistics)

    def _network(self, vector: Array, statistics: Statistics | None) -> Policy:
        network = self.flat.restore(vector)
        return network if statistics is None else NormalizedPolicy(network, statistics)

    def improve(self, own: Studied, key: Key, step: Int[Array, ""]) -> tuple[Studied, dict[str, Array]]:
        if self.minibatches is None:
            raise needs_data("Behaviour cloning")
        batch = self.minibatches(key, step)
        return descend(self.cloning, lambda v: cloning_loss(self._network(v, own.statistics), self.role, batch), own)


def cloning_loss(network: Policy, role: Role, batch: Samples | Sequences) -> tuple[Array, dict[str, Array]]:
    """Returns the mean negative log-likelihood of what was done, weighted, in nats; and figures beside it."""
    if isinstance(batch, Sequences):
        outputs, samples = outputs_in_order(network, batch), batch.samples
    else:
        outputs, samples = outputs_of(network, batch), batch
    loss = -mean_over(jnp.asarray(samples.weight), log_likelihood(outputs, role, samples))
    return loss, {"loss": loss, **figures(outputs, role, samples)}


def judge(
    policies: Mapping[str, AbstractPolicy], environment: Environment, data: Dataset
) -> dict[str, dict[str, float]]:
    """Returns for each role that has a network how well it foretells `data`: `loss` in nats, `accuracy`, `error`.

    Raises:
        InputError: The data are of another world, or hold nothing of a role.
        IncompatiblePolicyError: No role has a network.
    """
    data.check_fits(environment)
    judged = {}
    for role in environment.roles:
        policy = policies.get(role.name)
        if isinstance(policy, Policy):
            remembers = bool(jax.tree.leaves(policy.initial_memories(role.capacity)))
            batch = (sequences if remembers else rows)(data, role.name)
            told = _judge(policy, role, jax.tree.map(jnp.asarray, batch))
            judged[role.name] = {name: float(figure) for name, figure in told.items()}
    if not judged:
        raise IncompatiblePolicyError("Only networks can be judged by data: give one for at least one role.")
    return judged


@eqx.filter_jit
def _judge(policy: Policy, role: Role, batch: Samples | Sequences) -> dict[str, Array]:
    return cloning_loss(policy, role, batch)[1]
