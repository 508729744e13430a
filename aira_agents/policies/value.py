"""Acting by values: the outputs of a network are read as what each action is worth, not as how probable it is.

Source: epsilon-greedy: Sutton and Barto 2018, "Reinforcement learning: an introduction", section 2.2; softmax
exploration: the same, section 13.1. Several effectors: Tavakoli, Pardo and Kormushev 2018, "Action branching
architectures for deep reinforcement learning", section 3 (each effector has values of its own).
"""

import jax.numpy as jnp

from aira_agents.distributions import IMPOSSIBLE, Categorical, Normal, Product
from aira_agents.environment import Percept, Role
from aira_agents.errors import IncompatiblePolicyError
from aira_agents.policies.policy import AbstractPolicy, Decision, Policy
from aira_agents.spaces import Discrete
from aira_agents.types import Array, Bool, Float, Int, Key, Memory

TEMPERATURE = 1e-3  # in units of value: what is worth this much more is e times as probable


class ValuePolicy(Policy):
    """Takes the action of the highest value, and one of them by chance where several are worth the same."""

    values: Policy

    def __call__(self, features: Float[Array, " features"], memory: Memory) -> tuple[Float[Array, " n"], Memory]:
        """Returns the values as logits, so sharp that the best is taken."""
        values, memory = self.values(features, memory)
        # None so low that an action which is impossible would be better.
        return jnp.maximum((values - jnp.max(values)) / TEMPERATURE, IMPOSSIBLE / 2), memory

    def initial_memories(self, capacity: int) -> Memory:
        """The wrapped network's."""
        return self.values.initial_memories(capacity)

    def renew(self, memories: Memory, fresh: Bool[Array, " capacity"], parent: Int[Array, " capacity"]) -> Memory:
        """As the wrapped network does."""
        return self.values.renew(memories, fresh, parent)


class EpsilonGreedy(AbstractPolicy):
    """Takes the action of the highest value, but with chance `epsilon` any valid one; each effector by itself."""

    values: Policy
    epsilon: Float[Array, ""]

    def decide(self, role: Role, percept: Percept, memories: Memory, key: Key) -> tuple[Decision, Memory]:
        """Draws for every row."""
        values, memories = self.values.many(percept.features, memories)
        best = role.distribution(values, percept.valid)
        drawn = Product({name: _softened(part, self.epsilon) for name, part in best.parts.items()})
        actions = drawn.sample(key)
        return Decision(actions, drawn.log_prob(actions)), memories

    def initial_memories(self, capacity: int) -> Memory:
        """The wrapped network's."""
        return self.values.initial_memories(capacity)

    def renew(self, memories: Memory, fresh: Bool[Array, " capacity"], parent: Int[Array, " capacity"]) -> Memory:
        """As the wrapped network does."""
        return self.values.renew(memories, fresh, parent)


def _softened(part: Categorical | Normal, epsilon: Float[Array, ""]) -> Categorical:
    assert isinstance(part, Categorical)  # `check_discrete` refused the others
    values = part.logits
    valid, best = values > IMPOSSIBLE / 2, values == jnp.max(values, axis=-1, keepdims=True)
    chance = epsilon * _uniform(valid) + (1.0 - epsilon) * _uniform(best)
    return Categorical(jnp.where(chance > 0, jnp.log(chance), IMPOSSIBLE))


def _uniform(over: Bool[Array, "*batch n"]) -> Float[Array, "*batch n"]:
    return over / jnp.sum(over, axis=-1, keepdims=True, dtype=jnp.float32)


def check_discrete(role: Role, learner: str, cure: str = "Use `ppo`, or give the world such an effector.") -> None:
    """Raises `IncompatiblePolicyError` for a role that acts by numbers: these have no table of values."""
    boxes = [name for name, space in role.spaces.items() if not isinstance(space, Discrete)]
    if boxes:
        raise IncompatiblePolicyError(
            f"{learner} learns what each action is worth, so it needs effectors with a list of actions; role "
            f"{role.name!r} acts by numbers through {', '.join(boxes)}. {cure}"
        )
