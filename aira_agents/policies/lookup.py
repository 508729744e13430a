"""Nearest-neighbour lookup: do what was done in the situation most like this one. Nothing is learned.

Source: Cover and Hart 1967, "Nearest neighbor pattern classification"; as imitation: Pari et al. 2022, "The surprising
effectiveness of representation learning for visual imitation", section 3.
"""

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.environment import Percept, Role
from aira_agents.errors import InputError
from aira_agents.keys import for_agents
from aira_agents.policies.policy import AbstractPolicy, Decision
from aira_agents.types import Array, Bool, Float, Key, Memory


class LookupPolicy(AbstractPolicy):
    """Takes the action of the nearest decision that is valid now; of equally near ones, any, so that doubt is kept.

    Distance is Euclidean, each feature in units of its deviation in the data. Where no recorded action is valid, it
    acts at random. A decision costs time and memory in proportion to the rows: for thousands of them, not millions.
    """

    features: Float[Array, "rows features"]  # in units of `scale`
    actions: dict[str, Array]  # effector to `[rows]` or `[rows, size]`
    scale: Float[Array, " features"]
    known: Bool[Array, " rows"]  # an unknown row is never looked up

    @classmethod
    def build(
        cls,
        features: Float[Array, "rows features"],
        actions: dict[str, Array],
        known: Bool[Array, " rows"] | None = None,
    ) -> "LookupPolicy":
        """Makes the table of the rows that are `known`, by default all; raises `InputError` if there is no row."""
        if not len(features):
            raise InputError("A lookup needs at least one decision to look up.")
        if known is None:
            known = jnp.ones(len(features), bool)
        # Of an empty table there is no deviation, and nothing that it could matter for.
        deviation = jnp.nan_to_num(jnp.std(features, axis=0, where=known[:, None]))
        scale = jnp.where(deviation > 0, deviation, 1.0)
        return cls(features / scale[None], dict(actions), scale, known)

    def decide(self, role: Role, percept: Percept, memories: Memory, key: Key) -> tuple[Decision, Memory]:
        """Looks up for every row of the role."""
        look = eqx.filter_vmap(lambda features, valid, own_key: self._act(role, features, valid, own_key))
        actions = look(percept.features, percept.valid, for_agents(key, role.capacity))
        return Decision(actions, jnp.zeros(role.capacity)), memories

    def _act(
        self, role: Role, features: Float[Array, " features"], valid: dict[str, Bool[Array, " _"]], key: Key
    ) -> dict[str, Array]:
        tie_key, *keys = jax.random.split(key, 1 + len(role.spaces))
        distance = jnp.sum((self.features - (features / self.scale)[None]) ** 2, axis=1)
        distance = jnp.where(self.known, distance, jnp.inf)
        for name, mask in valid.items():
            distance = jnp.where(mask[self.actions[name]], distance, jnp.inf)
        # Compared with room for rounding: a compiler may work the distances out twice, and round them in two ways.
        nearest = distance <= (1 + 1e-6) * jnp.min(distance) + 1e-12
        # One random number picks among those equally near.
        place = jax.random.randint(tie_key, (), 0, jnp.sum(nearest))
        row = jnp.argmax(jnp.cumsum(nearest) > place)
        found = jnp.isfinite(jnp.min(distance))
        return {
            name: jnp.where(found, self.actions[name][row], space.sample(own_key, valid.get(name)))
            for (name, space), own_key in zip(role.spaces.items(), keys, strict=True)
        }
