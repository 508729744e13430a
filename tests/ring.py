"""A ring of places that pay differently, and what a reward model learns of clips of walks on it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import probes

from aira_agents.effectors import Effector
from aira_agents.environment import Role
from aira_agents.human.judge import Judge
from aira_agents.human.preferences import Preferences
from aira_agents.human.reward_model import TasteModel, encoded
from aira_agents.parameters import number, size
from aira_agents.populations import Population, State, clocks, founders, with_columns
from aira_agents.sensors import ColumnSensor, Range
from aira_agents.spaces import Discrete
from aira_agents.types import Array, Float, Int

PAYS = np.asarray([0.1, -1.0, 2.0, 0.5, -0.3])  # what each place on the ring pays


class Places(Population):
    place: Int[Array, " capacity"]


class Step(Effector):
    name: str = eqx.field(static=True, default="step")

    @property
    def space(self):
        return Discrete(("stay", "on"))

    def __call__(self, state, actions, key):
        here = state.agents["walker"].place
        return with_columns(state, "walker", place=((here + actions) % 5).astype(jnp.int32))


class Ring(probes.Probe):
    """Walkers on a ring of five places; each pays whoever stands there."""

    populations = {"walker": Places}
    sign: Float[Array, ""] = number(1)
    mortality: Float[Array, ""] = number(0, low=0, high=1)
    n_players: int = size(2)
    max_steps: Int[Array, ""] = number(40, low=1, whole=True)

    @property
    def roles(self):
        sensors = tuple(Stands(at=i, role="walker", name=f"at{i}", range=Range(0, 1)) for i in range(5))
        return (Role("walker", self.n_players, sensors, (Step(),)),)

    def reset(self, key):
        place = jax.random.randint(key, (self.n_players,), 0, 5, jnp.int32)
        return State(agents={"walker": Places(**founders(self.n_players), place=place)}, **clocks(self.n_players + 1))

    def dynamics(self, state, key):
        alive = state.agents["walker"].alive & (jax.random.uniform(key, (self.n_players,)) >= self.mortality)
        return with_columns(state, "walker", alive=alive)

    def rewards(self, before, actions, after):
        return {"walker": self.sign * jnp.asarray(PAYS, jnp.float32)[before.agents["walker"].place]}


class Stands(ColumnSensor):
    at: int = eqx.field(static=True, default=0)

    def __call__(self, state, scene, index, key):
        return jnp.reshape(state.agents[self.role].place[index] == self.at, (1,)).astype(jnp.float32)


def a_model(n, n_models):
    record = Preferences(clip_steps=4, n_gradients=32, width=16, n_models=n_models, memory_size=n, model_rate=0.01)
    return TasteModel(Ring().roles[0], record)


def answered(key, mistakes=0.0, n=300, n_models=3, updates=40):
    """Returns the model and taste after `n` answers about random clips of the ring, and clips it has not seen."""
    model = a_model(n, n_models)
    role = model.role
    clip_key, act_key, judge_key, count_key, *rest = jax.random.split(key, 5)
    place = jax.random.randint(clip_key, (2 * n, 2, 4), 0, 5)
    action = jax.random.randint(act_key, place.shape, 0, 2)
    pairs = encoded(role, jax.nn.one_hot(place, 5), {"step": action})
    paid = jnp.asarray(PAYS, jnp.float32)[place]
    answers = Judge(mistakes=mistakes).compare(paid, jnp.asarray(1.0), judge_key)
    taste = model.told(model.begun(rest[0]), pairs[:n], answers[:n], count_key)
    taste = jax.lax.scan(lambda t, k: (model.learned(t, k)[0], None), taste, jax.random.split(key, updates))[0]
    return model, taste, pairs[n:], jnp.sum(paid[n:], axis=-1)


def accuracy(mistakes, key):
    """Returns the share of 120 new pairs whose better clip the ensemble foretells, after as many answers."""
    model, taste, pairs, sums = answered(key, mistakes, 120)
    first = jnp.mean(model.chances(taste, pairs), axis=0) > 0.5
    different = sums[:, 0] != sums[:, 1]
    return jnp.sum((first == (sums[:, 0] > sums[:, 1])) & different) / jnp.sum(different)
