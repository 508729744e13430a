"""What people want, guessed from which of two clips they prefer: an ensemble of networks that give rewards to steps.

Source: Christiano et al. 2017, "Deep reinforcement learning from human preferences", section 2.2: Bradley and Terry's
model over sums of rewards, one answer in ten taken as random, members fitted to data of their own (the bootstrap, here
by Poisson weights: Oza and Russell 2001, "Online bagging and boosting", section 3), each normalised before the mean.
"""

import dataclasses
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from aira_agents.environment import Role
from aira_agents.learning.flattening import Flattener
from aira_agents.learning.replay import Replay
from aira_agents.learning.rewarded import Judgement
from aira_agents.policies.mlp import MLPPolicy
from aira_agents.spaces import Box
from aira_agents.types import Array, Bool, Float, Int, Key

RANDOM = 0.1  # share of answers that are taken to be a coin's


class Taste(eqx.Module):
    """What is known of what people want of one role."""

    vectors: Float[Array, "models parameters"]
    optimizer: Any
    answered: Replay  # pairs of clips, the answers, and how often each member counts them
    mean: Float[Array, " models"]  # of a step's reward
    std: Float[Array, " models"]


class LearnedReward(Judgement):
    """The ensemble's mean, each member shifted and scaled to mean 0 and deviation 1."""

    role: Role
    networks: MLPPolicy  # stacked
    mean: Float[Array, " models"]
    std: Float[Array, " models"]

    def __call__(
        self, features: Float[Array, "*batch features"], actions: dict[str, Array], reward: Float[Array, "*batch"]
    ) -> Float[Array, "*batch"]:
        """Does not look at what the world pays."""
        del reward
        each = rewards_of(self.networks, encoded(self.role, features, actions))
        shape = (-1,) + (1,) * (each.ndim - 1)
        return jnp.mean((each - self.mean.reshape(shape)) / self.std.reshape(shape), axis=0)


def encoded(role: Role, features: Float[Array, "*batch n"], actions: dict[str, Array]) -> Float[Array, "*batch m"]:
    """Returns what a reward network sees of a step: what the agent perceived, and what it did."""
    parts = [features]
    for name, space in role.spaces.items():
        if isinstance(space, Box):
            half_range = jnp.broadcast_to(space.half_range, actions[name].shape)
            parts.append((actions[name] - jnp.broadcast_to(space.centre, actions[name].shape)) / half_range)
        else:
            parts.append(jax.nn.one_hot(actions[name], len(space.names)))
    return jnp.concatenate(parts, axis=-1)


def encoded_size(role: Role) -> int:
    """Returns the length of what a reward network sees."""
    return role.n_features + sum(len(space.names) for space in role.spaces.values())


def rewards_of(networks: MLPPolicy, inputs: Float[Array, "*batch m"]) -> Float[Array, " models *batch"]:
    """Returns what each member of an ensemble (stacked networks) gives each step."""
    rows = inputs.reshape(-1, inputs.shape[-1])
    each = jax.vmap(lambda network: jax.vmap(lambda row: network(row, None)[0][0])(rows))(networks)
    return each.reshape(-1, *inputs.shape[:-1])


def preference(
    rewards: Float[Array, "*batch 2 steps"],
) -> Float[Array, "*batch"]:
    """Returns how probable it is that the first of two clips is preferred, by the rewards of their steps."""
    sums = jnp.sum(rewards, axis=-1)
    return jax.nn.sigmoid(sums[..., 0] - sums[..., 1])


