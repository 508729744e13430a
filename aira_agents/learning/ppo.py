"""Proximal policy optimisation: many small steps, none too far from who gathered the experience.

Source: Schulman et al. 2017, "Proximal policy optimization algorithms", algorithm 1; details: Huang et al. 2022, "The
37 implementation details of proximal policy optimization".
"""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from aira_agents.environment import Environment, Role
from aira_agents.errors import InputError
from aira_agents.learning.advantages import generalised_advantages
from aira_agents.learning.collect import Worlds, begin, collect
from aira_agents.learning.learner import Learner, Metrics, builders, copied
from aira_agents.learning.packing import Packing
from aira_agents.learning.ppo_loss import Batch, explained_variance, gradient
from aira_agents.learning.ppo_networks import (
    Flattener,
    Recorder,
    Remembered,
    call_all,
    is_recurrent,
    pair_builder,
    recall,
)
from aira_agents.loop import Transition
from aira_agents.parameters import check_parameters, number, option, size
from aira_agents.policies.normalized import NormalizedPolicy, Statistics
from aira_agents.policies.policy import AbstractPolicy, Builder
from aira_agents.policies.random import RandomPolicy
from aira_agents.types import Array, Bool, Float, Int, Key, Memory, Number


class Learned(eqx.Module):
    """What PPO keeps for one role."""

    vector: Float[Array, " parameters"]  # actor and critic
    optimizer: Any
    statistics: Statistics | None
    critic_memory: Memory  # [worlds, capacity, ...]
    fresh: Bool[Array, "worlds capacity"]  # whose memory was renewed after the last step


class PPOState(eqx.Module):
    """All that PPO needs to go on."""

    worlds: Worlds
    learned: dict[str, Learned]
    key: Key
    n_updates: Int[Array, ""]


class PPO(eqx.Module):
    """Proximal policy optimisation for every role of a world, each with a network and an optimizer of its own.

    Feed-forward networks learn from shuffled steps, recurrent ones from whole sequences of shuffled worlds.
    """

    learning_rate: Number = number(2.5e-4, low=0, high=1, help="step of the optimizer, Adam")
    discount: Number = number(0.99, low=0, high=1, help="gamma: what a reward is worth one step later")
    trace_decay: Number = number(0.95, low=0, high=1, help="lambda of generalised advantage estimation")
    clip: Number = number(0.2, low=0, help="how far a probability ratio may move from 1")
    entropy_weight: Number = number(0.01, low=0, help="reward for staying undecided")
    value_weight: Number = number(0.5, low=0, help="weight of the critic's loss")
    max_gradient_norm: Number = number(0.5, low=0, help="global norm to which gradients are clipped")
    anneal_steps: Number = number(
        0, low=0, unit="steps", help="environment steps in which the learning rate falls to zero; 0: it never does"
    )
    n_worlds: int = size(16, help="worlds that run side by side")
    n_steps: int = size(128, unit="steps", help="steps of each world before an update")
    n_epochs: int = size(4, help="passes over the experience of an update")
    n_minibatches: int = size(4, help="parts of a pass")
    critic_width: int = size(64, unit="neurons", help="width of the critic's hidden layers")
    normalize: bool = option(False, (False, True), help="whether policies see normalised observations")

    def __check_init__(self) -> None:
        check_parameters(self)

    def learner(self, environment: Environment, networks: Builder | Mapping[str, Builder]) -> Learner:
        """Makes the learner; a role that `networks` leaves out acts at random.

        Raises:
            InputError: A role does not exist, or the experience cannot be cut into `n_minibatches`.
        """
        build = builders(environment, networks)
        roles = {role.name: role for role in environment.roles if role.name in build}
        flat = {n: Flattener(pair_builder(role, build[n], self.critic_width)) for n, role in roles.items()}
        return _learner(_Setting(self, environment, roles, flat))


