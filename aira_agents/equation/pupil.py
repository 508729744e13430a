"""Learning by all three terms at once. A term that is left out is a budget of zero: the program is the same.

Cloning first, then reinforcement with the cloning loss as a fading term; what a person decided is masked from the
policy gradient, kept for the critic, and cloned. The losses on demonstrations and on corrections are separate, each
averaged over its own data.

Source: reinforcement with a fading loss on demonstrations: Rajeswaran et al. 2018, "Learning complex dexterous
manipulation with deep reinforcement learning and demonstrations", section 4.2.
"""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from aira_agents.data.samples import Samples
from aira_agents.environment import Environment, Role
from aira_agents.equation.tables import corrected, n_pressed
from aira_agents.equation.terms import AI, HITL, ML, TD
from aira_agents.human.channel import Accompanied, Channel
from aira_agents.human.takeover import Takeover
from aira_agents.human.veto import every_action
from aira_agents.learning.actor_critic import ActorCriticState, Setting, learn
from aira_agents.learning.annealing import steps_done
from aira_agents.learning.cloning import cloning_loss
from aira_agents.learning.collect import Worlds, collect
from aira_agents.learning.experience import Batch, Learned
from aira_agents.learning.flattening import Flattener
from aira_agents.learning.learner import Metrics
from aira_agents.learning.pairs import Pair, Recorder, Remembered
from aira_agents.learning.parts import Parts
from aira_agents.learning.ppo import improve_by_ppo
from aira_agents.loop import Transition
from aira_agents.policies.normalized import NormalizedPolicy, Statistics
from aira_agents.policies.policy import AbstractPolicy, Policy
from aira_agents.types import Array, Int, Key


class PupilState(eqx.Module):
    """All that is needed to go on."""

    learner: ActorCriticState
    demonstrations: Samples  # of weight 0 where TD is left out
    corrections: Samples
    keys_left: Int[Array, ""]  # of the person; none where HITL is left out
    lessons: Int[Array, ""]  # lives of a world that the person watched


