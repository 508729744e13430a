"""Tabular Q-learning: what each action is worth in each situation, corrected by every step that is taken.

Source: Watkins and Dayan 1992, "Q-learning", section 2, eq. 1; a rate that falls with the visits of a cell: Even-Dar
and Mansour 2003, "Learning rates for Q-learning", section 3; learning from the latest step first: Lin 1992,
"Self-improving reactive agents based on reinforcement learning, planning and teaching" (experience replay).
"""

from collections.abc import Callable, Mapping
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.distributions import IMPOSSIBLE
from aira_agents.environment import Environment, Feedback, Percept, Role
from aira_agents.errors import IncompatiblePolicyError
from aira_agents.learning.annealing import annealed
from aira_agents.learning.collect import Worlds, begin, collect
from aira_agents.learning.learner import Learner, Metrics, builders, copied
from aira_agents.learning.returns import seen_after
from aira_agents.loop import Transition
from aira_agents.parameters import check_parameters, number, size
from aira_agents.policies.policy import AbstractPolicy, Builder
from aira_agents.policies.random import RandomPolicy
from aira_agents.policies.tabular import TabularPolicy
from aira_agents.policies.value import EpsilonGreedy, ValuePolicy, check_discrete
from aira_agents.types import Array, Bool, Float, Int, Key, Number


class Learned(eqx.Module):
    """What Q-learning keeps for one role."""

    values: TabularPolicy
    visits: Int[Array, "situations n 2"]  # of each cell: in all, and in the step that visited it last


class QLearningState(eqx.Module):
    """All that Q-learning needs to go on."""

    worlds: Worlds
    learned: dict[str, Learned]
    key: Key
    n_updates: Int[Array, ""]


class Moves(eqx.Module):
    """What the agents of one role did: from which situation, by which action, into which."""

    situation: Int[Array, "*steps rows"]
    action: Int[Array, "*steps rows"]
    next_situation: Int[Array, "*steps rows"]
    next_valid: Bool[Array, "*steps rows n"]
    feedback: Feedback


class QLearning(eqx.Module):
    """Q-learning for every role of a world; all agents of a role learn one table together.

    Several agents, in several worlds, may take the same action in the same situation in one step. The cell is then
    corrected once, by the mean of their errors: a crowd makes a correction surer, not larger.
    """

    usual_network: ClassVar[str] = "tabular"  # what the command builds unless told otherwise

    learning_rate: Number = number(0.1, low=0, high=1, help="share of an error that is corrected")
    rate_power: Number = number(
        0, low=0, high=1, help="the learning rate is divided by visits of a cell to this power; 0: it never falls"
    )
    discount: Number = number(0.99, low=0, high=1, help="gamma: what a reward is worth one step later")
    epsilon_start: Number = number(1.0, low=0, high=1, help="chance of a random action at the start")
    epsilon_end: Number = number(0.05, low=0, high=1, help="chance of a random action in the end")
    epsilon_steps: Number = number(
        100_000, low=0, unit="steps", help="environment steps in which that chance falls from start to end"
    )
    n_worlds: int = size(16, help="worlds that run side by side")
    n_steps: int = size(16, unit="steps", help="steps of each world before the table is corrected, latest step first")

    def __check_init__(self) -> None:
        check_parameters(self)

    def learner(self, environment: Environment, networks: Builder | Mapping[str, Builder]) -> Learner:
        """Makes the learner; a role that `networks` leaves out acts at random.

        Raises:
            InputError: A role does not exist.
            IncompatiblePolicyError: A role's network is no table, or the role has not just one list of actions.
        """
        build = builders(environment, networks)
        roles = {role.name: role for role in environment.roles if role.name in build}
        for name, role in roles.items():
            _check(role, build[name])
        return _learner(self, environment, roles, build)


def _check(role: Role, build: Builder) -> None:
    check_discrete(role, "Q-learning")
    if len(role.spaces) != 1:
        raise IncompatiblePolicyError(
            f"Q-learning needs roles with one effector; {role.name!r} has {', '.join(role.spaces)}. Use `dqn`."
        )
    built = eqx.filter_eval_shape(lambda key: build(role.n_features, role.n_outputs, key), jax.random.key(0))
    if not isinstance(built, TabularPolicy):
        raise IncompatiblePolicyError(
            f"Q-learning needs one table for all agents of {role.name!r}; got {type(built).__name__}. Use the network "
            "`tabular`, or the learner `dqn`."
        )


