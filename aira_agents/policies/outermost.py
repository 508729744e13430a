"""Did agents act in ways that there are? Compiled code cannot complain, so it is asked afterwards.

A rule in NumPy is looked at as it answers (`rule.py`), and a network's actions are drawn from those that there are.
What a rule in JAX returns, or a network whose numbers blew up, is known only here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp

from aira_agents.environment import Role
from aira_agents.errors import InputError
from aira_agents.spaces import NO_ACTION
from aira_agents.types import Array, Bool, Float


def outermost(
    roles: Sequence[Role], decisions: Mapping[str, Any], counts: Mapping[str, Bool[Array, "*worlds capacity"]]
) -> Float[Array, "effectors 2"]:
    """Returns the least and the greatest number that those who count acted by: a row for every effector of every role.

    Not-a-number is both where there is one.
    """
    found = []
    for role in roles:
        for name in role.spaces:
            actions = decisions[role.name].actions[name]
            among = counts[role.name].reshape(counts[role.name].shape + (1,) * len(role.spaces[name].shape))
            own = jnp.where(among, actions, 0)
            found += [jnp.min(own).astype(jnp.float32), jnp.max(own).astype(jnp.float32)]
    return jnp.asarray(found, jnp.float32).reshape(-1, 2)


def nothing_done(roles: Sequence[Role]) -> Float[Array, "effectors 2"]:
    """Returns what `outermost` does where nobody acted."""
    return jnp.zeros((sum(len(role.effectors) for role in roles), 2))


def is_sound(
    roles: Sequence[Role], decisions: Mapping[str, Any], counts: Mapping[str, Bool[Array, " capacity"]]
) -> Bool[Array, ""]:
    """Says whether all that those who count did were actions. It takes less time than `outermost`, which says what."""
    sound = jnp.bool_(True)
    for role in roles:
        for name, space in role.spaces.items():
            actions = decisions[role.name].actions[name]
            among = counts[role.name].reshape(counts[role.name].shape + (1,) * len(space.shape))
            sound &= jnp.all(space.spans(actions, actions) | ~among)
    return sound


def check_actions(roles: Sequence[Role], found: Any) -> None:
    """Raises `InputError` for the first effector that was told what is no action."""
    effectors = [(role.name, name, space) for role in roles for name, space in role.spaces.items()]
    for (role, name, space), (low, high) in zip(effectors, found.tolist(), strict=True):
        if not space.spans(low, high):
            came = high if space.spans(low, low) else low
            got = f"got {came:g}. {space.advice}"
            if came == NO_ACTION:
                got = "its network's outputs are not-a-number. Look at its weights, and at what it perceives."
            raise InputError(f"The policy of {role!r} must return {space.expected} for `{name}`; {got}")
