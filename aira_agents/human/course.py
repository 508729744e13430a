"""A course: one listener that is taught, lesson by lesson, how the agents of one role should act."""

import base64
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from aira_agents.environment import Environment, Role
from aira_agents.errors import IncompatiblePolicyError, InputError, unknown_name
from aira_agents.human.listening import Listener
from aira_agents.human.reel import LAGS, Lesson
from aira_agents.human.signals import Lessons
from aira_agents.human.teaching import Taught
from aira_agents.learning.flattening import Flattener
from aira_agents.policies.policy import Builder, Policy
from aira_agents.policies.value import check_discrete
from aira_agents.types import Array


class Course:
    """One listener that teaches the network of one role of a world."""

    def __init__(self, listener: Listener, environment: Environment, role: str, build: Builder, seed: int = 0) -> None:
        """Compiles nothing yet.

        Raises:
            InputError: The role does not exist.
            IncompatiblePolicyError: The role acts by numbers, or the network has a memory.
        """
        roles = {own.name: own for own in environment.roles}
        if role not in roles:
            raise unknown_name("role", role, roles)
        self.role, self.listener = roles[role], listener
        check_teachable(self.role)
        self.flat = Flattener(lambda key: build(self.role.n_features, self.role.n_outputs, key))
        self._key = jax.random.key(seed)
        born = eqx.filter_eval_shape(
            lambda key: self.flat.build(key).initial_memory(), jax.eval_shape(lambda: jax.random.key(0))
        )
        if jax.tree.leaves(born):
            raise IncompatiblePolicyError(
                "Signals are about single steps, so a network with a memory cannot be taught."
            )
        self._learn = jax.jit(
            lambda taught, given, index: listener.learn(
                taught, given, jax.random.fold_in(self._key, index), self.flat, self.role
            )
        )

    def untrained(self) -> Policy:
        """Returns the network before anything was learned."""
        return self.flat.build(jax.random.fold_in(self._key, 2**31 - 1))

    def fits(self, network: Policy) -> bool:
        """Whether a network is of the kind that is taught."""
        return jax.tree.structure(network) == jax.tree.structure(self.untrained()) and (
            self.flat.flatten(network).shape == self.flat.flatten(self.untrained()).shape
        )

    def warm(self, taught: Taught) -> None:
        """Compiles what a lesson needs, so that the first one is learned as quickly as any."""
        self._learn(taught, self._padded(None), jnp.zeros((), jnp.int32))

    def begun(self, network: Policy) -> Taught:
        """Returns what is known before the first lesson.

        Raises:
            IncompatiblePolicyError: The network is of another kind.
        """
        if not self.fits(network):
            raise IncompatiblePolicyError(
                "What is to be taught on is a network of another kind than the one that learns."
            )
        return self.listener.begun(self.flat.flatten(network), self._padded(None))

    def learn(self, taught: Taught, lesson: Lesson, index: int) -> Taught:
        """Returns what is known after a lesson, the `index`-th: the same lessons in the same order give the same."""
        return self._learn(taught, self._padded(lesson), jnp.asarray(index, jnp.int32))

    def network(self, taught: Taught) -> Policy:
        """Returns the network."""
        return self.flat.restore(taught.vector)

    def check_heeds(self, channel: str) -> None:
        """Raises `InputError` if who listens does not heed what comes that way."""
        heeds = self.listener.heeds
        if channel not in heeds:
            also = "which clip is better, and " if "preference" in heeds else ""
            raise InputError(f"Who listens now heeds only {also}what you do while you lead: take the agent over.")

    def packed(self, network: Policy) -> str:
        """Returns a network as text, for the store."""
        return base64.b64encode(np.asarray(self.flat.flatten(network), np.float32).tobytes()).decode()

    def unpacked(self, text: str) -> Policy:
        """The inverse; raises `IncompatiblePolicyError` if it is a network of another kind."""
        vector = np.frombuffer(base64.b64decode(text), np.float32)
        if vector.shape != self.flat.flatten(self.untrained()).shape:
            raise IncompatiblePolicyError(f"This was taught to another kind of agent than {self.role.name!r} is now.")
        return self.flat.restore(jnp.asarray(vector))

    def check(self, lesson: Lesson) -> None:
        """Raises `IncompatiblePolicyError` if a lesson is about another kind of agents."""
        wanted = {name: space.n_parameters for name, space in self.role.spaces.items()}
        if lesson.features.shape[1] != self.role.n_features or set(lesson.actions) != set(wanted):
            raise IncompatiblePolicyError(
                f"A lesson is about agents with {lesson.features.shape[1]} features and the effectors "
                f"{', '.join(lesson.actions)}; those of {self.role.name!r} have {self.role.n_features} and "
                f"{', '.join(wanted)}. Was the world set otherwise then?"
            )

    def _padded(self, lesson: Lesson | None) -> Lessons:
        """Returns a lesson, or nothing, as arrays of a fixed size `[1, LAGS, ...]`."""
        n = 0 if lesson is None else len(lesson.credit)

        def put(shape: tuple[int, ...], dtype: Any, values: Any) -> Array:
            out = np.zeros((1, LAGS, *shape), dtype)
            if values is not None:
                out[0, :n] = values
            return jnp.asarray(out)

        valid = {}
        for name, space in self.role.spaces.items():
            mask = np.ones((1, LAGS, space.n_parameters), bool)
            if lesson is not None and name in lesson.valid:
                mask[0, :n] = lesson.valid[name]
            valid[name] = jnp.asarray(mask)
        return Lessons(
            put((self.role.n_features,), np.float32, None if lesson is None else lesson.features),
            valid,
            {name: put((), np.int32, None if lesson is None else lesson.actions[name]) for name in self.role.spaces},
            put((), np.float32, None if lesson is None else lesson.value),
            put((), np.float32, None if lesson is None else lesson.credit),
        )


def check_teachable(role: Role) -> None:
    """Raises `IncompatiblePolicyError` for a role that people cannot teach, since it acts by numbers."""
    check_discrete(role, "Who listens to people", "Teach where agents choose among actions, as in `foraging`.")


def why_untaught(environment: Environment) -> str:
    """Returns why nobody in a world can be taught; "" where somebody can."""
    reasons = []
    for role in environment.roles:
        try:
            check_teachable(role)
        except IncompatiblePolicyError as error:
            reasons.append(str(error))
    return reasons[0] if len(reasons) == len(environment.roles) else ""
