"""Recording: episodes of any policy or person in any world, through the one loop.

`record` runs many worlds at once, each to its end. `Tape` takes down one world step by step while somebody drives it.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import equinox as eqx
import jax
import numpy as np

from aira_agents.data.dataset import Dataset
from aira_agents.data.episodes import UNSPECIFIED, Episode, Provenance, Track
from aira_agents.environment import Environment
from aira_agents.errors import InputError, unknown_name
from aira_agents.interfaces import interfaces_of, values_of, world_name
from aira_agents.loop import Transition, rollout, start_worlds
from aira_agents.policies.checking import policies_for
from aira_agents.policies.fingerprint import fingerprint
from aira_agents.policies.policy import AbstractPolicy
from aira_agents.policies.rule import plain_errors
from aira_agents.populations import State
from aira_agents.types import Array, Int, Key

WORLDS_AT_ONCE = 64
NUMBERS_AT_ONCE = 2**26  # that a block of worlds may record: 256 MB
PERSON = "person"


class Moment(eqx.Module):
    """What is kept of one step, by role; the values have a leading axis of agents."""

    roles: dict[str, dict[str, Any]]  # the fields of a `Track`, but for `weight`; `fresh` is of after the step
    final: Any  # role to what was seen last, only where the world ended
    time: Int[Array, "*worlds"]


def record(
    environment: Environment,
    policies: Any,
    seed: int,
    n_episodes: int,
    *,
    columns: Sequence[str] = (),
    who: str | None = None,
    licence: str = UNSPECIFIED,
    most_steps: int | None = None,
) -> Dataset:
    """Records `n_episodes` worlds from reset to end.

    Each world gives its first episode only: taking whatever ends first would prefer short ones.

    Args:
        environment: The world.
        policies: A policy or a plain function for all roles, or a dictionary with one for each, as `policies_for` takes
            them.
        seed: The one source of chance.
        n_episodes: How many.
        columns: Columns of the populations to keep for groups, such as `x`; of the roles that have them.
        who: The random id of the participant who acted, if one did.
        licence: Under which the data may be used.
        most_steps: Where to stop, if the world goes on for longer; an episode cut off so counts as truncated.

    Raises:
        InputError: This is no world, a number is below 1, or no role has such a column.
        IncompatiblePolicyError: A role has no policy, or one that does not fit.
    """
    if n_episodes < 1 or (most_steps is not None and most_steps < 1):
        got = n_episodes if most_steps is None else f"{n_episodes} of {most_steps}"
        raise InputError(f"A recording takes at least 1 episode of 1 step; got {got}.")
    policies = policies_for(environment, policies, named=True)
    kept = _checked(environment, columns)
    n_steps = min(int(environment.max_steps), most_steps or 2**31)
    per_world = n_steps * sum(role.capacity * (role.n_features + 16) for role in environment.roles)
    n_worlds = min(n_episodes, WORLDS_AT_ONCE, max(1, NUMBERS_AT_ONCE // per_world))
    about = provenance(environment, policies, seed=seed, who=who, licence=licence)
    episodes: list[Episode] = []
    for block in range(-(-n_episodes // n_worlds)):
        key = jax.random.fold_in(jax.random.key(seed), block)
        with plain_errors():
            happened = jax.device_get(_run(environment, policies, key, n_worlds, n_steps, kept))
        for world in range(min(n_worlds, n_episodes - len(episodes))):
            tracks = _first_episode(happened, world)
            episodes.append(Episode(dataclasses.replace(about, index=len(episodes)), tracks))
    return Dataset(interfaces_of(environment), tuple(episodes))


class Tape:
    """Takes down one world step by step: `tape.add(model.transition)` after each step of a hosted model."""

    def __init__(self, environment: Environment, *, columns: Sequence[str] = ()) -> None:
        self._environment = environment
        self._keep = jax.jit(keeper(_checked(environment, columns)))
        self._moments: list[Moment] = []

    def __len__(self) -> int:
        return len(self._moments)

    def add(self, transition: Transition) -> None:
        """Adds a step of one world."""
        self._moments.append(jax.device_get(self._keep(transition)))

    def episode(self, about: Provenance, last: State) -> Episode:
        """Returns what was taken down; `last` is the world after the last step. A world that goes on counts as cut.

        Raises:
            InputError: Nothing was added.
        """
        if not self._moments:
            raise InputError("Nothing was recorded: a tape needs at least one step.")
        seen = self._environment.observe(last, jax.random.key(len(self)))
        final = {role: np.asarray(percept.features) for role, percept in seen.items()}
        steps = jax.tree.map(lambda *leaves: np.stack(leaves), *self._moments)
        cut = not bool(self._environment.ended(last))
        return Episode(about, {role: _track(kept, final[role], cut) for role, kept in steps.roles.items()})


def provenance(
    environment: Environment,
    policies: Mapping[str, Any],
    *,
    seed: int | None = None,
    who: str | None = None,
    licence: str = UNSPECIFIED,
) -> Provenance:
    """Says where an episode comes from that is recorded now; `policies` may hold `PERSON` for a role."""
    return Provenance(
        world=world_name(environment),
        parameters=values_of(environment),
        recorded_at=datetime.now(UTC).isoformat(timespec="seconds"),
        policies={role: own if own == PERSON else fingerprint(own) for role, own in policies.items()},
        seed=seed,
        who=who,
        licence=licence,
    )


def keeper(columns: Mapping[str, Sequence[str]]) -> Callable[[Transition], Moment]:
    """Returns what `rollout` and `unroll` take as `keep`, to record with these columns (by role)."""

    def keep(transition: Transition) -> Moment:
        assert transition.before is not None
        roles = {}
        for role, percept in transition.percepts.items():
            feedback, agents = transition.feedback[role], transition.before.agents[role]
            roles[role] = {
                "features": percept.features,
                "valid": percept.valid,
                "actions": transition.decisions[role].actions,
                "reward": feedback.reward,
                "terminated": feedback.terminated,
                "truncated": feedback.truncated,
                "active": feedback.active,
                "fresh": transition.fresh[role],
                "uid": agents.uid,
                "parent": agents.parent,
                "columns": {name: getattr(agents, name) for name in columns[role]},
            }
        return Moment(roles, transition.final, transition.before.time)

    return keep


def _checked(environment: Environment, columns: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Returns role to those of `columns` that it has."""
    fields = {r: [f.name for f in dataclasses.fields(p)] for r, p in environment.populations.items()}
    for name in columns:
        if not any(name in own for own in fields.values()):
            raise unknown_name("column", name, {one for own in fields.values() for one in own})
    return {role: tuple(name for name in columns if name in own) for role, own in fields.items()}


