"""What the page wraps around every policy: parts can be taken away, and a person can lead agents by hand."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from aira_agents.environment import Environment, Role
from aira_agents.human.driven import Driven
from aira_agents.policies.impaired import Impaired
from aira_agents.policies.policy import AbstractPolicy
from aira_agents.types import Bool
from viz.impairments import Impairments


def wrapped(
    policies: Mapping[str, AbstractPolicy], environment: Environment, away: Impairments
) -> dict[str, AbstractPolicy]:
    """Wraps every policy, also where nothing is taken away and nobody leads: a switch then compiles nothing."""
    return {role.name: Driven.by_nobody(_impaired(policies[role.name], role, away), role) for role in environment.roles}


def impaired_as(away: Impairments, policies: Mapping[str, Any], environment: Environment) -> dict[str, AbstractPolicy]:
    """Returns what `wrapped` made with something else taken away; who is led goes on to be led."""
    made: dict[str, AbstractPolicy] = {}
    for role in environment.roles:
        own: Driven = policies[role.name]
        inner = _impaired(own.policy.policy, role, away)  # pyright: ignore[reportAttributeAccessIssue]
        made[role.name] = Driven(inner, own.led, own.actions, own.forbidden)
    return made


def bare(policies: Mapping[str, Any]) -> dict[str, AbstractPolicy]:
    """Returns policies without what `wrapped` put around them."""
    return {
        name: own.policy.policy if isinstance(own, Driven) and isinstance(own.policy, Impaired) else own
        for name, own in policies.items()
    }


def _impaired(policy: AbstractPolicy, role: Role, away: Impairments) -> Impaired:
    frozen = {name: jnp.asarray(away.rows(role, name)) for name in role.spaces}
    return Impaired(policy, jnp.asarray(away.blind(role)), frozen)


def blinded(role: Role, away: Impairments) -> Bool[np.ndarray, "capacity features"]:
    """Returns which features of a role are not seen, by row."""
    return away.blind(role)
