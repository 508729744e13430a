"""Deep Q-learning: a network learns what each action is worth, from experience that is drawn again and again.

Source: Mnih et al. 2015, "Human-level control through deep reinforcement learning", algorithm 1; double: van Hasselt,
Guez and Silver 2016; n-step returns, uncorrected for exploration: Hessel et al. 2018, "Rainbow", section 3.
"""

from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from aira_agents.environment import Environment, Percept, Role
from aira_agents.errors import IncompatiblePolicyError, InputError
from aira_agents.learning.annealing import annealed, steps_done
from aira_agents.learning.collect import Worlds, begin, collect
from aira_agents.learning.dqn_loss import Experience, gradient, targets
from aira_agents.learning.flattening import Flattener
from aira_agents.learning.learner import Learner, Metrics, builders, copied
from aira_agents.learning.packing import Packing
from aira_agents.learning.pairs import is_recurrent
from aira_agents.learning.replay import Replay
from aira_agents.learning.returns import n_step_returns, seen_after
from aira_agents.loop import Transition
from aira_agents.parameters import check_parameters, number, option, size
from aira_agents.policies.normalized import NormalizedPolicy, Statistics
from aira_agents.policies.policy import AbstractPolicy, Builder, Policy
from aira_agents.policies.random import RandomPolicy
from aira_agents.policies.value import EpsilonGreedy, ValuePolicy, check_discrete
from aira_agents.types import Array, Float, Int, Key, Number


class Learned(eqx.Module):
    """What DQN keeps for one role."""

    vector: Float[Array, " parameters"]  # the network that acts and learns
    target: Float[Array, " parameters"]  # the one that judges
    optimizer: Any
    replay: Replay
    statistics: Statistics | None
    n_gradients: Int[Array, ""]  # gradient steps taken


Carry = tuple[Array, Array, Any, Array]  # vector, target, optimizer, n_gradients: what a gradient step changes


class DQNState(eqx.Module):
    """All that DQN needs to go on."""

    worlds: Worlds
    learned: dict[str, Learned]
    key: Key
    n_updates: Int[Array, ""]


class DQN(eqx.Module):
    """Deep Q-learning for every role of a world, each with a network and a memory of experience of its own.

    A role may have several effectors with lists of actions; each gets values of its own.
    """

    learning_rate: Number = number(5e-4, low=0, high=1, help="step of the optimizer, Adam")
    discount: Number = number(0.99, low=0, high=1, help="gamma: what a reward is worth one step later")
    epsilon_start: Number = number(1.0, low=0, high=1, help="chance of a random action at the start")
    epsilon_end: Number = number(0.05, low=0, high=1, help="chance of a random action in the end")
    epsilon_steps: Number = number(
        100_000, low=0, unit="steps", help="environment steps in which that chance falls from start to end"
    )
    warmup_steps: Number = number(1000, low=0, unit="steps", help="environment steps before learning begins")
    target_every: Number = number(1, low=1, whole=True, help="gradient steps between two changes of the judge")
    target_rate: Number = number(
        0.005, low=0, high=1, help="share by which the judge then moves to the learner (Polyak); 1: it is replaced"
    )
    linear_beyond: Number = number(
        100.0,
        low=0.001,
        help="error from which Huber's loss is linear; less than values differ by: deaths are overlooked",
    )
    max_gradient_norm: Number = number(1000.0, low=0, help="global norm to which gradients are clipped")
    n_worlds: int = size(16, help="worlds that run side by side")
    n_steps: int = size(8, unit="steps", help="steps of each world before an update")
    return_steps: int = size(
        3, unit="steps", help="rewards that are added up before a value is trusted; within n_steps"
    )
    n_gradients: int = size(8, help="gradient steps of an update")
    batch_size: int = size(128, help="steps of agents in each of them, drawn from memory")
    replay_size: int = size(200_000, help="steps of agents that are remembered")
    double: bool = option(True, (False, True), help="whether the learner chooses and the judge judges")
    normalize: bool = option(False, (False, True), help="whether policies see normalised observations")

    def __check_init__(self) -> None:
        check_parameters(self)

    def learner(self, environment: Environment, networks: Builder | Mapping[str, Builder]) -> Learner:
        """Makes the learner; a role that `networks` leaves out acts at random.

        Raises:
            InputError: A role does not exist, or an update's experience does not fit into `replay_size`.
            IncompatiblePolicyError: A role acts by numbers, or its network is recurrent.
        """
        build = builders(environment, networks)
        roles = {role.name: role for role in environment.roles if role.name in build}
        return _learner(self, environment, {n: _Part(self, environment, role, build[n]) for n, role in roles.items()})