class Pupil:
    """Pure functions that learn in one world; static."""

    def __init__(self, ai: AI, world: Environment) -> None:
        assert ai.ml is not None
        self.world, self.role = world, ai.role(world)
        self.ml: ML = ai.ml
        self.td, self.hitl = ai.td, ai.hitl
        self.channel: Channel = Takeover(budget=0) if ai.hitl is None else ai.hitl.channel
        self.setting = Setting(self.ml.learner, world, self.ml.network)
        self._init = self.ml.learner.learner(world, self.ml.network).init

    def init(self, key: Key, demonstrations: Samples, corrections: Samples, keys: Int[Array, ""]) -> PupilState:
        """Begins: clones the demonstrations, if any counts."""
        state = self._init(key)
        own = state.learned[self.role.name]
        learned = dataclasses.replace(own, vector=self._cloned(own, demonstrations))
        state = dataclasses.replace(state, learned={self.role.name: learned})
        return PupilState(state, demonstrations, corrections, jnp.asarray(keys, jnp.int32), jnp.zeros((), jnp.int32))

    def policy(self, state: PupilState) -> AbstractPolicy:
        """Returns what was learned so far."""
        return self.setting.policies(state.learner.learned)[self.role.name]

    def update(self, state: PupilState) -> tuple[PupilState, Metrics]:
        """Lets the worlds run, a person watching the first of them, and learns from what happened."""
        worlds, happened, watched, metrics = self._gather(state)
        table, spent = state.corrections, jnp.zeros((), jnp.int32)
        if self.hitl is not None:
            table = corrected(table, self.role, watched, self.channel)
            spent = n_pressed(watched, self.role, self.channel)

        def improve(
            parts: Parts, flat: Flattener, role: Role, own: Learned, batch: Batch, optimizer: Any, key: Key
        ) -> tuple[Array, Any, dict[str, Array]]:
            def imitation(pair: Pair) -> Array:
                network = _seeing(pair.actor, own.statistics)
                shown = cloning_loss(network, role, state.demonstrations)[0]
                told = self.channel.loss(network, role, table)
                return self._fading(state.learner.n_updates) * shown + self.channel.weight * told

            further = None if self.td is None and self.hitl is None else imitation
            return improve_by_ppo(self.ml.learner, parts, flat, role, own, batch, optimizer, key, further)

        learner, told = learn(self.setting, state.learner, worlds, happened, improve)
        lessons = state.lessons + (state.keys_left > 0)
        return PupilState(learner, state.demonstrations, table, state.keys_left - spent, lessons), metrics | told

    def updates(self, state: PupilState, n: int) -> PupilState:
        """Updates `n` times."""
        return jax.lax.scan(lambda own, _: (self.update(own)[0], None), state, None, n)[0]

    @property
    def steps_per_update(self) -> int:
        """Environment steps of an update, over all worlds."""
        return self.ml.learner.n_worlds * self.ml.learner.n_steps

    def _fading(self, n_updates: Int[Array, ""]) -> Array:
        td = self.td
        if td is None:
            return jnp.zeros(())
        return td.weight * 0.5 ** (steps_done(n_updates, self.steps_per_update) / td.half_life_steps)

    def _cloned(self, own: Learned, demonstrations: Samples) -> Array:
        td: TD | None = self.td
        if td is None:
            return own.vector
        flat, adam = self.setting.flat[self.role.name], optax.adam(td.cloning_rate)

        def loss(vector: Array) -> Array:
            return cloning_loss(_seeing(flat.restore(vector).actor, own.statistics), self.role, demonstrations)[0]

        def step(carry: tuple[Array, Any], _: None) -> tuple[tuple[Array, Any], None]:
            vector, state = carry
            changes, state = adam.update(jax.grad(loss)(vector), state)
            return (jnp.asarray(optax.apply_updates(vector, changes)), state), None

        return jax.lax.scan(step, (own.vector, adam.init(own.vector)), None, td.cloning_steps)[0][0]

    def _gather(self, state: PupilState) -> tuple[Worlds, Transition, Transition, Metrics]:
        """Returns the worlds, what happened in all of them, and what did in the one that was watched."""
        acting = {self.role.name: Recorder(self.policy(state))}
        worlds, n_steps = state.learner.worlds, self.ml.learner.n_steps
        if self.hitl is None:
            worlds, happened, metrics = collect(self.world, acting, worlds, n_steps, kept)
            return worlds, happened, happened, metrics
        # Apart from the others: a person who looks at one world need not be computed for all.
        first, others = (jax.tree.map(lambda leaf, own=own: leaf[own], worlds) for own in (slice(1), slice(1, None)))
        first = accompanied(first, self.role, self.hitl, jnp.minimum(state.keys_left, self.channel.per_lesson)[None])
        with_person = {self.role.name: self.channel.accompanied(self.policy(state), self.hitl.teacher)}
        first, watched, _ = collect(self.world, with_person, first, n_steps, kept)
        others, rest, metrics = collect(self.world, acting, others, n_steps, kept)
        worlds = _side_by_side(alone(first, self.role), others, axis=0)
        return worlds, _side_by_side(*(self._alike(own) for own in (watched, rest)), axis=1), watched, metrics

    def _alike(self, happened: Transition) -> Transition:
        """Drops what only the person's decisions hold, and says of everybody what they chose among, if of anybody."""
        decision, percept = happened.decisions[self.role.name], happened.percepts[self.role.name]
        assert isinstance(decision, Remembered)
        valid = None
        if self.channel.narrows:
            valid = decision.valid or every_action(self.role, percept)
        plain = Remembered(decision.actions, decision.log_prob, decision.memory, decision.led, valid)
        return dataclasses.replace(happened, decisions={self.role.name: plain})


def kept(transition: Transition) -> Transition:
    """Drops what nobody learns from: the world, and memories, which differ where a person watches."""
    return dataclasses.replace(transition, before=None, memories={})


def _side_by_side(first: Any, second: Any, axis: int) -> Any:
    return jax.tree.map(lambda a, b: jnp.concatenate([a, b], axis=axis), first, second)


def _seeing(network: Policy, statistics: Statistics | None) -> Policy:
    return network if statistics is None else NormalizedPolicy(network, statistics)


def accompanied(worlds: Worlds, role: Role, hitl: HITL, keys: Int[Array, " worlds"]) -> Worlds:
    """Puts a person before each world, who may press so many keys until it ends."""
    mind = hitl.teacher.away(role.capacity)
    minds = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (len(keys), *leaf.shape)), mind)
    return _remembering(worlds, {role.name: Accompanied(worlds.now.memories[role.name], minds).with_keys(keys)})


def alone(worlds: Worlds, role: Role) -> Worlds:
    """Takes the person away."""
    return _remembering(worlds, {role.name: worlds.now.memories[role.name].own})


def _remembering(worlds: Worlds, memories: dict[str, Any]) -> Worlds:
    # The dictionary is replaced as a whole: in one of networks without memory there is no leaf to find it by.
    whole = worlds.now.memories
    return eqx.tree_at(lambda own: own.now.memories, worlds, memories, is_leaf=lambda node: node is whole)