class _Setting:
    """What stays the same from update to update."""

    def __init__(self, ppo: PPO, environment: Environment, roles: dict[str, Role], flat: dict[str, Flattener]) -> None:
        self.ppo, self.environment, self.roles, self.flat = ppo, environment, roles, flat

    def optimizer(self, n_updates: Int[Array, ""]) -> optax.GradientTransformation:
        ppo = self.ppo
        done = n_updates * (ppo.n_worlds * ppo.n_steps) / jnp.maximum(ppo.anneal_steps, 1.0)
        rate = ppo.learning_rate * jnp.where(ppo.anneal_steps > 0, jnp.maximum(1.0 - done, 0.0), 1.0)
        return optax.chain(
            optax.clip_by_global_norm(ppo.max_gradient_norm),
            optax.scale_by_adam(eps=1e-5),
            optax.scale_by_learning_rate(rate),
        )

    def policies(self, learned: Mapping[str, Learned]) -> dict[str, AbstractPolicy]:
        acting: dict[str, AbstractPolicy] = {role.name: RandomPolicy() for role in self.environment.roles}
        for name, own in learned.items():
            actor = self.flat[name].restore(own.vector).actor
            acting[name] = actor if own.statistics is None else NormalizedPolicy(actor, own.statistics)
        return acting


def _learner(setting: _Setting) -> Learner:
    ppo, environment = setting.ppo, setting.environment

    def init(key: Key) -> PPOState:
        world_key, network_key, run_key = jax.random.split(key, 3)
        learned = {}
        for (name, role), own_key in zip(
            setting.roles.items(), jax.random.split(network_key, len(setting.roles)), strict=True
        ):
            pair = setting.flat[name].build(own_key)
            vector = setting.flat[name].flatten(pair)
            memory = jax.tree.map(
                lambda leaf: jnp.broadcast_to(leaf, (ppo.n_worlds, *leaf.shape)),
                pair.critic.initial_memories(role.capacity),
            )
            learned[name] = Learned(
                vector,
                setting.optimizer(jnp.zeros((), jnp.int32)).init(vector),
                Statistics.none(role.n_features) if ppo.normalize else None,
                memory,
                jnp.zeros((ppo.n_worlds, role.capacity), bool),
            )
        worlds = begin(environment, setting.policies(learned), world_key, ppo.n_worlds)
        return copied(PPOState(worlds, learned, run_key, jnp.zeros((), jnp.int32)))

    def update(state: PPOState) -> tuple[PPOState, Metrics]:
        sense_key, shuffle_key, next_key = jax.random.split(state.key, 3)
        acting = {name: Recorder(policy) for name, policy in setting.policies(state.learned).items()}
        worlds, transitions, metrics = collect(environment, acting, state.worlds, ppo.n_steps)
        last = jax.vmap(environment.observe)(worlds.now.state, jax.random.split(sense_key, ppo.n_worlds))
        optimizer = setting.optimizer(state.n_updates)
        learned = {}
        for (name, role), own_key in zip(
            setting.roles.items(), jax.random.split(shuffle_key, len(setting.roles)), strict=True
        ):
            own = state.learned[name]
            flat = setting.flat[name]
            batch, own, values = _experience(ppo, flat, own, name, transitions, last[name].features)
            vector, optimizer_state, figures = _improve(ppo, flat, role, own, batch, optimizer, own_key)
            figures = {key: jnp.mean(figure) for key, figure in figures.items()} | {
                "first_ratio_error": figures["ratio_error"][0],
                "explained_variance": explained_variance(batch.targets, values, batch.active),
            }
            metrics |= {f"{key}/{name}": figure for key, figure in figures.items()}
            statistics = own.statistics
            if statistics is not None:
                statistics = statistics.including(transitions.percepts[name].features, batch.active)
            learned[name] = Learned(vector, optimizer_state, statistics, own.critic_memory, own.fresh)
        return PPOState(worlds, learned, next_key, state.n_updates + 1), metrics

    def policies(state: PPOState) -> dict[str, AbstractPolicy]:
        return copied(setting.policies(state.learned))

    return Learner(init, update, policies, ppo.n_worlds * ppo.n_steps)