class _Part:
    """What stays the same for one role from update to update."""

    def __init__(self, dqn: DQN, environment: Environment, role: Role, build: Builder) -> None:
        check_discrete(role, "DQN")
        _check_replay(dqn, role)
        self.role = role
        self.flat = Flattener(lambda key: build(role.n_features, role.n_outputs, key))
        key = jax.eval_shape(lambda: jax.random.key(0))
        memories = eqx.filter_eval_shape(lambda key: self.flat.build(key).initial_memories(role.capacity), key)
        if is_recurrent(memories):
            raise IncompatiblePolicyError(
                f"DQN draws single steps from memory, so it cannot train a recurrent network; role {role.name!r} has "
                "one. Use `mlp` or `conv`, or the learner `ppo`."
            )
        percept = eqx.filter_eval_shape(lambda key: environment.observe(environment.reset(key), key), key)[role.name]
        example = eqx.filter_eval_shape(_example, percept, memories, tuple(role.spaces))
        self.packing = Packing(example, 1)
        self.rows = eqx.filter_eval_shape(self.packing.pack, example)

    def network(self, vector: Array, statistics: Statistics | None) -> Policy:
        network = self.flat.restore(vector)
        return network if statistics is None else NormalizedPolicy(network, statistics)


def _check_replay(dqn: DQN, role: Role) -> None:
    rows = dqn.n_worlds * dqn.n_steps * role.capacity
    if rows > dqn.replay_size:
        raise InputError(
            f"DQN: `replay_size` must hold what one update brings: n_worlds x n_steps x {role.capacity} of "
            f"{role.name!r} = {rows:,}; got {dqn.replay_size:,}. Raise it, or use fewer worlds or steps."
        )


def _example(percept: Percept, memories: Any, effectors: tuple[str, ...]) -> Experience:
    number = percept.features[:, 0]
    actions = {name: number.astype(jnp.int32) for name in effectors}
    return Experience(percept.features, actions, number, number, percept.features, percept.valid, memories)


def _optimizer(dqn: DQN) -> optax.GradientTransformation:
    return optax.chain(
        optax.clip_by_global_norm(dqn.max_gradient_norm),
        optax.scale_by_adam(eps=1e-5),
        optax.scale_by_learning_rate(dqn.learning_rate),
    )


def _learner(dqn: DQN, environment: Environment, parts: dict[str, _Part]) -> Learner:
    steps_per_update = dqn.n_worlds * dqn.n_steps

    def policies(learned: Mapping[str, Learned], act: Callable[[Policy], AbstractPolicy]) -> dict[str, AbstractPolicy]:
        acting: dict[str, AbstractPolicy] = {role.name: RandomPolicy() for role in environment.roles}
        return acting | {n: act(parts[n].network(own.vector, own.statistics)) for n, own in learned.items()}

    def init(key: Key) -> DQNState:
        world_key, network_key, run_key = jax.random.split(key, 3)
        learned = {}
        for (name, part), own_key in zip(parts.items(), jax.random.split(network_key, len(parts)), strict=True):
            vector = part.flat.flatten(part.flat.build(own_key))
            learned[name] = Learned(
                vector,
                vector,
                _optimizer(dqn).init(vector),
                Replay.empty(part.rows, dqn.replay_size),
                Statistics.none(part.role.n_features) if dqn.normalize else None,
                jnp.zeros((), jnp.int32),
            )
        worlds = begin(environment, policies(learned, ValuePolicy), world_key, dqn.n_worlds)
        return copied(DQNState(worlds, learned, run_key, jnp.zeros((), jnp.int32)))

    def update(state: DQNState) -> tuple[DQNState, Metrics]:
        sense_key, draw_key, next_key = jax.random.split(state.key, 3)
        epsilon = annealed(dqn.epsilon_start, dqn.epsilon_end, dqn.epsilon_steps, state.n_updates, steps_per_update)
        acting = policies(state.learned, lambda values: EpsilonGreedy(values, epsilon))
        worlds, transitions, metrics = collect(environment, acting, state.worlds, dqn.n_steps)
        last = jax.vmap(environment.observe)(worlds.now.state, jax.random.split(sense_key, dqn.n_worlds))
        metrics |= {"epsilon": epsilon}
        begun = steps_done(state.n_updates + 1, steps_per_update) >= dqn.warmup_steps
        learned = {}
        for (name, part), own_key in zip(parts.items(), jax.random.split(draw_key, len(parts)), strict=True):
            own = _remember(dqn, part, state.learned[name], transitions, last[name])
            ready = begun & (own.replay.count > 0)
            learned[name], figures = _improve(dqn, part, own, ready, own_key)
            metrics |= {f"{key}/{name}": figure for key, figure in figures.items()}
        return DQNState(worlds, learned, next_key, state.n_updates + 1), metrics

    def copied_policies(state: DQNState) -> dict[str, AbstractPolicy]:
        return copied(policies(state.learned, ValuePolicy))

    return Learner(init, update, copied_policies, steps_per_update)