def disagreement_with(chance: Float[Array, "*batch"], answer: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
    """Returns the cross-entropy of answers (1: the first clip, 0: the second, 1/2: equal), in nats."""
    mixed = (1.0 - RANDOM) * chance + RANDOM / 2
    return -(answer * jnp.log(mixed) + (1.0 - answer) * jnp.log1p(-mixed))


def most_disputed(chances: Float[Array, "models pairs"], allowed: Bool[Array, " pairs"], n: int) -> Int[Array, " n"]:
    """Returns the numbers of the pairs about whose answer the members differ most, the most disputed first."""
    return jax.lax.top_k(jnp.where(allowed, jnp.var(chances, axis=0), -1.0), n)[1]


class TasteModel:
    """How the taste for one role is built and learned; static."""

    def __init__(self, role: Role, record: Any) -> None:
        self.role, self.record = role, record
        width = (record.width,) * 2

        def build(key: Key) -> MLPPolicy:
            return MLPPolicy.build(encoded_size(role), 1, key, hidden=width, final_scale=1.0)

        self.flat = Flattener(build)

    def begun(self, key: Key) -> Taste:
        """Knows nothing yet."""
        vectors = jax.vmap(lambda own: self.flat.flatten(self.flat.build(own)))(
            jax.random.split(key, self.record.n_models)
        )
        pair = jnp.zeros((1, 2, self.record.clip_steps, encoded_size(self.role)))
        rows = (pair, jnp.zeros(1), jnp.zeros((1, self.record.n_models)))
        nothing = jnp.zeros(self.record.n_models)
        state = jax.vmap(self._optimizer.init)(vectors)
        return Taste(vectors, state, Replay.empty(rows, self.record.memory_size), nothing, nothing + 1.0)

    def networks(self, taste: Taste) -> MLPPolicy:
        """Returns the members, stacked."""
        return jax.vmap(self.flat.restore)(taste.vectors)

    def judgement(self, taste: Taste) -> LearnedReward:
        """Returns what learners see in place of rewards."""
        return LearnedReward(self.role, self.networks(taste), taste.mean, taste.std)

    def chances(self, taste: Taste, pairs: Float[Array, "pairs 2 steps m"]) -> Float[Array, "models pairs"]:
        """Returns each member's chance that the first clip is preferred."""
        return preference(rewards_of(self.networks(taste), pairs))

    def told(self, taste: Taste, pairs: Array, answers: Float[Array, " pairs"], key: Key) -> Taste:
        """Adds what was answered; not-a-number is no answer."""
        counts = _poisson(key, (len(answers), self.record.n_models))
        there = jnp.isfinite(answers)
        return dataclasses.replace(taste, answered=taste.answered.including((pairs, answers, counts), there))

    def learned(self, taste: Taste, key: Key) -> tuple[Taste, dict[str, Array]]:
        """Takes gradient steps toward all answers so far; returns figures too."""
        draws = taste.answered.draw(key, (self.record.n_gradients, self.record.batch_size))
        there = (taste.answered.count > 0).astype(jnp.float32)

        def loss(vector: Array, pairs: Array, answers: Array, counts: Array) -> tuple[Array, Array]:
            network = self.flat.restore(vector)
            rows = pairs.reshape(-1, pairs.shape[-1])
            rewards = jax.vmap(lambda row: network(row, None)[0][0])(rows).reshape(pairs.shape[:-1])
            chance = preference(rewards)
            right = jnp.where(answers == 0.5, 0.5, (chance > 0.5) == (answers > 0.5))
            own = jnp.sum(counts * disagreement_with(chance, answers)) / jnp.maximum(jnp.sum(counts), 1.0)
            return there * own, jnp.mean(right)

        def one(vector: Array, state: Any, counts: Array, pairs: Array, answers: Array) -> Any:
            (value, right), slope = jax.value_and_grad(loss, has_aux=True)(vector, pairs, answers, counts)
            changes, state = self._optimizer.update(slope, state, vector)
            return vector + there * jnp.asarray(changes), state, value, right

        def step(carry: tuple[Array, Any], drawn: Array) -> tuple[tuple[Array, Any], tuple[Array, Array]]:
            pairs, answers, counts = taste.answered.take(drawn)
            vectors, state, value, right = jax.vmap(one, (0, 0, 1, None, None))(*carry, counts, pairs, answers)
            return (vectors, state), (jnp.mean(value), jnp.mean(right))

        (vectors, state), (losses, right) = jax.lax.scan(step, (taste.vectors, taste.optimizer), draws)
        taste = dataclasses.replace(taste, vectors=vectors, optimizer=state)
        pairs = taste.answered.take(draws[-1])[0]
        each = rewards_of(self.networks(taste), pairs).reshape(self.record.n_models, -1)
        mean, std = there * jnp.mean(each, axis=1), jnp.std(each, axis=1)
        std = jnp.where(there * std > 1e-6, std, 1.0)
        told = {"reward_loss": jnp.mean(losses), "agreement": jnp.mean(right)}
        return dataclasses.replace(taste, mean=mean, std=std), told

    @property
    def _optimizer(self) -> optax.GradientTransformation:
        record = self.record
        return optax.chain(
            optax.scale_by_adam(),
            optax.add_decayed_weights(record.weight_decay),
            optax.scale_by_learning_rate(record.model_rate),
        )


def _poisson(key: Key, shape: tuple[int, ...]) -> Float[Array, "..."]:
    """Draws Poisson numbers of mean 1, none above 8, by inverting their distribution: JAX's own compiles slowly."""
    below = np.cumsum([math.exp(-1) / math.factorial(k) for k in range(8)], dtype=np.float32)
    drawn = jax.random.uniform(key, (*shape, 1))
    return jnp.sum(drawn > jnp.asarray(below).reshape(*(1,) * len(shape), -1), axis=-1, dtype=jnp.float32)
