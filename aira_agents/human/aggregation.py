"""Dataset aggregation: an expert says what they would have done where the learner goes, and the learner copies that.

What `DAgger` and `HGDAgger` share. They differ in who acts, and in which steps are taken down.
Source: Ross, Gordon and Bagnell 2011, "A reduction of imitation learning and structured prediction to no-regret online
learning", algorithm 3.1.
"""

from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.data.samples import Samples
from aira_agents.environment import Environment, Role
from aira_agents.errors import IncompatiblePolicyError, InputError, unknown_name
from aira_agents.human.advice import AdvisedDecision
from aira_agents.learning.collect import Worlds, begin, collect
from aira_agents.learning.flattening import Flattener
from aira_agents.learning.learner import Learner, Metrics, builders, copied
from aira_agents.learning.likelihood import log_likelihood, mean_over, outputs_of
from aira_agents.learning.offline import Studied, descend, has_memory, optimizer
from aira_agents.learning.replay import Replay
from aira_agents.loop import Transition
from aira_agents.policies.policy import AbstractPolicy, Builder, Policy
from aira_agents.policies.random import RandomPolicy
from aira_agents.types import Array, Bool, Int, Key

Accompany = Callable[[Policy, AbstractPolicy, Int[Array, ""]], AbstractPolicy]
"""From a learner's network, its expert and the updates done to who acts; decisions are `AdvisedDecision`."""


class Pupil(eqx.Module):
    """What is kept of one role."""

    studied: Studied
    labels: Replay  # situations, and what the expert would have done in them


class AggregationState(eqx.Module):
    """All that is needed to go on."""

    worlds: Worlds
    pupils: dict[str, Pupil]
    key: Key
    n_updates: Int[Array, ""]


def aggregation(
    record: Any,
    environment: Environment,
    networks: Builder | Mapping[str, Builder],
    experts: Mapping[str, AbstractPolicy] | None,
    accompany: Accompany,
    labelled: Callable[[AdvisedDecision], Bool[Array, "*worlds capacity"]],
) -> Learner:
    """Makes a learner of every role that has an expert; the others act at random.

    Args:
        record: The hyperparameters: those of `DAgger`, but for who acts.
        environment: The world.
        networks: How to build them, for all roles or by role.
        experts: Role to who labels. Without, the learner can be initialised but not updated: to load policies that it
            made.
        accompany: Who acts.
        labelled: Which steps are taken down, of agents that live.

    Raises:
        InputError: A role does not exist.
        IncompatiblePolicyError: A network has a memory.
    """
    roles = {role.name: role for role in environment.roles}
    for name in experts or {}:
        if name not in roles:
            raise unknown_name("role", name, roles)
    build = builders(environment, networks)
    taught = {name: (roles[name], build[name]) for name in (experts or build)}
    course = _Course(record, environment, taught, experts or {}, accompany, labelled)
    return Learner(course.init, course.update, course.policies, record.n_worlds * record.n_steps)