def _remember(dqn: DQN, part: _Part, own: Learned, transitions: Transition, last: Percept) -> Learned:
    """Adds what the active lived through to what is remembered."""
    name = part.role.name
    percepts, feedback = transitions.percepts[name], transitions.feedback[name]
    assert transitions.final is not None and transitions.final_valid is not None
    after = seen_after(
        (percepts.features, percepts.valid),
        (last.features, last.valid),
        (transitions.final[name], transitions.final_valid[name]),
        feedback.truncated,
    )
    returned, weight, end = n_step_returns(
        feedback.reward, feedback.terminated, feedback.truncated, dqn.discount, dqn.return_steps
    )
    next_features, next_valid = jax.tree.map(lambda x: jnp.take_along_axis(x, end[..., None], axis=0), after)
    experience = Experience(
        percepts.features,
        transitions.decisions[name].actions,
        returned,
        weight,
        next_features,
        next_valid,
        transitions.memories[name],
    )
    rows = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[3:]), (experience, feedback.active))
    replay = own.replay.including(part.packing.pack(rows[0]), rows[1])
    statistics = own.statistics and own.statistics.including(percepts.features, feedback.active)
    return eqx.tree_at(lambda o: (o.replay, o.statistics), own, (replay, statistics), is_leaf=lambda leaf: leaf is None)


def _improve(dqn: DQN, part: _Part, own: Learned, ready: Array, key: Key) -> tuple[Learned, dict[str, Array]]:
    """Takes the gradient steps of an update, once there is something to learn from."""
    optimizer: Any = _optimizer(dqn)
    rows = own.replay.draw(key, (dqn.n_gradients, dqn.batch_size))

    def step(carry: Carry, drawn: Array) -> tuple[Carry, dict[str, Array]]:
        vector, target, optimizer_state, n_gradients = carry
        batch: Experience = part.packing.unpack(own.replay.take(drawn))
        if own.statistics is not None:
            seen = own.statistics.normalize(batch.features), own.statistics.normalize(batch.next_features)
            batch = eqx.tree_at(lambda b: (b.features, b.next_features), batch, seen)
        online = part.flat.restore(vector)
        wanted = targets(online, part.flat.restore(target), batch, part.role, dqn.double)
        gradients, figures = gradient(online, batch, wanted, part.role, dqn.linear_beyond)
        changes, optimizer_state = optimizer.update(part.flat.flatten(gradients), optimizer_state)
        vector, n_gradients = vector + changes, n_gradients + 1
        share = jnp.where(n_gradients % dqn.target_every == 0, dqn.target_rate, 0.0)
        return (vector, (1.0 - share) * target + share * vector, optimizer_state, n_gradients), figures

    def learn(carry: Carry) -> tuple[Carry, dict[str, Array]]:
        carry, figures = jax.lax.scan(step, carry, rows)
        return carry, {name: jnp.mean(figure) for name, figure in figures.items()}

    def wait(carry: Carry) -> tuple[Carry, dict[str, Array]]:
        return carry, {name: jnp.zeros(()) for name in ("loss", "value")}

    carry = (own.vector, own.target, own.optimizer, own.n_gradients)
    (vector, target, optimizer_state, n_gradients), figures = jax.lax.cond(ready, learn, wait, carry)
    return Learned(vector, target, optimizer_state, own.replay, own.statistics, n_gradients), figures
