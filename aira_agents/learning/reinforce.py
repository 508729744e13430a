"""REINFORCE with a baseline: what turned out better than foreseen becomes more probable.

The simplest policy gradient: one step on each batch, and no memory of who gathered it. The baseline is a critic, which
also stands for the rewards beyond the end of a batch.
Source: Williams 1992, "Simple statistical gradient-following algorithms for connectionist reinforcement learning",
section 4; the baseline as in Sutton and Barto 2018, "Reinforcement learning", section 13.4.
"""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax

from aira_agents.environment import Environment, Role
from aira_agents.learning.actor_critic import actor_critic
from aira_agents.learning.experience import Batch, Learned, reconsider
from aira_agents.learning.flattening import Flattener
from aira_agents.learning.learner import Learner
from aira_agents.learning.pairs import Pair
from aira_agents.learning.parts import AUTOMATIC, HELP, LEAST_ROWS, Parts
from aira_agents.learning.whole import Whole
from aira_agents.parameters import check_parameters, number, option, size
from aira_agents.policies.policy import Builder
from aira_agents.types import Array, Key, Number


class Reinforce(eqx.Module):
    """REINFORCE for every role of a world, each with a network and an optimizer of its own."""

    learning_rate: Number = number(2.5e-3, low=0, high=1, help="step of the optimizer, Adam")
    discount: Number = number(0.99, low=0, high=1, help="gamma: what a reward is worth one step later")
    entropy_weight: Number = number(0.01, low=0, help="reward for staying undecided")
    value_weight: Number = number(0.5, low=0, help="weight of the baseline's loss")
    max_gradient_norm: Number = number(0.5, low=0, help="global norm to which gradients are clipped")
    anneal_steps: Number = number(
        0, low=0, unit="steps", help="environment steps in which the learning rate falls to zero; 0: it never does"
    )
    n_worlds: int = size(16, help="worlds that run side by side")
    n_steps: int = size(128, unit="steps", help="steps of each world before an update")
    critic_width: int = size(64, unit="neurons", help="width of the baseline's hidden layers")
    normalize: bool = option(False, (False, True), help="whether policies see normalised observations")
    n_parts: int = size(AUTOMATIC, low=AUTOMATIC, help=HELP.format("worlds"))

    def __check_init__(self) -> None:
        check_parameters(self)

    @property
    def trace_decay(self) -> float:
        """Rewards count to the end of the life, undiminished but by the discount: no guess of the critic between."""
        return 1.0

    def learner(self, environment: Environment, networks: Builder | Mapping[str, Builder]) -> Learner:
        """Makes the learner; a role that `networks` leaves out acts at random.

        Raises:
            InputError: A role does not exist, or the worlds cannot be cut into `n_parts`.
        """

        def improve(
            parts: Parts, flat: Flattener, role: Role, own: Learned, batch: Batch, optimizer: Any, key: Key
        ) -> tuple[Array, Any, dict[str, Array]]:
            del key  # the whole batch at once: nothing is shuffled

            whole = Whole.of(parts, batch)

            def slope(batch: Batch) -> tuple[Array, dict[str, Array]]:
                gradients, figures = gradient(flat.restore(own.vector), batch, role, self, whole)
                return flat.flatten(gradients), figures

            descent, figures = parts.total(parts.each(slope, batch))
            changes, optimizer_state = optimizer.update(descent, own.optimizer)
            return own.vector + changes, optimizer_state, figures

        return actor_critic(self, environment, networks, improve)

    def worthwhile_parts(self, n_rows: int, recurrent: bool) -> int:
        """Returns the most parts that pay for so many rows in an update; nothing is shuffled."""
        del recurrent
        return n_rows // LEAST_ROWS


def objective(pair: Pair, batch: Batch, role: Role, weights: Reinforce, whole: Whole) -> tuple[Array, dict[str, Array]]:
    """Returns what REINFORCE minimises over active agents, and what is worth knowing about it."""
    distribution, values = reconsider(pair, batch, role)
    mean, mean_of_all = whole.means(batch)
    gain = mean(distribution.log_prob(batch.actions) * batch.advantages)
    value_loss = 0.5 * mean_of_all((values - batch.targets) ** 2)
    entropy = mean(distribution.entropy())
    loss = weights.value_weight * value_loss - gain - weights.entropy_weight * entropy
    return loss, {"entropy": entropy, "value_loss": value_loss}


gradient = jax.grad(objective, has_aux=True)