@eqx.filter_jit
def _run(
    environment: Environment,
    policies: dict[str, AbstractPolicy],
    key: Key,
    n_worlds: int,
    n_steps: int,
    columns: dict[str, tuple[str, ...]],
) -> Any:
    """Returns the moments `[n_steps, n_worlds, ...]`, what is seen after them, and the time it is then."""
    run_key, sense_key = jax.random.split(key)
    now = start_worlds(environment, policies, run_key, n_worlds)
    now, moments = rollout(environment, policies, now, n_steps, keeper(columns))
    seen = jax.vmap(environment.observe)(now.state, jax.random.split(sense_key, n_worlds))
    return moments, {role: percept.features for role, percept in seen.items()}, now.state.time


def _first_episode(happened: tuple[Moment, dict[str, Any], Any], world: int) -> dict[str, Track]:
    moments, seen, time_after = happened
    # A world that is not at time 0 has not been renewed since: there is no other sign of an end that nobody lived to.
    times = np.append(moments.time[:, world], time_after[world])
    renewed = np.flatnonzero(times[1:] == 0)
    cut = len(renewed) == 0
    n_steps = len(times) - 1 if cut else int(renewed[0]) + 1
    tracks = {}
    for role, kept in moments.roles.items():
        last = seen[role][world] if cut else moments.final[role][n_steps - 1, world]
        own = jax.tree.map(functools.partial(_cut_out, n_steps=n_steps, world=world), kept)
        tracks[role] = _track(own, last.copy(), cut)
    return tracks


def _cut_out(leaf: Any, n_steps: int, world: int) -> np.ndarray:
    return np.ascontiguousarray(leaf[:n_steps, world])


def _track(kept: dict[str, Any], final: np.ndarray, cut: bool) -> Track:
    """Makes a track of one world's steps; `cut`: recording stopped while the world went on."""
    active, fresh, truncated = kept["active"], kept["fresh"], kept["truncated"].copy()
    if cut:
        truncated[-1] |= active[-1] & ~kept["terminated"][-1]
    # The loop says whose memory was renewed after a step; data say whose was before it.
    before = np.concatenate([np.ones_like(fresh[:1]), fresh[:-1]])
    return Track(
        **{name: kept[name] for name in ("features", "valid", "actions", "reward", "terminated", "uid", "parent")},
        truncated=truncated,
        active=active,
        fresh=before,
        weight=active.astype(np.float32),
        columns=kept["columns"],
        final=final,
    )
