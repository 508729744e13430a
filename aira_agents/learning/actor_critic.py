"""What learners with an actor and a critic share: their state, gathering experience, and judging it.

Each learner adds how it improves the networks by a batch: `PPO` in many small steps, `Reinforce` in one.
"""

from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from aira_agents.environment import Environment, Role
from aira_agents.learning.annealing import steps_done
from aira_agents.learning.collect import Worlds, begin, collect
from aira_agents.learning.experience import Batch, Learned, experience, explained_variance
from aira_agents.learning.flattening import Flattener
from aira_agents.learning.learner import Learner, Metrics, builders, copied
from aira_agents.learning.pairs import Recorder, pair_builder
from aira_agents.loop import Transition
from aira_agents.policies.normalized import NormalizedPolicy, Statistics
from aira_agents.policies.policy import AbstractPolicy, Builder
from aira_agents.policies.random import RandomPolicy
from aira_agents.types import Array, Float, Int, Key

Improve = Callable[
    [Flattener, Role, Learned, Batch, optax.GradientTransformation, Key],
    tuple[Float[Array, " parameters"], Any, dict[str, Array]],
]
"""From a batch to the new parameters, the state of the optimizer, and what is worth knowing: name to scalar."""


class ActorCriticState(eqx.Module):
    """All that is needed to go on."""

    worlds: Worlds
    learned: dict[str, Learned]
    key: Key
    n_updates: Int[Array, ""]


def actor_critic(
    record: Any, environment: Environment, networks: Builder | Mapping[str, Builder], improve: Improve
) -> Learner:
    """Makes a learner in which every role has an actor, a critic and an optimizer of its own.

    Args:
        record: The hyperparameters: those of `PPO`, or fewer.
        environment: The world.
        networks: How to build the actors; a role that is left out acts at random.
        improve: What is done with a batch.

    Raises:
        InputError: A role does not exist.
    """
    return _learner(Setting(record, environment, networks), improve)


class Setting:
    """What stays the same from update to update."""

    def __init__(self, record: Any, environment: Environment, networks: Builder | Mapping[str, Builder]) -> None:
        self.record, self.environment = record, environment
        build = builders(environment, networks)
        self.roles = {role.name: role for role in environment.roles if role.name in build}
        self.flat = {
            name: Flattener(pair_builder(role, build[name], record.critic_width)) for name, role in self.roles.items()
        }

    def by_role(self, key: Key) -> dict[str, Key]:
        """Returns a key for every role that learns."""
        return dict(zip(self.roles, jax.random.split(key, len(self.roles)), strict=True))

    def optimizer(self, n_updates: Int[Array, ""]) -> optax.GradientTransformation:
        """Returns Adam with the rate of this update, behind a clip."""
        record = self.record
        done = steps_done(n_updates, record.n_worlds * record.n_steps) / jnp.maximum(record.anneal_steps, 1.0)
        rate = record.learning_rate * jnp.where(record.anneal_steps > 0, jnp.maximum(1.0 - done, 0.0), 1.0)
        return optax.chain(
            optax.clip_by_global_norm(record.max_gradient_norm),
            optax.scale_by_adam(eps=1e-5),
            optax.scale_by_learning_rate(rate),
        )

    def policies(self, learned: Mapping[str, Learned]) -> dict[str, AbstractPolicy]:
        """Returns what was learned; a role that does not learn acts at random."""
        acting: dict[str, AbstractPolicy] = {role.name: RandomPolicy() for role in self.environment.roles}
        for name, own in learned.items():
            actor = self.flat[name].restore(own.vector).actor
            acting[name] = actor if own.statistics is None else NormalizedPolicy(actor, own.statistics)
        return acting

    def begun(self, name: str, role: Role, key: Key) -> Learned:
        """Returns untrained networks, and what goes with them."""
        record, flat = self.record, self.flat[name]
        pair = flat.build(key)
        vector = flat.flatten(pair)
        memory = jax.tree.map(
            lambda leaf: jnp.broadcast_to(leaf, (record.n_worlds, *leaf.shape)),
            pair.critic.initial_memories(role.capacity),
        )
        return Learned(
            vector,
            self.optimizer(jnp.zeros((), jnp.int32)).init(vector),
            Statistics.none(role.n_features) if record.normalize else None,
            memory,
            jnp.zeros((record.n_worlds, role.capacity), bool),
        )


def _learner(setting: Setting, improve: Improve) -> Learner:
    record, environment = setting.record, setting.environment

    def init(key: Key) -> ActorCriticState:
        world_key, network_key, run_key = jax.random.split(key, 3)
        learned = {
            name: setting.begun(name, setting.roles[name], own) for name, own in setting.by_role(network_key).items()
        }
        worlds = begin(environment, setting.policies(learned), world_key, record.n_worlds)
        return copied(ActorCriticState(worlds, learned, run_key, jnp.zeros((), jnp.int32)))

    def update(state: ActorCriticState) -> tuple[ActorCriticState, Metrics]:
        acting = {name: Recorder(policy) for name, policy in setting.policies(state.learned).items()}
        worlds, transitions, metrics = collect(environment, acting, state.worlds, record.n_steps)
        state, told = learn(setting, state, worlds, transitions, improve)
        return state, metrics | told

    def policies(state: ActorCriticState) -> dict[str, AbstractPolicy]:
        return copied(setting.policies(state.learned))

    return Learner(init, update, policies, record.n_worlds * record.n_steps)


def learn(
    setting: Setting, state: ActorCriticState, worlds: Worlds, transitions: Transition, improve: Improve
) -> tuple[ActorCriticState, Metrics]:
    """Learns from what happened since `state`, up to the moment of `worlds`; the second half of an update."""
    sense_key, shuffle_key, next_key = jax.random.split(state.key, 3)
    record, environment = setting.record, setting.environment
    last = jax.vmap(environment.observe)(worlds.now.state, jax.random.split(sense_key, record.n_worlds))
    optimizer = setting.optimizer(state.n_updates)
    learned, metrics = {}, {}
    for name, own_key in setting.by_role(shuffle_key).items():
        role, flat = setting.roles[name], setting.flat[name]
        batch, own, values = experience(record, flat, state.learned[name], name, transitions, last[name].features)
        vector, optimizer_state, figures = improve(flat, role, own, batch, optimizer, own_key)
        figures |= {"explained_variance": explained_variance(batch.targets, values, batch.active)}
        metrics |= {f"{figure}/{name}": value for figure, value in figures.items()}
        statistics = own.statistics
        if statistics is not None:
            statistics = statistics.including(transitions.percepts[name].features, batch.active)
        learned[name] = Learned(vector, optimizer_state, statistics, own.critic_memory, own.fresh)
    return ActorCriticState(worlds, learned, next_key, state.n_updates + 1), metrics
