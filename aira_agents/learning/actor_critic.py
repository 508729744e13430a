"""What learners with an actor and a critic share: their state, gathering experience, and judging it.

Each learner adds how it improves the networks by a batch: `PPO` in many small steps, `Reinforce` in one.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from aira_agents.environment import Environment, Role
from aira_agents.keys import looped, straight
from aira_agents.learning.annealing import steps_done
from aira_agents.learning.clipping import clip_by_global_norm
from aira_agents.learning.collect import Worlds, begin, gather, metrics_of
from aira_agents.learning.experience import Batch, Learned, experience
from aira_agents.learning.flattening import Flattener
from aira_agents.learning.learner import Learner, Metrics, builders, copied
from aira_agents.learning.pairs import Recorder, is_recurrent, pair_builder
from aira_agents.learning.parts import Parts
from aira_agents.learning.whole import explained_variance
from aira_agents.loop import Transition
from aira_agents.policies.normalized import NormalizedPolicy, Statistics
from aira_agents.policies.policy import AbstractPolicy, Builder
from aira_agents.policies.random import RandomPolicy
from aira_agents.types import Array, Float, Int, Key

Improve = Callable[
    [Parts, Flattener, Role, Learned, Batch, optax.GradientTransformation, Key],
    tuple[Float[Array, " parameters"], Any, dict[str, Array]],
]
"""From a batch, in parts, to the new parameters, the state of the optimizer, and what is worth knowing by name."""


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
        record: The hyperparameters: those of `PPO`, or fewer; and, as `worthwhile_parts`, how many parts pay.
        environment: The world.
        networks: How to build the actors; a role that is left out acts at random.
        improve: What is done with a batch.

    Raises:
        InputError: A role does not exist, or the worlds cannot be cut into the parts.
    """

    def spread(devices: Sequence[Any]) -> Learner:
        return _learner(Setting(record, environment, networks, devices), improve)

    return spread(())._replace(spread=spread if record.n_parts != 1 else None)


class Setting:
    """What stays the same from update to update."""

    def __init__(
        self,
        record: Any,
        environment: Environment,
        networks: Builder | Mapping[str, Builder],
        devices: Sequence[Any] = (),
    ) -> None:
        self.record, self.environment = record, environment
        build = builders(environment, networks)
        self.roles = {role.name: role for role in environment.roles if role.name in build}
        self.flat = {
            name: Flattener(pair_builder(role, build[name], record.critic_width)) for name, role in self.roles.items()
        }
        worth = record.worthwhile_parts(self._most_rows, self._remembers) if devices else 1
        self.parts = Parts(record.n_parts, record.n_worlds, devices, worth=worth)

    @property
    def _most_rows(self) -> int:
        """How much an update has of the role with most agents."""
        most = max((role.capacity for role in self.roles.values()), default=0)
        return self.record.n_worlds * self.record.n_steps * most

    @property
    def _remembers(self) -> bool:
        key = jax.eval_shape(lambda: jax.random.key(0))
        memories = eqx.filter_eval_shape(
            lambda key: [flat.build(key).critic.initial_memories(1) for flat in self.flat.values()], key
        )
        return is_recurrent(memories)

    def by_role(self, key: Key) -> dict[str, Key]:
        """Returns a key for every role that learns."""
        return dict(zip(self.roles, jax.random.split(key, len(self.roles)), strict=True))

    def optimizer(self, n_updates: Int[Array, ""]) -> optax.GradientTransformation:
        """Returns Adam with the rate of this update, behind a clip."""
        record = self.record
        done = steps_done(n_updates, record.n_worlds * record.n_steps) / jnp.maximum(record.anneal_steps, 1.0)
        rate = record.learning_rate * jnp.where(record.anneal_steps > 0, jnp.maximum(1.0 - done, 0.0), 1.0)
        return optax.chain(
            clip_by_global_norm(record.max_gradient_norm),
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
    record, environment, parts = setting.record, setting.environment, setting.parts

    def init(key: Key) -> ActorCriticState:
        world_key, network_key, run_key = jax.random.split(key, 3)
        learned = {
            name: setting.begun(name, setting.roles[name], own) for name, own in setting.by_role(network_key).items()
        }
        worlds = begin(environment, setting.policies(learned), world_key, record.n_worlds)
        return copied(ActorCriticState(worlds, learned, run_key, jnp.zeros((), jnp.int32)))

    def update(state: ActorCriticState) -> tuple[ActorCriticState, Metrics]:
        acting = {name: Recorder(policy) for name, policy in setting.policies(state.learned).items()}
        worlds, transitions, sums = parts.each(
            lambda own: gather(environment, acting, own, record.n_steps), parts.cut(state.worlds)
        )
        state, told = learn(setting, state, worlds, transitions, improve)
        return state, metrics_of(parts.total(sums)) | told

    def policies(state: ActorCriticState) -> dict[str, AbstractPolicy]:
        return copied(setting.policies(state.learned))

    return Learner(
        init,
        parts.spread(update, _of_worlds),
        policies,
        record.n_worlds * record.n_steps,
        placed=functools.partial(parts.placed, apart=_of_worlds),
    )


def _of_worlds(state: ActorCriticState) -> ActorCriticState:
    """Says of every array of a state whether it has an axis of worlds."""

    def has_worlds(path: tuple[Any, ...], _: Any) -> bool:
        return any(getattr(step, "name", None) in ("worlds", "critic_memory", "fresh") for step in path)

    return jax.tree_util.tree_map_with_path(has_worlds, state)


def learn(
    setting: Setting, state: ActorCriticState, worlds: Worlds, transitions: Transition, improve: Improve
) -> tuple[ActorCriticState, Metrics]:
    """Learns from what happened since `state`, up to the moment of `worlds`; the second half of an update.

    Worlds and transitions are cut in parts.
    """
    sense_key, shuffle_key, next_key = jax.random.split(straight(state.key), 3)
    parts, environment = setting.parts, setting.environment
    keys = parts.own(jax.random.split(sense_key, setting.record.n_worlds))
    last = parts.each(jax.vmap(environment.observe), worlds.now.state, keys)
    optimizer = setting.optimizer(state.n_updates)
    learned, metrics = {}, {}
    for name, own_key in setting.by_role(shuffle_key).items():
        batch, own = _judged(setting, name, state.learned[name], transitions, last[name].features)
        vector, steps, figures = improve(parts, setting.flat[name], setting.roles[name], own, batch, optimizer, own_key)
        figures |= {"explained_variance": explained_variance(parts, batch)}
        metrics |= {f"{figure}/{name}": value for figure, value in figures.items()}
        statistics = own.statistics
        if statistics is not None:
            statistics = parts.including(statistics, transitions.percepts[name].features, batch.active)
        learned[name] = Learned(vector, steps, statistics, own.critic_memory, own.fresh)
    return ActorCriticState(parts.joined(worlds), learned, looped(next_key), state.n_updates + 1), metrics


def _judged(setting: Setting, name: str, own: Learned, transitions: Transition, last: Array) -> tuple[Batch, Learned]:
    """Returns the batch, and what was learned with the critic's memory after it."""
    parts = setting.parts

    def judge(memory: Any, fresh: Array, transitions: Transition, last: Array) -> Any:
        part = dataclasses.replace(own, critic_memory=memory, fresh=fresh)
        return experience(setting.record, setting.flat[name], part, name, transitions, last)

    batch, memory, fresh = parts.each(judge, *parts.cut((own.critic_memory, own.fresh)), transitions, last)
    memory, fresh = parts.joined((memory, fresh))
    return batch, dataclasses.replace(own, critic_memory=memory, fresh=fresh)
