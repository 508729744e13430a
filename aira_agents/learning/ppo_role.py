"""What PPO learns for one role: a policy and a critic, whose weights are one vector.

Source: Schulman et al. 2017, "Proximal policy optimization algorithms", eq. 7 and 9.
"""

from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from aira_agents.environment import Role
from aira_agents.errors import InputError
from aira_agents.learning.advantages import generalised_advantages
from aira_agents.learning.flat import Flat
from aira_agents.learning.replay import Record, is_recurrent, memory_vector, replay
from aira_agents.policies.mlp import MLPPolicy
from aira_agents.policies.normalized import NormalizedPolicy, Statistics
from aira_agents.policies.policy import Builder, Policy
from aira_agents.types import Array, Float, Key, Memory

if TYPE_CHECKING:
    from aira_agents.learning.ppo import PPO

ADAM = optax.scale_by_adam(eps=1e-5)


class RoleState(eqx.Module):
    """A policy and its critic, and how the optimizer moves."""

    weights: Float[Array, " weights"]
    optimizer: Any
    statistics: Statistics | None


class Sample(eqx.Module):
    """Rows to learn from: a record, and what the critic made of it."""

    record: Record
    advantage: Float[Array, "steps worlds capacity"]
    value_target: Float[Array, "steps worlds capacity"]


