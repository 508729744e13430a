"""Advantage-weighted regression, offline: cloning in which what went better than expected counts for more.

Source: Peng et al. 2019, "Advantage-weighted regression: simple and scalable off-policy reinforcement learning",
algorithm 1 with a fixed dataset (section 5.3): the critic regresses on TD(lambda) returns, the actor on actions
weighted by exp(advantage / temperature), cut off at a maximum. As in the authors' code, advantages are normalised.
"""

from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.data.dataset import Dataset
from aira_agents.data.samples import Sequences, sequences
from aira_agents.environment import Environment, Role
from aira_agents.learning.advantages import generalised_advantages
from aira_agents.learning.flattening import Flattener
from aira_agents.learning.learner import Learner
from aira_agents.learning.likelihood import figures, log_likelihood, mean_over, outputs_in_order
from aira_agents.learning.minibatches import Minibatches
from aira_agents.learning.offline import Studied, descend, mean_reward, needs_data, offline_learner, optimizer
from aira_agents.learning.pairs import Pair, call_all
from aira_agents.parameters import check_parameters, number, size
from aira_agents.policies.mlp import MLPPolicy
from aira_agents.policies.policy import Builder, Policy
from aira_agents.types import Array, Int, Key, Number


class AWR(eqx.Module):
    """Offline advantage-weighted regression for every role of a world.

    It can do better than whoever is in the data, by preferring what turned out well. It learns from whole episodes;
    the critic sees one step at a time.
    """

    learning_rate: Number = number(1e-3, low=0, high=1, help="step of the optimizer, Adam")
    max_gradient_norm: Number = number(1.0, low=0, help="global norm to which gradients are clipped")
    discount: Number = number(0.99, low=0, high=1, help="gamma: what a reward is worth one step later")
    trace_decay: Number = number(0.95, low=0, high=1, help="lambda of the returns")
    temperature: Number = number(1.0, low=1e-3, help="beta: the lower, the more only the best counts")
    max_weight: Number = number(20.0, low=1, help="the most that a decision can count for")
    value_weight: Number = number(0.5, low=0, help="weight of the critic's loss")
    batch_size: int = size(4096, help="decisions in a gradient step, in whole episodes")
    n_minibatches: int = size(16, help="gradient steps in an update")
    critic_width: int = size(64, unit="neurons", help="width of the critic's hidden layers")

    def __check_init__(self) -> None:
        check_parameters(self)

    def learner(
        self,
        environment: Environment,
        networks: Builder | Mapping[str, Builder],
        demonstrations: Dataset | None = None,
    ) -> Learner:
        """Makes the learner; takes and raises what `BehaviourCloning.learner` does."""
        return offline_learner(self, environment, networks, demonstrations, _Student)


class _Student:
    """What stays the same for one role."""

    def __init__(self, awr: AWR, role: Role, build: Builder, data: Dataset | None) -> None:
        self.awr, self.role, self.minibatches, self.reward = awr, role, None, 0.0
        width = (awr.critic_width,) * 2

        def build_pair(key: Key) -> Pair:
            actor_key, critic_key = jax.random.split(key)
            critic = MLPPolicy.build(role.n_features, 1, critic_key, hidden=width, final_scale=1.0)
            return Pair(build(role.n_features, role.n_outputs, actor_key), critic)

        self.flat = Flattener(build_pair)
        if data is not None:
            all_ = sequences(data, role.name)
            per_episode = max(1, int(all_.active.sum()) // len(data))
            self.minibatches = Minibatches(all_, max(1, awr.batch_size // per_episode))
            self.reward = mean_reward(data, role.name)

    def init(self, key: Key) -> Studied:
        vector = self.flat.flatten(self.flat.build(key))
        return Studied(vector, optimizer(self.awr).init(vector))

    def policy(self, own: Studied) -> Policy:
        return self.flat.restore(own.vector).actor

    def improve(self, own: Studied, key: Key, step: Int[Array, ""]) -> tuple[Studied, dict[str, Array]]:
        if self.minibatches is None:
            raise needs_data("Advantage-weighted regression")
        batch = self.minibatches(key, step)
        return descend(self.awr, lambda v: awr_loss(self.flat.restore(v), self.role, batch, self.awr), own)


def awr_loss(pair: Pair, role: Role, batch: Sequences, awr: AWR) -> tuple[Array, dict[str, Array]]:
    """Returns what AWR minimises, and figures beside it."""
    samples, counts = batch.samples, jnp.asarray(batch.samples.weight)
    values = call_all(pair.critic, jnp.asarray(samples.features), None)[0][..., 0]
    advantages = jax.lax.stop_gradient(_advantages(pair, batch, values, awr))
    value_loss = 0.5 * mean_over(counts, (values - jax.lax.stop_gradient(values) - advantages) ** 2)
    weights = jnp.exp(_normalized(advantages, counts > 0) / awr.temperature)
    weights = jnp.minimum(weights, awr.max_weight)
    outputs = outputs_in_order(pair.actor, batch)
    actor_loss = -mean_over(counts, weights * log_likelihood(outputs, role, samples))
    told = {"loss": actor_loss, "value_loss": value_loss, "weight": mean_over(counts, weights)}
    return actor_loss + awr.value_weight * value_loss, told | figures(outputs, role, samples)


def _normalized(x: Array, active: Array) -> Array:
    """Shifts and scales to mean 0 and deviation 1 over active rows; the others become 0."""
    count = jnp.maximum(jnp.sum(active), 1.0)
    mean = jnp.sum(jnp.where(active, x, 0.0)) / count
    centred = jnp.where(active, x - mean, 0.0)
    return centred / (jnp.sqrt(jnp.sum(centred**2) / count) + 1e-8)


def _advantages(pair: Pair, batch: Sequences, values: Array, awr: AWR) -> Array:
    final = call_all(pair.critic, jnp.asarray(batch.final), None)[0]  # [episodes, capacity, 1]
    following = jnp.concatenate([values[:, 1:], jnp.zeros_like(values[:, :1])], axis=1)
    next_values = jnp.where(batch.truncated, jnp.moveaxis(final, 2, 1), following)
    # Steps first; rows where nobody lives cut the trace, so that no life is judged by another's.
    reward, before, after, terminated, truncated, active = (
        jnp.moveaxis(jnp.asarray(x), 1, 0)
        for x in (batch.reward, values, next_values, batch.terminated, batch.truncated, batch.active)
    )
    found = generalised_advantages(
        jnp.where(active, reward, 0.0), before, after, terminated | ~active, truncated, awr.discount, awr.trace_decay
    )
    return jnp.moveaxis(found, 0, 1)