def _experience(
    ppo: PPO, flat: Flattener, own: Learned, name: str, transitions: Transition, last: Array
) -> tuple[Batch, Learned, Array]:
    """Judges what happened: values, advantages, targets."""
    percepts, decision, feedback = transitions.percepts[name], transitions.decisions[name], transitions.feedback[name]
    assert transitions.final is not None and isinstance(decision, Remembered)
    features, final, fresh = percepts.features, transitions.final[name], transitions.fresh[name]
    if own.statistics is not None:
        features, final, last = (own.statistics.normalize(x) for x in (features, final, last))
    critic = flat.restore(own.vector).critic
    if is_recurrent(own.critic_memory):
        birth = jax.tree.map(jnp.zeros_like, own.critic_memory)
        values, before, after, memory = recall(critic, features, fresh, own.critic_memory, birth)
    else:
        values, before, after, memory = call_all(critic, features, None)[0][..., 0], None, None, None
    last_value = call_all(critic, last, memory)[0][..., 0]

    def judge_final() -> Array:
        return call_all(critic, final, after)[0][..., 0]

    # Time runs out in few updates: the rest need not pay for looking at what was seen last.
    timed_out = feedback.truncated & ~feedback.terminated
    final_values = jax.lax.cond(jnp.any(timed_out), judge_final, lambda: jnp.zeros_like(values))
    next_values = jnp.where(feedback.truncated, final_values, jnp.concatenate([values[1:], last_value[None]]))
    advantages = generalised_advantages(
        feedback.reward, values, next_values, feedback.terminated, feedback.truncated, ppo.discount, ppo.trace_decay
    )
    batch = Batch(
        features,
        percepts.valid,
        decision.actions,
        decision.log_prob,
        feedback.active,
        jnp.concatenate([own.fresh[None], fresh[:-1]]),
        decision.memory,
        before,
        advantages,
        advantages + values,
    )
    return batch, Learned(own.vector, own.optimizer, own.statistics, memory, fresh[-1]), values


def _improve(
    ppo: PPO, flat: Flattener, role: Role, own: Learned, batch: Batch, optimizer: Any, key: Key
) -> tuple[Array, Any, dict[str, Array]]:
    """Takes the gradient steps of an update; the figures have one entry a step."""
    axis = _shuffled_axis(ppo, is_recurrent(batch.actor_memory))
    length = batch.active.shape[axis]
    # Whole steps, or whole worlds, are shuffled: permuting every row costs more than a gradient step.
    order = jnp.argsort(jax.random.bits(key, (ppo.n_epochs, length)), axis=1)
    parts = order.reshape(ppo.n_epochs * ppo.n_minibatches, length // ppo.n_minibatches)

    packing = Packing(batch, 2)
    packed = packing.pack(batch)

    def step(carry: tuple[Array, Any], part: Array) -> tuple[tuple[Array, Any], dict[str, Array]]:
        vector, optimizer_state = carry
        minibatch = packing.unpack(tuple(jnp.take(leaf, part, axis=axis, mode="clip") for leaf in packed))
        gradients, figures = gradient(flat.restore(vector), minibatch, role, ppo)
        changes, optimizer_state = optimizer.update(flat.flatten(gradients), optimizer_state)
        return (vector + changes, optimizer_state), figures

    (vector, optimizer_state), figures = jax.lax.scan(step, (own.vector, own.optimizer), parts)
    return vector, optimizer_state, figures


def _shuffled_axis(ppo: PPO, recurrent: bool) -> int:
    if not recurrent and ppo.n_steps % ppo.n_minibatches == 0:
        return 0
    if ppo.n_worlds % ppo.n_minibatches == 0:
        return 1
    what = "`n_worlds`" if recurrent else "`n_steps` or `n_worlds`"
    raise InputError(
        f"PPO: {what} must be a multiple of `n_minibatches`; got n_worlds={ppo.n_worlds}, n_steps={ppo.n_steps}, "
        f"n_minibatches={ppo.n_minibatches}."
    )
