"""What learners from signals share: agents act, somebody watches, and signals become lessons about steps.

A window of steps is lived in each update. Signals that come after its end wait for the next one, so a signal may be
about this window or the one before.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.core import Tracer

from aira_agents.environment import Environment, Percept, Role
from aira_agents.errors import IncompatiblePolicyError, InputError, unknown_name
from aira_agents.human.advice import Advised, AdvisedDecision
from aira_agents.human.credit import CreditWindow, steps_back
from aira_agents.human.signals import Lessons, Moments, Signals, lessons
from aira_agents.human.teacher import Teacher
from aira_agents.learning.collect import Worlds, begin, collect
from aira_agents.learning.flattening import Flattener
from aira_agents.learning.learner import Learner, Metrics, builders, copied
from aira_agents.loop import Transition
from aira_agents.policies.policy import AbstractPolicy, Builder, Policy
from aira_agents.policies.random import RandomPolicy
from aira_agents.policies.value import check_discrete
from aira_agents.types import Array, Float, Int, Key

ATTENTION = 0.1  # share of the window just seen in a teacher's idea of how good the agents are


class Taught(eqx.Module):
    """What was learned."""

    vector: Float[Array, " parameters"]
    optimizer: Any
    memory: Any  # what a learner keeps of lessons; `None`: nothing


Learn = Callable[[Taught, Lessons, Key], tuple[Taught, dict[str, Array]]]
"""Improves by lessons; returns figures beside what was learned."""


class TeachingState(eqx.Module):
    """All that is needed to go on."""

    worlds: Worlds
    taught: Taught
    last: Moments  # the window before
    pending: Signals  # given by the simulated teacher, and not there yet
    inbox: Signals  # given by people since the last update
    life: Int[Array, "worlds capacity"]
    competence: Float[Array, ""]
    n_given: Float[Array, ""]
    key: Key
    n_updates: Int[Array, ""]


class Teaching:
    """One role that is taught; the others act at random."""

    def __init__(
        self,
        record: Any,
        environment: Environment,
        networks: Builder | Mapping[str, Builder],
        experts: Mapping[str, AbstractPolicy] | None,
        teacher: Teacher | None,
        role: str | None,
    ) -> None:
        roles = {own.name: own for own in environment.roles}
        for name in (*([role] if role is not None else []), *(experts or {})):
            if name not in roles:
                raise unknown_name("role", name, roles)
        self.record, self.environment, self.teacher = record, environment, teacher
        self.role: Role = roles[role or next(iter(roles))]
        expert = (experts or {}).get(self.role.name)
        if (expert is None) != (teacher is None):
            raise InputError(
                "A simulated teacher needs an expert to compare with, and an expert a teacher; got one of both for "
                f"{self.role.name!r}."
            )
        build = builders(environment, networks)[self.role.name]
        check_discrete(self.role, type(record).__name__)
        _refuse_memory(self.role, build, type(record).__name__)
        self.expert = expert if expert is not None else RandomPolicy()
        self.flat = Flattener(lambda key: build(self.role.n_features, self.role.n_outputs, key))
        self.n_lags = 2 * record.n_steps
        if teacher is not None and not isinstance(teacher.high_s, Tracer):
            steps_back(float(teacher.high_s), float(record.step_s), record.n_steps)
        if not isinstance(record.high_s, Tracer):
            self.n_lags = steps_back(float(record.high_s), float(record.step_s), 2 * record.n_steps)

    def learner(
        self,
        begun: Callable[[Array], Taught],
        acting: Callable[[Policy], AbstractPolicy],
        learn: Learn,
        known: Callable[[Policy], AbstractPolicy],
    ) -> Learner:
        """Makes the learner.

        Args:
            begun: From the parameters of an untrained network to what is learned, so far nothing.
            acting: How agents act by a network while they are taught.
            learn: Improves by lessons; returns figures beside what was learned.
            known: The policy that comes out.
        """

        def restored(taught: Taught) -> Policy:
            return self.flat.restore(taught.vector)

        def init(key: Key) -> TeachingState:
            world_key, network_key, run_key = jax.random.split(key, 3)
            taught = begun(self.flat.flatten(self.flat.build(network_key)))
            return copied(self.begin(taught, self._with_others(acting(restored(taught))), world_key, run_key))

        def update(state: TeachingState) -> tuple[TeachingState, Metrics]:
            return self.lesson(state, self._with_others(acting(restored(state.taught))), learn)

        def out(state: TeachingState) -> dict[str, AbstractPolicy]:
            return copied(self._with_others(known(restored(state.taught))))

        return Learner(init, update, out, self.record.n_worlds * self.record.n_steps)

    def begin(
        self, taught: Taught, acting: Mapping[str, AbstractPolicy], world_key: Key, run_key: Key
    ) -> TeachingState:
        """Starts worlds in which agents will act so."""
        worlds = begin(self.environment, self._watched(acting), world_key, self.record.n_worlds)
        return self._begun(worlds, taught, run_key)

    def lesson(
        self, state: TeachingState, acting: Mapping[str, AbstractPolicy], learn: Learn
    ) -> tuple[TeachingState, Metrics]:
        """Lets agents live for a window, listens, and learns."""
        judge_key, learn_key, next_key = jax.random.split(state.key, 3)
        worlds, kept, metrics = collect(
            self.environment, self._watched(acting), state.worlds, self.record.n_steps, self._kept
        )
        listened, given, told = self._listen(state, kept, judge_key)
        taught, figures = learn(state.taught, given, learn_key)
        state = eqx.tree_at(
            lambda s: (s.worlds, s.taught, s.key, s.n_updates),
            listened,
            (worlds, taught, next_key, state.n_updates + 1),
        )
        return state, metrics | told | figures

    def _watched(self, acting: Mapping[str, AbstractPolicy]) -> dict[str, AbstractPolicy]:
        return {**acting, self.role.name: Advised(acting[self.role.name], self.expert)}

    def _with_others(self, act: AbstractPolicy) -> dict[str, AbstractPolicy]:
        return {own.name: RandomPolicy() for own in self.environment.roles} | {self.role.name: act}

    def _begun(self, worlds: Worlds, taught: Taught, key: Key) -> TeachingState:
        n_steps, shape = self.record.n_steps, (self.record.n_worlds, self.role.capacity)
        return TeachingState(
            worlds=worlds,
            taught=taught,
            last=self._nothing_yet(),
            pending=Signals.none(n_steps * math.prod(shape) if self.teacher is not None else 0),
            inbox=Signals.none(self.record.inbox_size),
            life=jnp.zeros(shape, jnp.int32),
            competence=jnp.zeros(()),
            n_given=jnp.zeros(()),
            key=key,
            n_updates=jnp.zeros((), jnp.int32),
        )

    def nothing_given(self) -> Lessons:
        """Returns lessons of the shape of any."""
        window = CreditWindow(self.record.low_s, self.record.high_s)
        return lessons(self._nothing_yet(), 0, Signals.none(1), window, self.record.step_s, self.n_lags)

    def _nothing_yet(self) -> Moments:
        key = jax.eval_shape(lambda: jax.random.key(0))
        percept = eqx.filter_eval_shape(lambda k: self.environment.observe(self.environment.reset(k), k), key)
        own: Percept = percept[self.role.name]
        leading = (self.record.n_steps, self.record.n_worlds)
        whole = jnp.zeros((*leading, self.role.capacity), jnp.int32)
        return Moments(
            jnp.zeros((*leading, *own.features.shape)),
            {name: jnp.zeros((*leading, *mask.shape), bool) for name, mask in own.valid.items()},
            dict.fromkeys(self.role.spaces, whole),
            whole > 0,
            whole,
            whole,
        )

    def _kept(self, transition: Transition) -> dict[str, Any]:
        name = self.role.name
        decision, percept = transition.decisions[name], transition.percepts[name]
        assert isinstance(decision, AdvisedDecision) and transition.before is not None
        same = [decision.actions[effector] == decision.advice[effector] for effector in decision.actions]
        return {
            "features": percept.features,
            "valid": percept.valid,
            "actions": decision.actions,
            "active": transition.feedback[name].active,
            "uid": transition.before.agents[name].uid,
            "fresh": transition.fresh[name],
            "right": jnp.all(jnp.stack(same), axis=0),
        }

    def _listen(
        self, state: TeachingState, kept: dict[str, Any], key: Key
    ) -> tuple[TeachingState, Lessons, dict[str, Array]]:
        """Returns the state with what is pending, the lessons of the signals that came, and figures."""
        record, right, fresh = self.record, kept.pop("right"), kept.pop("fresh").astype(jnp.int32)
        renewed = jnp.cumsum(fresh, axis=0)
        moments = Moments(**kept, life=state.life[None] + renewed - fresh)
        new = Signals.none(0)
        if self.teacher is not None:
            new = self.teacher.judge(moments, right, state.competence, state.n_given, record.step_s, key)
        window_s = record.n_steps * record.step_s
        due = state.pending.joined(new).joined(state.inbox)
        due = eqx.tree_at(lambda s: s.given, due, due.given & (due.time_s < window_s))
        late = (new.time_s - window_s, new.given & (new.time_s >= window_s))
        window = CreditWindow(record.low_s, record.high_s)
        trace_decay = getattr(record, "trace_decay", None)
        given = lessons(
            state.last.joined(moments), record.n_steps, due, window, record.step_s, self.n_lags, trace_decay
        )
        share = jnp.sum(right & moments.active) / jnp.maximum(jnp.sum(moments.active), 1.0)
        now = (
            moments,
            eqx.tree_at(lambda s: (s.time_s, s.given), new, late),
            Signals.none(record.inbox_size),
            state.life + renewed[-1],
            state.competence + ATTENTION * (share - state.competence),
            state.n_given + jnp.sum(new.given),
        )
        state = eqx.tree_at(lambda s: (s.last, s.pending, s.inbox, s.life, s.competence, s.n_given), state, now)
        told = {"signals": jnp.sum(due.given, dtype=jnp.float32)}
        return state, given, told | ({"right": share} if self.teacher is not None else {})


def _refuse_memory(role: Role, build: Builder, learner: str) -> None:
    def born(key: Key) -> Any:
        return build(role.n_features, role.n_outputs, key).initial_memories(role.capacity)

    if jax.tree.leaves(eqx.filter_eval_shape(born, jax.eval_shape(lambda: jax.random.key(0)))):
        raise IncompatiblePolicyError(
            f"{learner} learns from single steps, so it cannot teach a network with a memory, nor one for each agent. "
            "Use one `mlp` or `conv` for all."
        )
