"""Demonstrations as a policy: nearest-neighbour lookup, without learning."""

import jax.numpy as jnp

from aira_agents.data.dataset import Dataset
from aira_agents.data.samples import rows
from aira_agents.environment import Environment
from aira_agents.policies.lookup import LookupPolicy


def lookup(environment: Environment, demonstrations: Dataset) -> dict[str, LookupPolicy]:
    """Returns for every role a policy that does what was done in the situation most like its own.

    Raises:
        InputError: The demonstrations are of another world, or hold none of a role.
    """
    demonstrations.check_fits(environment)
    policies = {}
    for role in environment.roles:
        samples = rows(demonstrations, role.name)
        actions = {name: jnp.asarray(own) for name, own in samples.actions.items()}
        policies[role.name] = LookupPolicy.build(jnp.asarray(samples.features), actions)
    return policies
