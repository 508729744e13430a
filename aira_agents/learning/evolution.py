"""Evolution strategies: many disturbed copies of a network live, and the network moves toward those that fared well.

No gradient is taken, so the reward may come late and the network may be anything. Copies come in pairs disturbed in
opposite directions, which live in the same worlds; how well they fared counts by rank.
Source: Salimans et al. 2017, "Evolution strategies as a scalable alternative to reinforcement learning", algorithm 1
and section 2.1.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from aira_agents.environment import Environment, Feedback
from aira_agents.learning.collect import begin, collect
from aira_agents.learning.flattening import Flattener
from aira_agents.learning.learner import Learner, Metrics, builders, copied
from aira_agents.learning.parts import AUTOMATIC, HELP, Parts
from aira_agents.loop import Transition, in_first_episode
from aira_agents.parameters import check_parameters, number, option, size
from aira_agents.policies.normalized import NormalizedPolicy, Statistics
from aira_agents.policies.policy import AbstractPolicy, Builder
from aira_agents.policies.random import RandomPolicy
from aira_agents.types import Array, Float, Int, Key, Number


class Evolved(eqx.Module):
    """What is kept of one role."""

    vector: Float[Array, " parameters"]
    optimizer: Any
    statistics: Statistics | None


class EvolutionState(eqx.Module):
    """All that is needed to go on; worlds are made anew in every update."""

    evolved: dict[str, Evolved]
    key: Key


class Evolution(eqx.Module):
    """OpenAI's evolution strategies for every role of a world, each with a population of its own."""

    learning_rate: Number = number(0.05, low=0, high=1, help="step of the optimizer, Adam")
    noise_std: Number = number(0.1, low=1e-6, help="standard deviation of the disturbances")
    weight_decay: Number = number(0.0, low=0, high=1, help="how strongly weights are drawn to zero")
    n_pairs: int = size(32, help="pairs of copies, disturbed in opposite directions")
    n_worlds: int = size(1, help="worlds that each pair lives in")
    n_steps: int = size(200, unit="steps", help="longest life; the first episode of a world counts")
    normalize: bool = option(False, (False, True), help="whether policies see normalised observations")
    n_parts: int = size(AUTOMATIC, low=AUTOMATIC, help=HELP.format("pairs"))

    def __check_init__(self) -> None:
        check_parameters(self)

    def learner(self, environment: Environment, networks: Builder | Mapping[str, Builder]) -> Learner:
        """Makes the learner; a role that `networks` leaves out acts at random.

        Raises:
            InputError: A role does not exist, or the pairs cannot be cut into `n_parts`.
        """
        build = builders(environment, networks)
        roles = {role.name: role for role in environment.roles if role.name in build}
        flat = {
            name: Flattener(lambda key, role=role: build[role.name](role.n_features, role.n_outputs, key))
            for name, role in roles.items()
        }
        n_steps = 2 * self.n_pairs * self.n_worlds * self.n_steps

        def spread(devices: Sequence[Any]) -> Learner:
            parts = Parts(self.n_parts, self.n_pairs, devices, "n_pairs", worth=self.n_pairs)
            own = _Strategy(self, environment, flat, parts)
            placed = functools.partial(parts.placed, apart=_nothing)
            return Learner(own.init, parts.spread(own.update, _nothing), own.policies, n_steps, placed=placed)

        return spread(())._replace(spread=spread if self.n_parts != 1 else None)

    @property
    def optimizer(self) -> optax.GradientTransformation:
        """Adam, downhill."""
        return optax.chain(optax.scale_by_adam(), optax.scale_by_learning_rate(self.learning_rate))


