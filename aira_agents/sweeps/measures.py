"""What is written down of a world: its own measures, numbers of agents, and means of what they and the land have."""

from collections.abc import Iterable

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.environment import Environment
from aira_agents.hosting.numbers import number_names
from aira_agents.neighbours.room import CROWDED
from aira_agents.populations import Population, State
from aira_agents.types import Array, Float

CLOCKS = ("agents", "time", "next_uid", "refused_births")


Share = tuple[Array, Array]
"""What is to be divided by what, outside the program: inside, the last bit depends on what stands beside it."""


def measured(environment: Environment, state: State) -> dict[str, Share]:
    """Returns for each role `n_ROLE` and `mean_ROLE_COLUMN`, for each array `mean_ARRAY`, and `environment.measures`.

    A mean over agents is that over the living, not-a-number where there is none. A single number is as it is.
    """
    found: dict[str, tuple[Array, Array | int]] = {name: (own, 1) for name, own in environment.measures(state).items()}
    for role, agents in state.agents.items():
        n = jnp.sum(agents.alive)
        found[f"n_{role}"] = (n, 1)
        for name in number_names(agents):
            found[f"mean_{role}_{name}"] = (jnp.sum(jnp.where(agents.alive, _column(agents, name), 0)), n)
    for name, array in vars(state).items():
        if name not in CLOCKS and _is_quantity(array):
            found[f"mean_{name}" if array.ndim else name] = (jnp.sum(array.astype(jnp.float32)), array.size)
    found["refused_births"] = (state.refused_births, 1)
    return {name: (jnp.float32(value), jnp.float32(count)) for name, (value, count) in found.items()}


def measure_names(environment: Environment) -> list[str]:
    """Returns the names of all there is to measure, in order; runs nothing."""
    key = jax.eval_shape(lambda: jax.random.key(0))
    found = eqx.filter_eval_shape(lambda key: measured(environment, environment.reset(key)), key)
    rewards = [f"{kind}_{role.name}" for role in environment.roles for kind in ("reward", "total_reward")]
    return in_order([*found, *rewards])


def in_order(names: Iterable[str]) -> list[str]:
    """Returns names of what was measured, what tells most first: the world's own, rewards, numbers, means."""
    kinds = ("total_reward_", "reward_", "n_", "mean_", "refused_births", CROWDED)

    def place(name: str) -> int:
        return next((i for i, kind in enumerate(kinds) if name.startswith(kind)), -1)

    return sorted(names, key=lambda name: (place(name), name))


def _column(agents: Population, name: str) -> Float[Array, " capacity"]:
    column, _, index = name.partition("[")
    values = getattr(agents, column)
    return (values if not index else values[:, int(index.rstrip("]"))]).astype(jnp.float32)


def _is_quantity(array: object) -> bool:
    return isinstance(array, jax.Array) and not jnp.issubdtype(array.dtype, jax.dtypes.prng_key)
