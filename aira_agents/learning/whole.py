"""What a minibatch is as a whole, in however many parts it is learned from.

Whoever knows it can work out a part's share of a loss: the shares of all parts, and their gradients, add up to those of
the whole. So parts change where something is computed, and not what is learned.
Source: advantages are normalised within each minibatch: Huang et al. 2022, "The 37 implementation details of proximal
policy optimization", detail 7.
"""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp

from aira_agents.learning.experience import Batch
from aira_agents.learning.parts import Parts
from aira_agents.policies.normalized import Statistics
from aira_agents.types import Array, Bool, Float

Mean = Callable[[Array], Array]
"""Takes the mean over some rows of a whole; of one part's rows, its share of that mean."""


class Whole(eqx.Module):
    """Of each minibatch: what a row counts for in means, and where its advantages lie.

    The numbers are the share of an active row, that of a row which the actor decided, and the mean and the inverse
    deviation of the advantages of such rows. They are ready for use, and one array: what a gradient step begins with
    should be little.
    """

    numbers: Float[Array, "*minibatches 4"]

    @classmethod
    def of(cls, parts: Parts, batch: Batch, cut: Callable[[Array], Array] | None = None) -> "Whole":
        """Looks at all parts of a batch; `cut` makes `[minibatches, ...]` of what a part has of an array."""
        axes, cut = (0, lambda leaf: leaf) if cut is None else (1, cut)

        def sums(x: Array) -> Array:
            return jnp.sum(x, axis=tuple(range(axes, x.ndim)), dtype=jnp.float32)

        def count(active: Array, decided: Array, advantages: Array) -> tuple[Array, Array, Array]:
            return sums(cut(active)), sums(cut(decided)), sums(jnp.where(cut(decided), cut(advantages), 0.0))

        rows = batch.active, decided_by_actor(batch), batch.advantages
        n_active, n_decided, gained = parts.total(parts.each(count, *rows))
        n_active, n_decided = jnp.maximum(n_active, 1.0), jnp.maximum(n_decided, 1.0)
        mean = gained / n_decided

        def squares(decided: Array, advantages: Array) -> Array:
            advantages = cut(advantages)
            centred = advantages - mean.reshape(mean.shape + (1,) * (advantages.ndim - axes))
            return sums(jnp.where(cut(decided), centred**2, 0.0))

        deviation = jnp.sqrt(parts.total(parts.each(squares, *rows[1:])) / n_decided)
        return cls(jnp.stack([1 / n_active, 1 / n_decided, mean, 1 / (deviation + 1e-8)], axis=-1))

    def normalized(self, advantages: Array, decided: Bool[Array, "*batch"]) -> Array:
        """Shifts and scales to mean 0 and deviation 1 over what was decided; the rest becomes 0."""
        return jnp.where(decided, (advantages - self.numbers[2]) * self.numbers[3], 0.0)

    def means(self, batch: Batch) -> tuple[Mean, Mean]:
        """Returns what takes means over rows that the actor decided, and over all active ones."""
        return _mean(decided_by_actor(batch), self.numbers[1]), _mean(batch.active, self.numbers[0])


def decided_by_actor(batch: Batch) -> Bool[Array, "*batch"]:
    """Says in which rows somebody lived, and decided without help."""
    return batch.active & ~batch.led


def explained_variance(parts: Parts, batch: Batch) -> Float[Array, ""]:
    """Returns which share of the targets' variance the critic foresaw: 1 is all, 0 none."""
    missed_and_due = jnp.stack([batch.advantages, batch.targets], axis=-1)
    seen = jnp.where(batch.active[..., None], missed_and_due, 0.0)
    missed, due = parts.including(Statistics.none(2), seen, batch.active).variance
    return 1.0 - missed / jnp.maximum(due, 1e-8)


def _mean(rows: Bool[Array, "*batch"], share: Array) -> Mean:
    # `where`: what an empty row says may be infinite, and zero times that is not zero.
    return lambda x: jnp.sum(jnp.where(rows, x * share, 0.0))
