"""How much of what agents do came from where: how far each kind of learning moved their choice of actions.

Environment steps, samples and signals cannot be compared: a click may move more than a million steps do. What can be
compared is what they did: the distance between the choices before and after, over situations that agents were in.
Total variation is that distance: 0 is the same choice, 1 is another one for sure.
"""

import itertools
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Float

from aira_agents.distributions import Categorical
from aira_agents.environment import Role
from aira_agents.policies.policy import Policy
from aira_agents.types import Array


@eqx.filter_jit
def moved(role: Role, before: Policy, after: Policy, features: Float[Array, "situations features"]) -> Array:
    """Returns the mean total variation between two policies' choices, 0..1; the mean over effectors, too."""
    one, other = _chances(role, before, features), _chances(role, after, features)
    return jnp.mean(jnp.stack([0.5 * jnp.sum(jnp.abs(a - b), axis=-1) for a, b in zip(one, other, strict=True)]))


def shares(
    role: Role, stages: Sequence[Policy], features: Float[Array, "situations features"]
) -> tuple[list[float], list[float]]:
    """Returns how far each stage of learning moved the choices, and which share of all this was.

    Args:
        role: Whose policies; they have no memory.
        stages: The untrained policy, and the one after each stage.
        features: Situations, such as the last that agents were in.
    """
    distances = [float(moved(role, a, b, features)) for a, b in itertools.pairwise(stages)]
    total = sum(distances)
    return distances, [distance / total if total > 0 else 0.0 for distance in distances]


def _chances(role: Role, policy: Policy, features: Array) -> list[Array]:
    parameters = jax.vmap(lambda own: policy(own, policy.initial_memory())[0])(features)
    parts = role.distribution(parameters, {}).parts.values()
    return [jnp.exp(part.log_probabilities) for part in parts if isinstance(part, Categorical)]
