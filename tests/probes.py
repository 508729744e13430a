"""Tiny worlds with known answers, for every learner."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from aira_agents.effectors import Effector
from aira_agents.environment import Environment, Role
from aira_agents.learning.flattening import Flattener
from aira_agents.learning.pairs import pair_builder
from aira_agents.parameters import number, size
from aira_agents.populations import Population, State, clocks, founders, with_columns
from aira_agents.sensors import ColumnSensor, Range
from aira_agents.spaces import Discrete
from aira_agents.types import Array, Bool, Float, Int

ROLE, RIVAL = "player", "rival"


SHOWN = ColumnSensor(role=ROLE, name="shown", range=Range(-1, 1))


class Players(Population):
    chosen: Int[Array, " capacity"]
    right: Int[Array, " capacity"]  # what the right hand chose, of who has two
    cue: Float[Array, " capacity"]
    shown: Float[Array, " capacity"]  # what the player sees


class Choose(Effector):
    role: str = eqx.field(static=True, default=ROLE)
    forbidden: bool = eqx.field(static=True, default=False)  # whether action 1 is invalid
    name: str = eqx.field(static=True, default="choose")
    column: str = eqx.field(static=True, default="chosen")

    @property
    def space(self):
        return Discrete(("first", "second"))

    def valid(self, state, scene, index):
        return jnp.asarray([True, False]) if self.forbidden else None

    def __call__(self, state, actions, key):
        return with_columns(state, self.role, **{self.column: actions})


class Probe(Environment):
    """Players see `shown` and choose; subclasses say what it earns."""

    populations = {ROLE: Players}
    n_players: int = size(1)
    max_steps: Int[Array, ""] = number(1, low=1, whole=True)

    @property
    def roles(self):
        return (Role(ROLE, self.n_players, (SHOWN,), (Choose(),)),)

    def reset(self, key):
        cue = jax.random.rademacher(key, (self.n_players,), jnp.float32)
        nothing = jnp.zeros(self.n_players, jnp.int32)
        players = Players(**founders(self.n_players), chosen=nothing, right=nothing, cue=cue, shown=jnp.ones_like(cue))
        return State(agents={ROLE: players}, **clocks(self.n_players + 1))

    def dynamics(self, state, key):
        return state


class OneForever(Probe):
    """A reward of 1 a step; time runs out after one step, so the value is 1 / (1 - discount)."""

    def rewards(self, before, actions, after):
        return {ROLE: jnp.ones(self.n_players)}


class One(OneForever):
    """A reward of 1, and where `dies` is not zero, death: the value is then 1."""

    dies: Float[Array, ""] = number(0, low=0, high=1)

    def terminated(self, state) -> Bool[Array, ""]:
        return self.dies > 0


def run(learner, n_updates, key):
    """Returns the last state, and the metrics of each update; for a program around it."""
    return jax.lax.scan(lambda state, _: learner.update(state), learner.init(key), None, n_updates)


@eqx.filter_jit
def begun(record, world, networks):
    """Returns the first state of a learner; one program whatever the numbers of `record` and `world`."""
    return record.learner(world, networks).init(jax.random.key(0))


@eqx.filter_jit
def updated(record, world, networks, state):
    """Returns the next state and what was measured.

    The program is kept, so nothing that a test replaces for itself would be met: there is `run` for that.
    """
    return record.learner(world, networks).update(state)


def learned(record, world, networks, n_updates):
    """Returns the last state, and the metrics of each of one or more updates."""
    state, rows = begun(record, world, networks), []
    for _ in range(n_updates):
        state, metrics = updated(record, world, networks, state)
        rows.append(metrics)
    return state, {name: np.asarray([row[name] for row in rows]) for name in rows[0]}


def forever_and_once(learn):
    """Returns what `learn(world)` does where time runs out, and where agents die, `[2, ...]`: one program for both."""
    return jax.jit(jax.vmap(lambda dies: learn(One(dies=dies))))(jnp.asarray([0.0, 1.0]))


def values_of_critics(record, networks, n_updates):
    """Returns what the critic of an actor-critic makes of the only situation, of `forever_and_once`."""

    def value(world):
        state, _ = run(record.learner(world, networks), n_updates, jax.random.key(0))
        flat = Flattener(pair_builder(world.roles[0], networks, record.critic_width))
        return flat.restore(state.learned[ROLE].vector).critic(jnp.ones(1), None)[0][0]

    return forever_and_once(value).tolist()


class Bandit(Probe):
    """The second arm pays."""

    def rewards(self, before, actions, after):
        return {ROLE: after.agents[ROLE].chosen.astype(jnp.float32)}


class ForbiddenArm(Bandit):
    """The second arm pays, but may not be pulled."""

    @property
    def roles(self):
        (role,) = super().roles
        return (Role(role.name, role.capacity, role.sensors, (Choose(forbidden=True),)),)


class Opposites(Bandit):
    """Two roles: the second arm pays players, the first their rivals."""

    populations = {ROLE: Players, RIVAL: Players}

    @property
    def roles(self):
        (role,) = super().roles
        sensor = dataclasses.replace(SHOWN, role=RIVAL)
        return (role, Role(RIVAL, self.n_players, (sensor,), (Choose(role=RIVAL),)))

    def reset(self, key):
        state = super().reset(key)
        return dataclasses.replace(state, agents={ROLE: state.agents[ROLE], RIVAL: state.agents[ROLE]})

    def rewards(self, before, actions, after):
        return {
            ROLE: after.agents[ROLE].chosen.astype(jnp.float32),
            RIVAL: 1.0 - after.agents[RIVAL].chosen.astype(jnp.float32),
        }


class TwoHands(Probe):
    """A player with two hands: the second arm pays for the left, the first for the right."""

    @property
    def roles(self):
        (role,) = super().roles
        return (Role(ROLE, self.n_players, role.sensors, (Choose(name="left"), Choose(name="right", column="right"))),)

    def rewards(self, before, actions, after):
        players = after.agents[ROLE]
        return {ROLE: players.chosen + (1.0 - players.right)}


class HalfEmpty(Bandit):
    """Only the first player lives; the others' rows hold garbage."""

    garbage: Float[Array, ""] = number(1e6)

    def reset(self, key):
        state = super().reset(key)
        alive = jnp.arange(self.n_players) < 1
        state = with_columns(state, ROLE, alive=alive, uid=jnp.where(alive, 1, -1))
        return with_columns(state, ROLE, shown=jnp.where(alive, 1.0, self.garbage))


class Coordination(Probe):
    """Two players: both second pays 2, both first pays 1, else nothing."""

    def rewards(self, before, actions, after):
        chosen = after.agents[ROLE].chosen
        together = jnp.where(jnp.all(chosen == chosen[0]), 1.0 + chosen[0], 0.0)
        return {ROLE: jnp.broadcast_to(together, chosen.shape)}


class MemoryChain(Probe):
    """The cue is shown at first only; to choose as it says in the last step pays 1."""

    def reset(self, key):
        state = super().reset(key)
        return with_columns(state, ROLE, shown=state.agents[ROLE].cue)

    def dynamics(self, state, key):
        return with_columns(state, ROLE, shown=jnp.zeros(self.n_players))

    def rewards(self, before, actions, after):
        players = after.agents[ROLE]
        right = (players.chosen == 1) == (players.cue > 0)
        return {ROLE: jnp.where(before.time + 1 >= self.max_steps, right.astype(jnp.float32), 0.0)}
