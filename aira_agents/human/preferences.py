"""Learning from which of two clips a person prefers: a model of what they want, then any learner by reinforcement.

Clips are of one agent and of one length, and nobody dies or is born within: were they as long as a life, whether a life
is short would tell the sign of rewards. For the same reason the learned reward has no zero of its own: where agents can
die by their own doing, mean zero is a convention, not knowledge.
Source: Christiano et al. 2017, "Deep reinforcement learning from human preferences", section 2.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.core import Tracer

from aira_agents.environment import Environment
from aira_agents.errors import InputError
from aira_agents.human.judge import Judge
from aira_agents.human.reward_model import Taste, TasteModel, encoded, encoded_size, most_disputed
from aira_agents.learning.collect import Worlds, begin, collect
from aira_agents.learning.learner import Learner, Metrics, builders, copied
from aira_agents.learning.ppo import PPO
from aira_agents.learning.rewarded import Rewarded
from aira_agents.loop import Transition
from aira_agents.parameters import check_parameters, number, size
from aira_agents.policies.policy import AbstractPolicy, Builder
from aira_agents.types import Array, Bool, Float, Int, Key, Number


class Questions(eqx.Module):
    """Pairs of clips of one role that somebody is asked about."""

    pairs: Float[Array, "questions 2 steps inputs"]  # what was perceived, and what was done
    uid: Int[Array, "questions 2"]
    world: Int[Array, "questions 2"]
    open: Bool[Array, " questions"]  # the others are empty places
    answer: Float[Array, " questions"]  # 1: the first, 0: the second, 1/2: equal; not-a-number: none

    @property
    def waiting(self) -> Bool[Array, " questions"]:
        """Those that nobody has answered or skipped yet."""
        return self.open & jnp.isnan(self.answer)

    @classmethod
    def none(cls, n: int, n_steps: int, n_inputs: int) -> "Questions":
        """Returns `n` empty places."""
        two = jnp.zeros((n, 2), jnp.int32)
        return cls(jnp.zeros((n, 2, n_steps, n_inputs)), two, two + 0, jnp.zeros(n, bool), jnp.full(n, jnp.nan))


class PreferencesState(eqx.Module):
    """All that is needed to go on."""

    learner: Any  # the state of who learns by reinforcement
    worlds: Worlds  # from which clips are cut
    tastes: dict[str, Taste]
    questions: dict[str, Questions]
    n_asked: dict[str, Int[Array, ""]]
    key: Key
    n_updates: Int[Array, ""]


class Preferences(eqx.Module):
    """Preferences between clips, for every role of a world."""

    n_worlds: int = size(8, help="worlds that run beside those of the learner, from which clips are cut")
    clip_steps: int = size(25, unit="steps", help="length of a clip")
    n_questions: int = size(32, help="pairs that are asked about in an update, of each role")
    n_candidates: int = size(320, help="pairs among which those are chosen on which the ensemble differs most")
    budget: Number = number(700, low=0, whole=True, help="pairs that are asked about in all, of each role; 0: no limit")
    first: Number = number(64, low=1, whole=True, help="answers to wait for before reinforcement begins")
    model_rate: Number = number(1e-3, low=0, high=1, help="step of the reward networks' optimizer, Adam")
    weight_decay: Number = number(1e-4, low=0, high=1, help="how strongly their weights are drawn to zero")
    n_models: int = size(3, help="members of the ensemble")
    n_gradients: int = size(128, help="gradient steps of an update, for each of them")
    batch_size: int = size(32, help="answers in each step, drawn from all there are")
    memory_size: int = size(2000, help="answers that are remembered")
    width: int = size(64, unit="neurons", help="width of their two hidden layers")

    def __check_init__(self) -> None:
        check_parameters(self)

    def learner(
        self,
        environment: Environment,
        networks: Builder | Mapping[str, Builder],
        *,
        judge: Judge | None = None,
        rl: Any = None,
    ) -> Learner:
        """Makes the learner; a role that `networks` leaves out acts at random.

        Args:
            environment: The world; what it pays is seen by `judge` only, and reported.
            networks: How to build what `rl` trains.
            judge: A simulated person who answers at once; `None`: only people answer.
            rl: The record of a learner by reinforcement; `None`: `PPO()`.

        Raises:
            InputError: A role does not exist, `rl` cannot learn in this world, or reinforcement would never begin.
        """
        self._check(environment)
        return _course(self, environment, networks, judge, rl if rl is not None else PPO())

    def _check(self, environment: Environment) -> None:
        if self.memory_size < self.n_questions:
            raise InputError(
                f"Preferences: `memory_size` must hold the answers of an update, {self.n_questions}; "
                f"got {self.memory_size}."
            )
        if any(isinstance(own, Tracer) for own in (environment.max_steps, self.first, self.budget)):
            return  # of many values at once none can be looked at
        # As Python's own numbers: in a program that is being compiled, a comparison of arrays has no answer.
        life, first, budget = int(environment.max_steps), int(self.first), int(self.budget)
        if self.clip_steps > life:
            raise InputError(
                f"Preferences: nobody lives through a clip of {self.clip_steps} steps in a world of {life}: give a "
                "smaller `clip_steps`."
            )
        if 0 < budget < first:
            raise InputError(
                f"Preferences: reinforcement waits for {first} answers, and only {budget} pairs are asked about: give "
                "a smaller `first`, or a larger `budget`."
            )


def _course(
    record: Preferences,
    environment: Environment,
    networks: Builder | Mapping[str, Builder],
    judge: Judge | None,
    rl: Any,
) -> Learner:
    taught = builders(environment, networks)
    roles = {role.name: role for role in environment.roles if role.name in taught}
    models = {name: TasteModel(role, record) for name, role in roles.items()}
    plain = rl.learner(environment, networks)

    def init(key: Key) -> PreferencesState:
        rl_key, world_key, taste_key, run_key = jax.random.split(key, 4)
        learner = plain.init(rl_key)
        keys = dict(zip(models, jax.random.split(taste_key, len(models)), strict=True))
        worlds = begin(environment, plain.policies(learner), world_key, record.n_worlds)
        zero = jnp.zeros((), jnp.int32)
        return copied(
            PreferencesState(
                learner=learner,
                worlds=worlds,
                tastes={name: own.begun(keys[name]) for name, own in models.items()},
                questions={
                    name: Questions.none(record.n_questions, record.clip_steps, encoded_size(role))
                    for name, role in roles.items()
                },
                n_asked={name: zero + 0 for name in models},
                key=run_key,
                n_updates=zero,
            )
        )

    def update(state: PreferencesState) -> tuple[PreferencesState, Metrics]:
        learn_key, ask_key, next_key = jax.random.split(state.key, 3)
        tastes, told = _understand(models, state, learn_key)
        judged = Rewarded(environment, {name: models[name].judgement(own) for name, own in tastes.items()})
        learned, metrics = rl.learner(judged, networks).update(state.learner)
        ready = jnp.all(jnp.stack([own.answered.count for own in tastes.values()]) >= record.first)
        learner = jax.tree.map(lambda new, old: jnp.where(ready, new, old), learned, state.learner)
        worlds, asked = _ask(record, environment, models, judge, state, tastes, plain.policies(learner), ask_key)
        n_asked = {name: state.n_asked[name] + jnp.sum(own.open, dtype=jnp.int32) for name, own in asked.items()}
        if judge is None:  # people take their time: what they have not answered yet stays, until they have
            asked, n_asked = _waited_for(state, asked, n_asked)
        state = PreferencesState(learner, worlds, tastes, asked, n_asked, next_key, state.n_updates + 1)
        return state, metrics | told

    def policies(state: PreferencesState) -> dict[str, AbstractPolicy]:
        return plain.policies(state.learner)

    return Learner(init, update, policies, plain.steps_per_update + record.n_worlds * record.clip_steps)


def _understand(models: dict[str, TasteModel], state: PreferencesState, key: Key) -> tuple[dict[str, Taste], Metrics]:
    """Takes in what was answered since the last update, and learns from all answers."""
    tastes, told = {}, {}
    for (name, model), own_key in zip(models.items(), jax.random.split(key, len(models)), strict=True):
        count_key, draw_key = jax.random.split(own_key)
        asked = state.questions[name]
        answers = jnp.where(asked.open, asked.answer, jnp.nan)
        taste = model.told(state.tastes[name], asked.pairs, answers, count_key)
        tastes[name], figures = model.learned(taste, draw_key)
        figures["answers"] = taste.answered.count.astype(jnp.float32)
        told |= {f"{figure}/{name}": value for figure, value in figures.items()}
    return tastes, told


def _waited_for(
    state: PreferencesState, asked: dict[str, Questions], n_asked: dict[str, Array]
) -> tuple[dict[str, Questions], dict[str, Array]]:
    """Returns what was asked before and how often, of each role of which something waits; else what is asked now."""
    questions, counts = {}, {}
    for name, own in state.questions.items():
        old = dataclasses.replace(own, open=own.waiting)
        still = jnp.any(own.waiting)
        questions[name], counts[name] = jax.tree.map(
            lambda before, now, still=still: jnp.where(still, before, now),
            (old, state.n_asked[name]),
            (asked[name], n_asked[name]),
        )
    return questions, counts


class _Clip(eqx.Module):
    """Steps of agents of one role, `[steps, worlds, capacity, ...]`."""

    inputs: Array
    reward: Array
    active: Array
    uid: Array
    ends: Array  # after this step begins another life


def _ask(
    record: Preferences,
    environment: Environment,
    models: dict[str, TasteModel],
    judge: Judge | None,
    state: PreferencesState,
    tastes: dict[str, Taste],
    policies: dict[str, AbstractPolicy],
    key: Key,
) -> tuple[Worlds, dict[str, Questions]]:
    """Lets agents live for the length of a clip, and chooses which two clips to ask about."""

    def keep(happened: Transition) -> dict[str, _Clip]:
        assert happened.before is not None
        clips = {}
        for name, model in models.items():
            feedback = happened.feedback[name]
            clips[name] = _Clip(
                encoded(model.role, happened.percepts[name].features, happened.decisions[name].actions),
                feedback.reward,
                feedback.active,
                happened.before.agents[name].uid,
                happened.fresh[name] | feedback.terminated | feedback.truncated,
            )
        return clips

    worlds, kept, _ = collect(environment, policies, state.worlds, record.clip_steps, keep)
    questions = {}
    for (name, model), own_key in zip(models.items(), jax.random.split(key, len(models)), strict=True):
        limit = jnp.where(record.budget > 0, record.budget - state.n_asked[name], record.n_questions)
        asked, rewards, average, answer_key = _disputed(record, model, tastes[name], kept[name], limit, own_key)
        if judge is not None:
            asked = dataclasses.replace(asked, answer=judge.compare(rewards, average, answer_key))
        questions[name] = asked
    return worlds, questions


def _disputed(
    record: Preferences, model: TasteModel, taste: Taste, clips: _Clip, limit: Array, key: Key
) -> tuple[Questions, Array, Array, Key]:
    """Returns the questions, what the world paid in each step of their clips, what a clip earns on average, a key."""
    draw_key, answer_key = jax.random.split(key)
    one_a_row = jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, 2).reshape(-1, len(leaf), *leaf.shape[3:]), clips)
    whole = whole_lives(one_a_row.active, one_a_row.ends)
    pairs = jax.random.randint(draw_key, (max(record.n_candidates, record.n_questions), 2), 0, len(whole))
    allowed = whole[pairs[:, 0]] & whole[pairs[:, 1]] & (pairs[:, 0] != pairs[:, 1])
    chances = model.chances(taste, one_a_row.inputs[pairs])
    chosen = most_disputed(chances, allowed, record.n_questions)
    both = pairs[chosen]
    there = allowed[chosen]
    there &= jnp.cumsum(there) <= limit
    earned = jnp.sum(one_a_row.reward, axis=1)
    average = jnp.sum(jnp.where(whole, earned, 0.0)) / jnp.maximum(jnp.sum(whole), 1)
    asked = Questions(
        one_a_row.inputs[both],
        one_a_row.uid[both, 0],
        both // model.role.capacity,
        there,
        jnp.full(record.n_questions, jnp.nan),
    )
    return asked, one_a_row.reward[both], average, answer_key


def whole_lives(active: Bool[Array, "clips steps"], ends: Bool[Array, "clips steps"]) -> Bool[Array, " clips"]:
    """Says which clips are of one agent that lived all the time; who ends with the last step did."""
    return jnp.all(active, axis=1) & ~jnp.any(ends[:, :-1], axis=1)
