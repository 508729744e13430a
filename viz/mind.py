"""One agent from within: what it sensed, what it thought of it, what it did, and what came of it."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from aira_agents.distributions import Categorical, Normal
from aira_agents.environment import Role
from aira_agents.hosting.numbers import number_names, numbers
from aira_agents.hosting.steered import Steered
from aira_agents.human.driven import Driven
from aira_agents.policies.impaired import Impaired
from aira_agents.policies.policy import Greedy, Policy
from aira_agents.spaces import Discrete
from viz.anatomy import Anatomy, anatomy, row_of


class Sensed(NamedTuple):
    """What one sensor told."""

    sensor: str
    names: tuple[str, ...]
    values: np.ndarray  # [features]
    shape: tuple[int, ...]


class Acted(NamedTuple):
    """What one effector was told."""

    effector: str
    names: tuple[str, ...]  # of the actions, or of a box's numbers
    chosen: str
    probabilities: np.ndarray | None  # [actions]; `None`: a rule, or numbers within bounds
    means: np.ndarray | None  # [numbers], with their deviations, of a box
    deviations: np.ndarray | None


class Mind(NamedTuple):
    """One agent in the last step."""

    role: Role
    uid: int
    age: int  # steps
    alive: bool
    acted_yet: bool  # whether it was there in the last step; if not, only what follows from its columns is known
    reward: float
    sensed: tuple[Sensed, ...]
    acted: tuple[Acted, ...]
    memory: np.ndarray | None  # flat
    anatomy: Anatomy | None
    columns: dict[str, float]


def mind_of(model: Steered, role_name: str, uid: int) -> Mind | None:
    """Returns the agent as it was in the last step, or `None` if nobody of that uid is there any more."""
    environment, state, _ = model.moment()
    role = next(role for role in environment.roles if role.name == role_name)
    population = state.agents[role_name]
    rows = np.flatnonzero(np.asarray(population.uid) == uid)
    if not len(rows):
        return None
    row = int(rows[0])
    alive = bool(np.asarray(population.alive)[row])
    columns = _columns(population, row)
    decided = model.decided()
    blank = Mind(role, uid, model.age(uid), alive, False, 0.0, (), (), None, None, columns)
    if decided is None or not bool(np.asarray(decided[1].feedback[role_name].active)[row]):
        return blank
    policies, transition = decided
    policy = policies[role_name]
    if isinstance(policy, Driven):
        policy = policy.policy
    features = np.array(transition.percepts[role_name].features[row])
    if isinstance(policy, Impaired):
        features = np.where(np.asarray(policy.blind[row]), 0.0, features)
        policy = policy.policy
    memory = row_of(transition.memories[role_name], row)
    inside = anatomy(policy, jnp.asarray(features), memory) if isinstance(policy, Policy | Greedy) else None
    valid = row_of(transition.percepts[role_name].valid, row)
    sensed = tuple(
        Sensed(name, role.features[start:stop], features[start:stop], shape) for name, start, stop, shape in role.layout
    )
    return blank._replace(
        acted_yet=True,
        reward=float(transition.feedback[role_name].reward[row]),
        sensed=sensed,
        acted=_acted(role, row_of(transition.decisions[role_name].actions, row), inside, valid),
        memory=_flat(memory),
        anatomy=None if inside is None else jax.tree.map(np.asarray, inside),
    )


def _acted(role: Role, actions: dict[str, Any], inside: Anatomy | None, valid: dict[str, Any]) -> tuple[Acted, ...]:
    parts = {} if inside is None else role.distribution(inside.layers[-1], valid).parts
    found = []
    for name, space in role.spaces.items():
        part, action = parts.get(name), np.asarray(actions[name])
        if isinstance(space, Discrete):
            shares = np.exp(np.asarray(part.log_probabilities)) if isinstance(part, Categorical) else None
            found.append(Acted(name, space.names, space.names[int(action)], shares, None, None))
            continue
        told = zip(space.names, action, space.units, strict=True)
        chosen = ", ".join(f"{label} {value:.3g} {unit}".strip() for label, value, unit in told)
        means, deviations = None, None
        if isinstance(part, Normal):
            means, deviations = np.asarray(part.mean), np.exp(np.asarray(part.log_std))
        found.append(Acted(name, space.names, chosen, None, means, deviations))
    return tuple(found)


def _columns(population: Any, row: int) -> dict[str, float]:
    return {name: float(numbers(population, name)[row]) for name in number_names(population)}


def _flat(memory: Any) -> np.ndarray | None:
    leaves = [np.asarray(leaf).reshape(-1) for leaf in jax.tree.leaves(memory) if np.asarray(leaf).dtype.kind == "f"]
    return np.concatenate(leaves) if leaves else None
