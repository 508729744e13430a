"""A game: worlds that wait for a person, who decides for one agent while policies decide for all others."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from aira_agents.data.dataset import Dataset
from aira_agents.data.episodes import UNSPECIFIED, Episode
from aira_agents.data.recording import PERSON, Tape, provenance
from aira_agents.environment import Environment, Percept
from aira_agents.errors import InputError, unknown_name
from aira_agents.human.driven import Driven
from aira_agents.human.overseer import check_role
from aira_agents.interfaces import interfaces_of
from aira_agents.loop import Now, Transition, one_step, start
from aira_agents.policies.checking import check_policies
from aira_agents.policies.policy import AbstractPolicy
from aira_agents.types import Key


class Game:
    """One person's worlds, one after the other.

    Attributes:
        environment: The world.
        policies: Role to who decides for all others.
        role: Of the agent that is played.
        agent: Which of those who live at the start, from 1.
        seed: The one source of chance.
        number: Which world is played, from 0.
        n_episodes: Worlds in all.
        uid: The agent in the world that is played.
        now: That world.
        is_over: Whether all worlds were played, or the person stopped.
        episodes: What was played so far. Only what the person did counts in learning: all else has weight 0.
    """

    def __init__(
        self,
        environment: Environment,
        policies: Mapping[str, AbstractPolicy],
        *,
        role: str | None = None,
        agent: int = 1,
        seed: int = 0,
        n_episodes: int = 1,
        who: str,
        licence: str = UNSPECIFIED,
    ) -> None:
        """Begins the first world; arguments and errors are those of `demonstrate`."""
        roles = {own.name: own for own in environment.roles}
        if role is not None and role not in roles:
            raise unknown_name("role", role, roles)
        self.role = roles[role or next(iter(roles))]
        if n_episodes < 1 or not 1 <= agent <= self.role.capacity:
            raise InputError(
                f"This takes at least 1 episode and an agent in 1..{self.role.capacity}; got {n_episodes} and {agent}."
            )
        check_policies(environment, policies)
        check_role(self.role)
        self.environment, self.policies, self.agent, self.seed = environment, dict(policies), agent, seed
        self._about = dataclasses.replace(
            provenance(environment, {**policies, self.role.name: PERSON}, seed=seed, who=who, licence=licence),
            channel="keyboard",
        )
        self._undriven = Driven.by_nobody(self.policies[self.role.name], self.role)
        self.n_episodes, self.number, self.is_over = n_episodes, -1, False
        self.episodes: list[Episode] = []
        self._next_world()

    def percept(self) -> Percept:
        """Returns what the agent perceives now, noise included, as NumPy arrays without an axis of agents."""
        seen = _look(self.environment, self.now)[self.role.name]
        return jax.tree.map(lambda leaf: np.asarray(leaf[self._row]), seen)

    def can(self, action: int) -> bool:
        """Whether the agent can do this now."""
        mask = next(iter(self.percept().valid.values()), None)
        return mask is None or bool(mask[action])

    def act(self, action: int | None) -> float:
        """Does this with the agent; returns its reward, and begins the next world where this one or its life ended.

        `None`: its policy decides, and the step is not the person's.

        Raises:
            InputError: The game is over, or there is no such action.
        """
        (space,) = self.role.spaces.values()
        if self.is_over or (action is not None and not 0 <= action < space.n_parameters):
            raise InputError(f"An action must be in 0..{space.n_parameters - 1}, of a game that goes on; got {action}.")
        row, rows, driven = self._row, jnp.arange(self.role.capacity), self._undriven
        if action is not None:
            driven = dataclasses.replace(driven, led=rows == row, actions=jnp.full_like(rows, action))
        self.now, happened = _step(self.environment, {**self.policies, self.role.name: driven}, self.now)
        self._tape.add(happened)
        self._mine.append(action is not None)
        if not self._lives():
            self._keep()
            self._next_world()
        return float(happened.feedback[self.role.name].reward[row])

    def stop(self) -> None:
        """Ends the game; what was played of the world that is played is kept, too."""
        if not self.is_over:
            self._keep()
            self.is_over = True

    def played(self) -> Dataset:
        """Returns what was played so far; raises `InputError` if nothing was."""
        if not any(np.any(episode.tracks[self.role.name].weight) for episode in self.episodes):
            raise InputError("Nothing was demonstrated: the person stopped before the first step.")
        return Dataset(interfaces_of(self.environment), tuple(self.episodes))

    def _next_world(self) -> None:
        while self.number + 1 < self.n_episodes:
            self.number += 1
            key = jax.random.fold_in(jax.random.key(self.seed), self.number)
            self.now, self._tape = _start(self.environment, self.policies, key), Tape(self.environment)
            self._mine: list[bool] = []
            agents = self.now.state.agents[self.role.name]
            living = np.asarray(agents.uid)[np.asarray(agents.alive)]
            if self.agent > len(living):
                raise InputError(f"There are {len(living)} of {self.role.name!r} at the start; got agent {self.agent}.")
            self.uid = int(living[self.agent - 1])
            if self._lives():
                return
        self.is_over = True

    def _lives(self) -> bool:
        agents = self.now.state.agents[self.role.name]
        rows = np.flatnonzero((np.asarray(agents.uid) == self.uid) & np.asarray(agents.alive))
        self._row = int(rows[0]) if len(rows) else -1
        return self._row >= 0 and not bool(self.environment.ended(self.now.state))

    def _keep(self) -> None:
        if not len(self._tape):
            return
        about = dataclasses.replace(self._about, index=self.number)
        tracks = {}
        for name, track in self._tape.episode(about, self.now.state).tracks.items():
            own = (track.uid == self.uid) & track.active & (name == self.role.name) & np.array(self._mine)[:, None]
            tracks[name] = dataclasses.replace(track, weight=own.astype(np.float32))
        self.episodes.append(Episode(about, tracks))


# At the level of the file: another game in a world of the same shapes compiles nothing.


@eqx.filter_jit
def _start(environment: Environment, policies: dict[str, AbstractPolicy], key: Key) -> Now:
    return start(environment, policies, key)


@eqx.filter_jit
def _step(environment: Environment, policies: dict[str, AbstractPolicy], now: Now) -> tuple[Now, Transition]:
    return one_step(environment, policies, now)


@eqx.filter_jit
def _look(environment: Environment, now: Now) -> Any:
    # As `one_step` splits the key: the person is told what the agent is about to perceive, noise included.
    return environment.observe(now.state, jax.random.split(now.key, 4)[1])
