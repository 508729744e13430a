"""Proximal policy optimisation: many small steps, none too far from who gathered the experience.

Source: Schulman et al. 2017, "Proximal policy optimization algorithms", algorithm 1; details: Huang et al. 2022, "The
37 implementation details of proximal policy optimization".
"""

from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.arrays import random_orders
from aira_agents.environment import Environment, Role
from aira_agents.errors import InputError
from aira_agents.learning.actor_critic import actor_critic
from aira_agents.learning.experience import Batch, Learned
from aira_agents.learning.flattening import Flattener
from aira_agents.learning.learner import Learner
from aira_agents.learning.packing import Packing
from aira_agents.learning.pairs import Pair, is_recurrent
from aira_agents.learning.parts import AUTOMATIC, HELP, LEAST_ROWS, Parts
from aira_agents.learning.ppo_loss import gradient
from aira_agents.learning.whole import Whole
from aira_agents.parameters import check_parameters, number, option, size
from aira_agents.policies.policy import Builder
from aira_agents.types import Array, Key, Number

LARGEST = "ratio_error"  # the figure that is the largest of all rows; the others are means


class PPO(eqx.Module):
    """Proximal policy optimisation for every role of a world, each with a network and an optimizer of its own.

    Feed-forward networks learn from shuffled steps, recurrent ones from whole sequences of shuffled worlds.
    """

    learning_rate: Number = number(2.5e-4, low=0, high=1, help="step of the optimizer, Adam")
    discount: Number = number(0.99, low=0, high=1, help="gamma: what a reward is worth one step later")
    trace_decay: Number = number(0.95, low=0, high=1, help="lambda of generalised advantage estimation")
    clip: Number = number(0.2, low=0, help="how far a probability ratio may move from 1")
    entropy_weight: Number = number(0.01, low=0, help="reward for staying undecided")
    value_weight: Number = number(0.5, low=0, help="weight of the critic's loss")
    max_gradient_norm: Number = number(0.5, low=0, help="global norm to which gradients are clipped")
    anneal_steps: Number = number(
        0, low=0, unit="steps", help="environment steps in which the learning rate falls to zero; 0: it never does"
    )
    n_worlds: int = size(16, help="worlds that run side by side")
    n_steps: int = size(128, unit="steps", help="steps of each world before an update")
    n_epochs: int = size(4, help="passes over the experience of an update")
    n_minibatches: int = size(4, help="parts of a pass")
    critic_width: int = size(64, unit="neurons", help="width of the critic's hidden layers")
    normalize: bool = option(False, (False, True), help="whether policies see normalised observations")
    n_parts: int = size(AUTOMATIC, low=AUTOMATIC, help=HELP.format("worlds"))

    def __check_init__(self) -> None:
        check_parameters(self)

    def learner(self, environment: Environment, networks: Builder | Mapping[str, Builder]) -> Learner:
        """Makes the learner; a role that `networks` leaves out acts at random.

        Raises:
            InputError: A role does not exist, or the worlds cannot be cut into `n_parts`, or the experience into
                `n_minibatches`.
        """

        def improve(
            parts: Parts, flat: Flattener, role: Role, own: Learned, batch: Batch, optimizer: Any, key: Key
        ) -> tuple[Array, Any, dict[str, Array]]:
            return improve_by_ppo(self, parts, flat, role, own, batch, optimizer, key)

        return actor_critic(self, environment, networks, improve)

    def worthwhile_parts(self, n_rows: int, recurrent: bool) -> int:
        """Returns the most parts that pay, and change nothing but rounding, for so many rows in an update."""
        if recurrent or self.n_steps % self.n_minibatches:  # each part shuffles its own worlds
            return 1
        return n_rows // self.n_minibatches // LEAST_ROWS


def improve_by_ppo(
    ppo: PPO,
    parts: Parts,
    flat: Flattener,
    role: Role,
    own: Learned,
    batch: Batch,
    optimizer: Any,
    key: Key,
    further: Callable[[Pair], Array] | None = None,
) -> tuple[Array, Any, dict[str, Array]]:
    """Takes the gradient steps of an update; the figures are means over them.

    `further` is a loss that is added to that of every minibatch, such as that of imitation.
    """
    own_axis = _shuffled_axis(ppo, parts.count, is_recurrent(batch.actor_memory))
    axis = parts.axes + own_axis
    length = batch.active.shape[axis]
    # Whole steps, or whole worlds, are shuffled: permuting every row costs more than a gradient step.
    order = random_orders(key, ppo.n_epochs, length)
    chosen = order.reshape(ppo.n_epochs * ppo.n_minibatches, length // ppo.n_minibatches)

    wholes = Whole.of(parts, batch, lambda leaf: jnp.moveaxis(jnp.take(leaf, chosen, own_axis), own_axis, 0))
    packing = Packing(batch, parts.axes + 2)
    packed = packing.pack(batch)

    def step(
        carry: tuple[Array, Pair, Any], minibatch: tuple[Array, Whole]
    ) -> tuple[tuple[Array, Pair, Any], dict[str, Array]]:
        rows, whole = minibatch
        vector, matrices, optimizer_state = carry
        pair = eqx.combine(matrices, flat.restore(vector))

        def slope(*part: Array) -> tuple[Array, dict[str, Array]]:
            gradients, figures = gradient(pair, packing.unpack(part), role, ppo, whole)
            return flat.flatten(gradients), figures

        taken = [jnp.take(leaf, rows, axis=axis, mode="clip") for leaf in packed]
        each, figures = parts.each(slope, *taken)
        descent = parts.total(each)
        if further is not None:
            descent += flat.flatten(eqx.filter_grad(further)(pair))
        changes, optimizer_state = optimizer.update(descent, optimizer_state)
        vector = vector + changes
        return (vector, flat.matrices(vector), optimizer_state), figures

    begun = (own.vector, flat.matrices(own.vector), own.optimizer)
    (vector, _, optimizer_state), figures = jax.lax.scan(step, begun, (chosen, wholes))
    # All steps' at once: each exchange with other devices takes time.
    figures = parts.together(jax.tree.map(lambda figure: jnp.moveaxis(figure, 0, -1), figures))
    over_parts = tuple(range(parts.axes))
    figures = {n: (jnp.max if n == LARGEST else jnp.sum)(figure, over_parts) for n, figure in figures.items()}
    means = {name: jnp.mean(figure) for name, figure in figures.items()}
    return vector, optimizer_state, means | {"first_ratio_error": figures[LARGEST][0]}


def _shuffled_axis(ppo: PPO, n_parts: int, recurrent: bool) -> int:
    if not recurrent and ppo.n_steps % ppo.n_minibatches == 0:
        return 0
    if ppo.n_worlds // n_parts % ppo.n_minibatches == 0:
        return 1
    worlds = "`n_worlds`" if n_parts == 1 else "the worlds of a part"
    what = worlds if recurrent else f"`n_steps` or {worlds}"
    raise InputError(
        f"PPO: {what} must be a multiple of `n_minibatches`; got n_worlds={ppo.n_worlds}, n_steps={ppo.n_steps}, "
        f"n_minibatches={ppo.n_minibatches}."
    )
