"""A simulated person who compares two clips, with the faults that people have.

Source: Lee et al. 2021, "B-Pref: benchmarking preference-based reinforcement learning", section 3 and eq. 2
(rationality, myopia, mistakes, skipping, and calling equal what differs too little).
"""

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.parameters import check_parameters, number
from aira_agents.types import Array, Bool, Float, Key, Number

FIRST, SECOND, EQUAL = 1.0, 0.0, 0.5  # as answers are kept; a skip is not-a-number


class Judge(eqx.Module):
    """Prefers the clip in which the world paid more."""

    rationality: Number = number(100.0, low=0, help="beta: how surely the better one is preferred; 0: a coin decides")
    myopia: Number = number(0.0, low=0, high=1, help="how much less each step before the last counts; 0: all alike")
    mistakes: Number = number(0.1, low=0, high=1, help="chance that a choice is the wrong way round")
    skip: Number = number(0.0, low=0, help="skipped if neither earns this share of an average clip; 0: never")
    equal: Number = number(0.0, low=0, help="called equal if they differ by no more than this share of an average clip")

    def __check_init__(self) -> None:
        check_parameters(self)

    def compare(
        self,
        rewards: Float[Array, "pairs 2 steps"],
        average: Float[Array, ""],
        key: Key,
    ) -> Float[Array, " pairs"]:
        """Returns 1 where the first clip is preferred, 0 the second, 1/2 where they are equal, not-a-number for a skip.

        Args:
            rewards: What the world paid in each step.
            average: What a clip earns on average; `skip` and `equal` are shares of it.
            key: For chance and mistakes.
        """
        choice_key, mistake_key = jax.random.split(key)
        age = jnp.arange(rewards.shape[-1] - 1, -1, -1, dtype=jnp.float32)
        # A power of zero to zero is one: whoever is wholly myopic sees the last step.
        weight = (1.0 - self.myopia) ** age
        earned = jnp.sum(rewards * weight[None, None], axis=-1)
        ahead = earned[:, 0] - earned[:, 1]
        first = jax.random.uniform(choice_key, ahead.shape) < jax.nn.sigmoid(self.rationality * ahead)
        wrong: Bool[Array, " pairs"] = jax.random.uniform(mistake_key, ahead.shape) < self.mistakes
        answer = jnp.where(first ^ wrong, FIRST, SECOND)
        answer = jnp.where(jnp.abs(ahead) <= self.equal * jnp.abs(average), EQUAL, answer)
        skipped = (self.skip > 0) & (jnp.max(earned, axis=-1) < self.skip * jnp.abs(average))
        return jnp.where(skipped, jnp.nan, answer)