def _learner(q: QLearning, environment: Environment, roles: dict[str, Role], build: Mapping[str, Builder]) -> Learner:
    steps_per_update = q.n_worlds * q.n_steps

    def policies(
        learned: Mapping[str, Learned], act: Callable[[TabularPolicy], AbstractPolicy]
    ) -> dict[str, AbstractPolicy]:
        acting: dict[str, AbstractPolicy] = {role.name: RandomPolicy() for role in environment.roles}
        return acting | {name: act(own.values) for name, own in learned.items()}

    def init(key: Key) -> QLearningState:
        world_key, table_key, run_key = jax.random.split(key, 3)
        learned = {}
        for (name, role), own_key in zip(roles.items(), jax.random.split(table_key, len(roles)), strict=True):
            table = build[name](role.n_features, role.n_outputs, own_key)
            assert isinstance(table, TabularPolicy)
            learned[name] = Learned(table, jnp.zeros((*table.table.shape, 2), jnp.int32))
        worlds = begin(environment, policies(learned, ValuePolicy), world_key, q.n_worlds)
        return copied(QLearningState(worlds, learned, run_key, jnp.zeros((), jnp.int32)))

    def update(state: QLearningState) -> tuple[QLearningState, Metrics]:
        sense_key, next_key = jax.random.split(state.key)
        epsilon = annealed(q.epsilon_start, q.epsilon_end, q.epsilon_steps, state.n_updates, steps_per_update)
        acting = policies(state.learned, lambda values: EpsilonGreedy(values, epsilon))
        worlds, transitions, metrics = collect(environment, acting, state.worlds, q.n_steps)
        last = jax.vmap(environment.observe)(worlds.now.state, jax.random.split(sense_key, q.n_worlds))
        metrics |= {"epsilon": epsilon}
        learned = {}
        for name, own in state.learned.items():
            moves = _moves(roles[name], own.values, transitions, last[name])
            learned[name], metrics[f"error/{name}"] = _correct(q, own, moves)
        return QLearningState(worlds, learned, next_key, state.n_updates + 1), metrics

    def copied_policies(state: QLearningState) -> dict[str, AbstractPolicy]:
        return copied(policies(state.learned, ValuePolicy))

    return Learner(init, update, copied_policies, steps_per_update)


def _moves(role: Role, values: TabularPolicy, transitions: Transition, last: Percept) -> Moves:
    """Reads the moves out of what happened, `[steps, worlds * capacity]`."""
    name, (effector,) = role.name, role.spaces
    percepts, feedback = transitions.percepts[name], transitions.feedback[name]
    assert transitions.final is not None and transitions.final_valid is not None

    def look(features: Array, valid: Mapping[str, Array]) -> tuple[Array, Array]:
        every = jnp.ones((*features.shape[:-1], role.n_outputs), bool)
        return values.situation(features), valid.get(effector, every)

    seen = look(percepts.features, percepts.valid)
    final = look(transitions.final[name], transitions.final_valid[name])
    situation, valid = seen_after(seen, look(last.features, last.valid), final, feedback.truncated)
    moves = Moves(seen[0], transitions.decisions[name].actions[effector], situation, valid, feedback)
    return jax.tree.map(lambda leaf: leaf.reshape(leaf.shape[0], -1, *leaf.shape[3:]), moves)


def _correct(q: QLearning, own: Learned, moves: Moves) -> tuple[Learned, Float[Array, ""]]:
    """Corrects the table by every move, the latest step first; returns the mean absolute error of the active, too."""

    def step(carry: tuple[Array, Array], now: Moves) -> tuple[tuple[Array, Array], Array]:
        table, visits = carry
        cell = (now.situation, now.action)
        best = jnp.max(jnp.where(now.next_valid, table[now.next_situation], IMPOSSIBLE), axis=-1)
        feedback = now.feedback
        target = feedback.reward + q.discount * jnp.where(feedback.terminated, 0.0, best)
        error = jnp.where(feedback.active, target - table[cell], 0.0)
        # Written, then read, never the other way about: so the table is changed where it lies and not copied.
        visits = visits.at[(*cell, 1)].set(0).at[cell].add(feedback.active[:, None].astype(jnp.int32))
        so_far, together = jnp.maximum(jnp.moveaxis(visits[cell], -1, 0), 1)
        rate = q.learning_rate / so_far**q.rate_power / together
        return (table.at[cell].add(rate * error), visits), jnp.sum(jnp.abs(error))

    (table, visits), errors = jax.lax.scan(step, (own.values.table, own.visits), moves, reverse=True)
    mean_error = jnp.sum(errors) / jnp.maximum(jnp.sum(moves.feedback.active), 1.0)
    return Learned(eqx.tree_at(lambda values: values.table, own.values, table), visits), mean_error