class _Strategy:
    """The two functions of the learner, and what they share."""

    def __init__(self, record: Evolution, environment: Environment, flat: dict[str, Flattener], parts: Parts) -> None:
        self.record, self.environment, self.flat, self.parts = record, environment, flat, parts

    def init(self, key: Key) -> EvolutionState:
        network_key, run_key = jax.random.split(key)
        n_features = {role.name: role.n_features for role in self.environment.roles}
        evolved = {}
        for name, own_key in self._by_role(network_key).items():
            vector = self.flat[name].flatten(self.flat[name].build(own_key))
            statistics = Statistics.none(n_features[name]) if self.record.normalize else None
            evolved[name] = Evolved(vector, self.record.optimizer.init(vector), statistics)
        return copied(EvolutionState(evolved, run_key))

    def update(self, state: EvolutionState) -> tuple[EvolutionState, Metrics]:
        noise_key, world_key, next_key = jax.random.split(state.key, 3)
        noise = {
            name: jax.random.normal(key, (self.record.n_pairs, state.evolved[name].vector.size))
            for name, key in self._by_role(noise_key).items()
        }
        keys = jax.random.split(world_key, self.record.n_pairs)  # both of a pair live in the same worlds
        own_noise, own_keys = self.parts.own((noise, keys))
        found, seen = self.parts.each(functools.partial(self._lives, state), own_noise, own_keys)
        fitness, paid = jax.tree.map(self._of_all, self.parts.together(found))
        metrics = {name: jnp.nanmean(own) for name, own in paid.items()}
        evolved = {}
        for name, own in state.evolved.items():
            slope = uphill(fitness[name], noise[name]) / self.record.noise_std
            change, optimizer = self.record.optimizer.update(
                self.record.weight_decay * own.vector - slope, own.optimizer
            )
            statistics = own.statistics
            if statistics is not None:
                statistics = self.parts.merged(statistics, seen[name])
            evolved[name] = Evolved(own.vector + jnp.asarray(change), optimizer, statistics)
            metrics[f"fitness/{name}"] = jnp.mean(fitness[name])
            metrics[f"best_fitness/{name}"] = jnp.max(fitness[name])
        return EvolutionState(evolved, next_key), metrics

    def policies(self, state: EvolutionState) -> dict[str, AbstractPolicy]:
        return copied(self._acting(state, {name: own.vector for name, own in state.evolved.items()}))

    def _of_all(self, leaf: Array) -> Array:
        """Makes `[2, pairs]` of `[parts, 2, pairs / parts]`."""
        return leaf if self.parts.count == 1 else jnp.moveaxis(leaf, 0, 1).reshape(2, -1)

    def _lives(
        self, state: EvolutionState, noise: dict[str, Array], keys: Array
    ) -> tuple[tuple[dict[str, Array], Metrics], dict[str, Statistics]]:
        """Returns how all copies of some pairs fared, with their metrics, `[2, pairs]`, and what they perceived."""
        record, environment = self.record, self.environment

        def keep(transition: Transition) -> tuple[dict[str, Feedback], Array, dict[str, Array]]:
            assert transition.before is not None
            seen = {name: transition.percepts[name].features for name in self.flat if record.normalize}
            return transition.feedback, transition.before.time, seen

        def live(offsets: dict[str, Array], own_key: Key) -> Any:
            vectors = {name: own.vector + record.noise_std * offsets[name] for name, own in state.evolved.items()}
            policies = self._acting(state, vectors)
            worlds = begin(environment, policies, own_key, record.n_worlds)
            return collect(environment, policies, worlds, record.n_steps, keep)[1:]

        both = {name: jnp.stack([own, -own]) for name, own in noise.items()}
        (feedback, time, perceived), paid = jax.vmap(lambda offsets: jax.vmap(live)(offsets, keys))(both)
        seen = {
            name: Statistics.none(own.shape[-1]).including(_merged(own), _merged(feedback[name].active))
            for name, own in perceived.items()
        }
        return (first_episode(feedback, time), paid), seen

    def _acting(self, state: EvolutionState, vectors: Mapping[str, Array]) -> dict[str, AbstractPolicy]:
        acting: dict[str, AbstractPolicy] = {role.name: RandomPolicy() for role in self.environment.roles}
        for name, vector in vectors.items():
            network, statistics = self.flat[name].restore(vector), state.evolved[name].statistics
            acting[name] = network if statistics is None else NormalizedPolicy(network, statistics)
        return acting

    def _by_role(self, key: Key) -> dict[str, Key]:
        return dict(zip(self.flat, jax.random.split(key, len(self.flat)), strict=True))


def _nothing(state: EvolutionState) -> Any:
    """Says of every array of a state that it is not cut: all devices have all of it."""
    return jax.tree.map(lambda _: False, state)


def first_episode(
    feedback: Mapping[str, Feedback], time: Int[Array, "2 pairs steps worlds"]
) -> dict[str, Float[Array, "2 pairs"]]:
    """Returns how each copy fared: the mean, over its worlds, of what its role earned until the world was renewed.

    Args:
        feedback: By role, `[2, pairs, steps, worlds, capacity]`.
        time: That of each world before a step.
    """
    first = jax.vmap(jax.vmap(in_first_episode))(time)[..., None]
    return {
        name: jnp.sum(jnp.where(first & own.active, own.reward, 0.0), axis=(2, 3, 4)) / own.reward.shape[3]
        for name, own in feedback.items()
    }


def uphill(fitness: Float[Array, "2 pairs"], noise: Float[Array, "pairs parameters"]) -> Float[Array, " parameters"]:
    """Returns the direction in which fitness grows by rank, in units of the disturbances' deviation."""
    places = doubled_places(fitness.reshape(-1)).reshape(fitness.shape)
    # Whole numbers are subtracted: of both of a pair alike a rounding error would be left, and the optimizer, which
    # knows no size of a slope, would make a whole step of it.
    return (places[0] - places[1]).astype(jnp.float32) @ noise / (fitness.size * max(2 * (fitness.size - 1), 1))


def doubled_places(values: Float[Array, " n"]) -> Int[Array, " n"]:
    """Returns twice the places from the middle, `1 - n` to `n - 1`; equal values share theirs.

    So among equals no direction is preferred. Over `2 * (n - 1)` these are ranks from -0.5 to 0.5.
    """
    below = jnp.sum(values[None] < values[:, None], axis=1, dtype=jnp.int32)
    equal = jnp.sum(values[None] == values[:, None], axis=1, dtype=jnp.int32)
    return 2 * below + equal - values.size


def _merged(leaf: Array) -> Array:
    """Makes worlds of all copies' worlds: `[2, pairs, steps, worlds, ...]` to `[steps, 2 * pairs * worlds, ...]`."""
    steps_first = jnp.moveaxis(leaf, 2, 0)
    return steps_first.reshape(steps_first.shape[0], -1, *leaf.shape[4:])