class RoleLearner:
    """The functions of one role; holds no array."""

    def __init__(self, ppo: "PPO", role: Role, build: Builder):
        """Looks at the networks that `build` makes, without making one."""
        self.ppo, self.role, self.build = ppo, role, build
        actor = eqx.filter_eval_shape(build, role.n_features, role.n_outputs, jax.random.key(0))
        self.is_recurrent = is_recurrent(actor)
        memory = jax.eval_shape(lambda: memory_vector(actor.initial_memories(1), (1,)))
        self.critic_inputs = role.n_features + memory.shape[-1]
        self.flat = Flat(eqx.filter_eval_shape(self._networks, jax.random.key(0)))
        kind, parts = ("worlds", ppo.n_worlds) if self.is_recurrent else ("steps", ppo.n_steps)
        if parts % ppo.n_minibatches:
            raise InputError(
                f"PPO deals whole {kind} into minibatches: `n_{kind}` must be a multiple of `n_minibatches`; "
                f"got {parts} and {ppo.n_minibatches}."
            )

    def _networks(self, key: Key) -> tuple[Policy, MLPPolicy]:
        actor_key, critic_key = jax.random.split(key)
        hidden = (self.ppo.critic_hidden, self.ppo.critic_hidden)
        critic = MLPPolicy.build(self.critic_inputs, 1, critic_key, hidden=hidden, final_scale=1.0)
        return self.build(self.role.n_features, self.role.n_outputs, actor_key), critic

    def init(self, key: Key) -> RoleState:
        """Draws untrained networks."""
        weights = self.flat.weights(self._networks(key))
        statistics = Statistics.unknown(self.role.n_features) if self.ppo.normalise == "yes" else None
        return RoleState(weights, ADAM.init(weights), statistics)

    def policy(self, state: RoleState) -> Policy:
        """Returns the policy that acts."""
        actor, _ = self.flat.network(state.weights)
        return actor if state.statistics is None else NormalizedPolicy(actor, state.statistics)

    def improve(
        self, state: RoleState, record: Record, last: tuple[Array, Memory], rate: Array, key: Key
    ) -> tuple[RoleState, dict[str, Array]]:
        """Learns from one record; `last` is what the agents see and remember after it."""
        statistics = state.statistics
        scale = (lambda features: features) if statistics is None else statistics.normalise
        scaled = eqx.tree_at(lambda r: (r.features, r.final), record, (scale(record.features), scale(record.final)))
        actor, critic = self.flat.network(state.weights)
        sample, values = self._judge(actor, critic, scaled, (scale(last[0]), last[1]))
        weights, optimizer, measured = self._descend(state, sample, rate, key)
        spread = jnp.var(sample.value_target, where=record.active)
        error = jnp.var(sample.value_target - values, where=record.active)
        measured["explained_variance"] = 1.0 - error / jnp.maximum(spread, 1e-8)
        if statistics is not None:
            statistics = statistics.updated(record.features, record.active)
        return RoleState(weights, optimizer, statistics), measured

    def _judge(self, actor: Policy, critic: Policy, record: Record, last: tuple[Array, Memory]) -> tuple[Sample, Array]:
        """Values every step, and returns advantages and the critic's targets."""
        features, memories = last
        following = record.final, memories
        if self.is_recurrent:
            _, after = replay(actor, record)
            following = record.final, after
        here = self._critic_input(record.features, record.memories)
        values = _value(critic, here)
        last_value = _value(critic, self._critic_input(features, memories))
        ended = record.terminated | record.truncated
        later = jnp.concatenate([values[1:], last_value[None]])
        needed = record.truncated & ~record.terminated
        # Only a world that ran out of time needs the value of its last observation: in most updates there is none.
        final = jax.lax.cond(
            jnp.any(needed),
            lambda: _value(critic, self._critic_input(*following)),
            lambda: jnp.zeros_like(values),
        )
        next_values = jnp.where(ended, final, later)
        advantage = generalised_advantages(
            record.reward,
            values,
            next_values,
            record.terminated,
            record.truncated,
            self.ppo.discount,
            self.ppo.trace_decay,
        )
        return Sample(record, advantage, advantage + values), values

    def _critic_input(self, features: Array, memories: Memory) -> Array:
        if not self.is_recurrent:
            return features
        # Memory is read, not taught: the critic's error does not reach the policy.
        remembered = jax.lax.stop_gradient(memory_vector(memories, features.shape[:-1]))
        return jnp.concatenate([features, remembered], axis=-1)

    def _descend(self, state: RoleState, sample: Sample, rate: Array, key: Key) -> tuple[Array, Any, dict[str, Array]]:
        """Takes a gradient step for every minibatch of every epoch."""
        axis, length = (1, self.ppo.n_worlds) if self.is_recurrent else (0, self.ppo.n_steps)
        # Whole steps (or, with memory, whole worlds) are dealt: permuting rows would cost more than the gradients.
        luck = jax.random.uniform(key, (self.ppo.n_epochs, length))
        deals = jnp.argsort(luck, axis=1).reshape(-1, length // self.ppo.n_minibatches)

        def step(carry: tuple[Array, Any], chosen: Array) -> tuple[tuple[Array, Any], dict[str, Array]]:
            weights, optimizer = carry
            minibatch = jax.tree.map(lambda leaf: jnp.take(leaf, chosen, axis=axis), sample)
            (_, measured), gradient = jax.value_and_grad(self._loss, has_aux=True)(weights, minibatch)
            norm = jnp.sqrt(jnp.sum(gradient**2))
            gradient = gradient * jnp.minimum(1.0, self.ppo.max_gradient_norm / jnp.maximum(norm, 1e-12))
            direction, optimizer = ADAM.update(gradient, optimizer)
            return (weights - rate * jnp.asarray(direction), optimizer), measured | {"gradient_norm": norm}

        (weights, optimizer), measured = jax.lax.scan(step, (state.weights, state.optimizer), deals)
        return weights, optimizer, {name: jnp.mean(value) for name, value in measured.items()}

    def _loss(self, weights: Array, sample: Sample) -> tuple[Array, dict[str, Array]]:
        actor, critic = self.flat.network(weights)
        record, ppo = sample.record, self.ppo
        mask = record.active.astype(jnp.float32)
        count = jnp.maximum(jnp.sum(mask), 1.0)

        def mean(values: Array) -> Array:
            return jnp.sum(values * mask) / count

        parameters, _ = replay(actor, record)
        distribution = self.role.distribution(parameters, record.valid)
        values = _value(critic, self._critic_input(record.features, record.memories))
        centred = sample.advantage - mean(sample.advantage)
        advantage = centred * jax.lax.rsqrt(mean(centred**2) + 1e-8)
        log_ratio = jnp.where(record.active, distribution.log_prob(record.actions) - record.log_prob, 0.0)
        ratio = jnp.exp(log_ratio)
        surrogate = jnp.minimum(ratio * advantage, jnp.clip(ratio, 1 - ppo.clip, 1 + ppo.clip) * advantage)
        value_loss = 0.5 * mean((values - sample.value_target) ** 2)
        entropy = mean(distribution.entropy())
        loss = -mean(surrogate) + ppo.value_weight * value_loss - ppo.entropy_weight * entropy
        return loss, {
            "loss": loss,
            "value_loss": value_loss,
            "entropy": entropy,
            "approximate_kl": mean(ratio - 1 - log_ratio),
            "clip_fraction": mean(jnp.abs(ratio - 1) > ppo.clip),
        }


def _value(critic: Policy, inputs: Float[Array, "*batch features"]) -> Float[Array, "*batch"]:
    rows = inputs.reshape(-1, inputs.shape[-1])
    return jax.vmap(lambda row: critic(row, None)[0][0])(rows).reshape(inputs.shape[:-1])
