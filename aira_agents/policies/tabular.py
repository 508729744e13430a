"""A table as a policy: one row for each situation, one number for each output; nothing is generalised.

A situation is a row of the table: every feature is cut into pieces at known edges, and the pieces are counted through
like digits. The edges are static; only the table is learned.

Source: cutting features into boxes: Michie and Chambers 1968, "BOXES: an experiment in adaptive control".
"""

import math
from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from aira_agents.environment import Role
from aira_agents.errors import IncompatiblePolicyError
from aira_agents.policies.policy import Policy
from aira_agents.sensors import Range
from aira_agents.types import Array, Float, Int, Key, Memory

MOST_NUMBERS = 50_000_000  # in one table: 200 MB
Edges = tuple[tuple[float, ...], ...]
"""For each feature, where it is cut, in rising order; k edges make k + 1 pieces, the outer ones without end."""


class TabularPolicy(Policy):
    """A row of outputs for each situation."""

    table: Float[Array, "situations n"]
    edges: Edges = eqx.field(static=True)

    @classmethod
    def build(cls, n_features: int, n_outputs: int, key: Key, *, edges: Sequence[Sequence[float]]) -> "TabularPolicy":
        """Builds a table of zeros; `edges_of` finds a role's edges by itself.

        Raises:
            IncompatiblePolicyError: There are not edges for each feature, they do not rise, or the table is too large.
        """
        del key  # nothing is drawn
        cut = tuple(tuple(float(edge) for edge in own) for own in edges)
        if len(cut) != n_features:
            raise IncompatiblePolicyError(f"A table needs edges for each of {n_features} features; got {len(cut)}.")
        for own in cut:
            if not all(math.isfinite(edge) for edge in own) or list(own) != sorted(set(own)):
                raise IncompatiblePolicyError(f"The edges of a feature must be finite and rise; got {own}.")
        n_situations = math.prod(len(own) + 1 for own in cut)
        if n_situations * n_outputs > MOST_NUMBERS:
            raise IncompatiblePolicyError(
                f"A table for {n_features} features would have about 1e{math.log10(n_situations):.0f} rows of "
                f"{n_outputs} numbers; at most {MOST_NUMBERS:,} numbers fit. Use fewer bins, sense fewer or coarser "
                "features, or use the network `mlp`, as with `dqn`."
            )
        return cls(jnp.zeros((n_situations, n_outputs)), cut)

    @staticmethod
    def edges_of(role: Role, bins: int = 8) -> Edges:
        """Returns where to cut each feature of a role: between whole numbers, or into `bins` pieces of equal width.

        Raises:
            IncompatiblePolicyError: The range of a feature is unknown.
        """
        unknown = [name for name, own in zip(role.features, role.ranges, strict=True) if own is None]
        if unknown:
            shown = ", ".join(unknown[:3]) + (f" and {len(unknown) - 3} more" if len(unknown) > 3 else "")
            raise IncompatiblePolicyError(
                f"A table needs the range of every feature; role {role.name!r} has none for {shown}. Declare `ranges` "
                "in the sensor, give `edges` to `TabularPolicy.build`, or use the network `mlp`, as with `dqn`."
            )
        return tuple(_edges(own, bins) for own in role.ranges if own is not None)

    def situation(self, features: Float[Array, "*batch features"]) -> Int[Array, "*batch"]:
        """Returns the row of each leading index; every number has one, not-a-number that of the lowest."""
        most = max((len(own) for own in self.edges), default=0)
        padded = np.array([[*own, *[np.inf] * (most - len(own))] for own in self.edges], np.float32)
        pieces = np.array([len(own) + 1 for own in self.edges])
        worth = np.append(np.cumprod(pieces[:0:-1])[::-1], 1).astype(np.int32)  # of a digit: the last counts ones
        batch = (1,) * (features.ndim - 1)
        digits = jnp.sum(features[..., None] > padded.reshape(*batch, *padded.shape), axis=-1, dtype=jnp.int32)
        return jnp.sum(digits * worth.reshape(*batch, -1), axis=-1, dtype=jnp.int32)

    def __call__(self, features: Float[Array, " features"], memory: Memory) -> tuple[Float[Array, " n"], Memory]:
        """Looks the situation up."""
        return self.table[self.situation(features)], memory


def _edges(own: Range, bins: int) -> tuple[float, ...]:
    if own.whole:
        return tuple(float(edge) + 0.5 for edge in np.arange(own.low, own.high))
    return tuple(float(edge) for edge in np.linspace(own.low, own.high, bins + 1)[1:-1])
