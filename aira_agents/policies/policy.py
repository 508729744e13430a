"""The contract of a policy: from what agents perceive to what they do.

`Policy` is what a learner can train and a student writes in ten lines, for one agent. `AbstractPolicy` is what the loop
asks of anything that decides, a plain rule included, for all agents of a role at once.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.environment import Percept, Role
from aira_agents.types import Array, Bool, Float, Int, Key, Memory


class Decision(eqx.Module):
    """What the agents of one role decided."""

    actions: dict[str, Array]  # effector -> [capacity, ...]
    log_prob: Float[Array, "*worlds capacity"]  # zero for a rule


class AbstractPolicy(eqx.Module):
    """Anything that decides for the agents of a role."""

    @abstractmethod
    def decide(self, role: Role, percept: Percept, memories: Memory, key: Key) -> tuple[Decision, Memory]:
        """Decides for every row of `role`; `memories` are stacked over rows."""

    def initial_memories(self, capacity: int) -> Memory:
        """What each of `capacity` agents remembers at birth; `None`: nothing, ever."""
        del capacity
        return None

    def renew(self, memories: Memory, fresh: Bool[Array, " capacity"], parent: Int[Array, " capacity"]) -> Memory:
        """Gives those who are `fresh` (newborn) the memory of birth; `parent` is the slot of each one's parent."""
        del parent
        return select_rows(fresh, self.initial_memories(fresh.shape[0]), memories)


class Wrapper(AbstractPolicy):
    """Decides by asking another policy, and remembers what that remembers."""

    policy: eqx.AbstractVar[AbstractPolicy]

    @final
    def initial_memories(self, capacity: int) -> Memory:
        """The wrapped policy's."""
        return self.policy.initial_memories(capacity)

    @final
    def renew(self, memories: Memory, fresh: Bool[Array, " capacity"], parent: Int[Array, " capacity"]) -> Memory:
        """As the wrapped policy does."""
        return self.policy.renew(memories, fresh, parent)


class Policy(AbstractPolicy):
    """Gives the parameters of a distribution over actions. Written for one agent; every learner trains it.

    The outputs are split among the role's effectors: logits for `Discrete`; means, then log-deviations for `Box`.
    """

    @abstractmethod
    def __call__(self, features: Float[Array, " features"], memory: Memory) -> tuple[Float[Array, " n"], Memory]:
        """Returns the parameters and what to remember."""

    def many(self, features: Float[Array, "rows features"], memories: Memory) -> tuple[Float[Array, "rows n"], Memory]:
        """Does so for many agents; a network may say how that is faster, with the same answer."""
        return jax.vmap(self)(features, memories)

    def initial_memory(self) -> Memory:
        """What one agent remembers at birth; `None`: nothing, ever."""
        return None

    def initial_memories(self, capacity: int) -> Memory:
        """The memory of birth, for every row."""
        return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (capacity, *leaf.shape)), self.initial_memory())

    @final
    def decide(self, role: Role, percept: Percept, memories: Memory, key: Key) -> tuple[Decision, Memory]:
        """Samples from the distribution; invalid actions have probability zero."""
        parameters, memories = self.many(percept.features, memories)
        distribution = role.distribution(parameters, percept.valid)
        actions = distribution.sample(key)
        return Decision(actions, distribution.log_prob(actions)), memories


Builder = Callable[[int, int, Key], Policy]
"""Builds an untrained network from (number of features, number of outputs, key)."""


class Greedy(AbstractPolicy):
    """Takes a policy's most probable action instead of sampling: for judging, not for learning."""

    policy: Policy

    def decide(self, role: Role, percept: Percept, memories: Memory, key: Key) -> tuple[Decision, Memory]:
        """Takes the mode."""
        del key  # deterministic
        parameters, memories = self.policy.many(percept.features, memories)
        distribution = role.distribution(parameters, percept.valid)
        actions = distribution.mode()
        return Decision(actions, distribution.log_prob(actions)), memories

    def initial_memories(self, capacity: int) -> Memory:
        """The wrapped policy's."""
        return self.policy.initial_memories(capacity)

    def renew(self, memories: Memory, fresh: Bool[Array, " capacity"], parent: Int[Array, " capacity"]) -> Memory:
        """As the wrapped policy does."""
        return self.policy.renew(memories, fresh, parent)


def select_rows(chosen: Bool[Array, "*batch"], new: Any, old: Any) -> Any:
    """Takes the leading rows of `new` where `chosen`, else those of `old`."""

    def pick(a: Array, b: Array) -> Array:
        return jnp.where(chosen.reshape(chosen.shape + (1,) * (b.ndim - chosen.ndim)), a, b)

    return jax.tree.map(pick, new, old)