class _Course:
    """The functions of the learner, and what they share."""

    def __init__(
        self,
        record: Any,
        environment: Environment,
        taught: dict[str, tuple[Role, Builder]],
        experts: Mapping[str, AbstractPolicy],
        accompany: Accompany,
        labelled: Callable[[AdvisedDecision], Array],
    ) -> None:
        self.record, self.environment, self.experts = record, environment, experts
        self.accompany, self.labelled = accompany, labelled
        self.roles = {name: role for name, (role, _) in taught.items()}
        self.flat = {}
        for name, (role, build) in taught.items():
            if has_memory(role, build):
                raise IncompatiblePolicyError(
                    f"{type(record).__name__} draws single steps from its labels, so it cannot train a network with a "
                    f"memory; role {name!r} has one. Use `mlp` or `conv`."
                )
            self.flat[name] = Flattener(lambda key, role=role, build=build: build(role.n_features, role.n_outputs, key))

    def init(self, key: Key) -> AggregationState:
        world_key, network_key, run_key = jax.random.split(key, 3)
        pupils = {}
        for (name, flat), own_key in zip(self.flat.items(), jax.random.split(network_key, len(self.flat)), strict=True):
            vector = flat.flatten(flat.build(own_key))
            rows = tuple(jax.tree.leaves(self._example(name)))
            labels = Replay.empty(rows, self.record.memory_size)
            pupils[name] = Pupil(Studied(vector, optimizer(self.record).init(vector)), labels)
        zero = jnp.zeros((), jnp.int32)
        worlds = begin(self.environment, self._watched(pupils, zero), world_key, self.record.n_worlds)
        return copied(AggregationState(worlds, pupils, run_key, zero))

    def update(self, state: AggregationState) -> tuple[AggregationState, Metrics]:
        if not self.experts:
            raise InputError(
                f"{type(self.record).__name__} needs somebody to ask: give `learner(..., experts={{role: policy}})`."
            )
        learn_key, next_key = jax.random.split(state.key)
        acting = self._watched(state.pupils, state.n_updates)
        worlds, kept, metrics = collect(self.environment, acting, state.worlds, self.record.n_steps, self._kept)
        pupils = {}
        for (name, own), own_key in zip(state.pupils.items(), jax.random.split(learn_key, len(self.flat)), strict=True):
            samples, active, taken = kept[name]
            metrics[f"expert_share/{name}"] = jnp.sum(taken) / jnp.maximum(jnp.sum(active), 1.0)
            rows = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[3:]), samples)
            labels = own.labels.including(tuple(jax.tree.leaves(rows)), rows.weight > 0)
            pupils[name], loss = self._studied(name, Pupil(own.studied, labels), jax.tree.structure(rows), own_key)
            metrics[f"loss/{name}"] = loss
        return AggregationState(worlds, pupils, next_key, state.n_updates + 1), metrics

    def policies(self, state: AggregationState) -> dict[str, AbstractPolicy]:
        acting: dict[str, AbstractPolicy] = {role.name: RandomPolicy() for role in self.environment.roles}
        return copied(acting | {n: self.flat[n].restore(own.studied.vector) for n, own in state.pupils.items()})

    def _studied(self, name: str, own: Pupil, structure: Any, key: Key) -> tuple[Pupil, Array]:
        role, labels = self.roles[name], own.labels

        def step(studied: Studied, drawn: Array) -> tuple[Studied, Array]:
            batch: Samples = jax.tree.unflatten(structure, labels.take(drawn))

            def loss(vector: Array) -> tuple[Array, dict[str, Array]]:
                outputs = outputs_of(self.flat[name].restore(vector), batch)
                unlikely = -mean_over(jnp.asarray(batch.weight), log_likelihood(outputs, role, batch))
                return unlikely, {"loss": unlikely}

            studied, told = descend(self.record, loss, studied)
            return studied, told["loss"]

        draws = labels.draw(key, (self.record.n_gradients, self.record.batch_size))
        studied, losses = jax.lax.scan(step, own.studied, draws)
        return Pupil(studied, labels), jnp.mean(losses)

    def _watched(self, pupils: Mapping[str, Pupil], n_updates: Array) -> dict[str, AbstractPolicy]:
        acting: dict[str, AbstractPolicy] = {role.name: RandomPolicy() for role in self.environment.roles}
        for name, own in pupils.items():
            network = self.flat[name].restore(own.studied.vector)
            acting[name] = self.accompany(network, self.experts.get(name, RandomPolicy()), n_updates)
        return acting

    def _kept(self, transition: Transition) -> dict[str, tuple[Samples, Array, Array]]:
        kept = {}
        for name in self.roles:
            decision, percept = transition.decisions[name], transition.percepts[name]
            assert isinstance(decision, AdvisedDecision)
            active = transition.feedback[name].active
            weight = (active & self.labelled(decision)).astype(jnp.float32)
            samples = Samples(percept.features, percept.valid, decision.advice, weight)
            kept[name] = samples, active, active & decision.taken
        return kept

    def _example(self, name: str) -> Samples:
        def look(key: Key) -> Samples:
            percept = self.environment.observe(self.environment.reset(key), key)[name]
            spaces = self.roles[name].spaces
            whole = percept.features[:, 0]
            actions = {
                effector: jnp.zeros((whole.shape[0], *space.shape), jnp.float32 if space.shape else jnp.int32)
                for effector, space in spaces.items()
            }
            return Samples(percept.features, percept.valid, actions, whole)

        return eqx.filter_eval_shape(look, jax.eval_shape(lambda: jax.random.key(0)))
