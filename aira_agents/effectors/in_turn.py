"""A wrapper that lets an effector move only those whose turn it is."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp

from aira_agents.effectors.effector import Effector
from aira_agents.populations import State
from aira_agents.spaces import Space
from aira_agents.symmetries import Relabelling, Symmetry
from aira_agents.turns import acting
from aira_agents.types import Array, Bool, Int, Key


class InTurn(Effector):
    """Gives the first action, which must be to do nothing, to all of `role` who do not act in this step.

    The world's state needs `turns` (`aira_agents/turns.py`).
    """

    effector: Effector
    role: str = eqx.field(static=True)

    @property
    def name(self) -> str:  # type: ignore[override]
        """The wrapped effector's name."""
        return self.effector.name

    @property
    def space(self) -> Space:
        """The wrapped effector's."""
        return self.effector.space

    def valid(self, state: State, scene: Any, index: Int[Array, ""]) -> Bool[Array, " n"] | None:
        """The wrapped effector's."""
        return self.effector.valid(state, scene, index)

    def under(self, symmetry: Symmetry) -> Relabelling | None:
        """As the wrapped effector."""
        return self.effector.under(symmetry)

    def __call__(self, state: Any, actions: Int[Array, " capacity"], key: Key) -> Any:
        """Carries out the actions of those whose turn it is."""
        acts = acting(state.turns, state.agents[self.role].alive)
        return self.effector(state, jnp.where(acts, actions, 0), key)


def in_turn(effector: Effector, role: str) -> InTurn:
    """Returns `effector` for those of `role` whose turn it is."""
    # The type checker takes the wrapper's property `name` for a field.
    return InTurn(effector=effector, role=role)  # pyright: ignore[reportCallIssue]
