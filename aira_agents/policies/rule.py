"""A plain function as a policy: ten lines of JAX or NumPy, no learning."""

import contextlib
import inspect
import logging
import math
from collections.abc import Callable, Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from aira_agents.acting import by_effector, generators
from aira_agents.environment import Percept, Role
from aira_agents.errors import AiraError, IncompatiblePolicyError, InputError
from aira_agents.keys import for_agents
from aira_agents.policies.policy import AbstractPolicy, Decision
from aira_agents.spaces import Space
from aira_agents.types import Array, Key, Memory

# JAX turns what a callback raises into an error of its own; the student's is kept here, for `plain_errors`.
_raised: list[Exception] = []
REPORTER = logging.getLogger("jax._src.callback")


class Rule(AbstractPolicy):
    """Wraps `act(observation, key)`, written in JAX, or `act(observation, rng)`, written in NumPy.

    `observation` is a dictionary from sensor name to value, for one agent. The name of the second parameter says which
    kind it is. The result is an action, or a dictionary by effector where the role has several.

    Raises:
        InputError: `act` does not take `(observation, key)` or `(observation, rng)`.
    """

    act: Callable[..., Any] = eqx.field(static=True)

    def __check_init__(self) -> None:
        parameters = [*inspect.signature(self.act).parameters] if callable(self.act) else []
        if len(parameters) != 2 or parameters[1] not in ("key", "rng"):
            raise InputError(
                "A rule must be a function `act(observation, key)` (JAX) or `act(observation, rng)` (NumPy); "
                f"got {getattr(self.act, '__name__', self.act)!r} with parameters {parameters}."
            )

    @property
    def is_numpy(self) -> bool:
        """Whether `act` is NumPy code, which runs outside the compiled program."""
        return [*inspect.signature(self.act).parameters][1] == "rng"

    def decide(self, role: Role, percept: Percept, memories: Memory, key: Key) -> tuple[Decision, Memory]:
        """Asks `act` for every row."""
        act = self._act_numpy if self.is_numpy else self._act_jax
        keys = for_agents(key, role.capacity)
        actions = jax.vmap(lambda features, own_key: act(role, features, own_key))(percept.features, keys)
        return Decision(actions, jnp.zeros(role.capacity)), memories

    def _act_jax(self, role: Role, features: Array, key: Key) -> dict[str, Array]:
        returned = by_effector(role.spaces, self.act(role.observation(features), key))
        return {name: _as_action(name, space, returned[name]) for name, space in role.spaces.items()}

    def _act_numpy(self, role: Role, features: Array, key: Key) -> dict[str, Array]:
        shapes = {
            name: jax.ShapeDtypeStruct(space.shape, jnp.float32 if space.shape else jnp.int32)
            for name, space in role.spaces.items()
        }

        layout, spaces, act = role.layout, role.spaces, self.act  # looked up once, not for every agent

        def act_for_all(features: Any, words: Any) -> dict[str, np.ndarray]:
            # One batch of all agents of all worlds: [*batch, features].
            batch = features.shape[:-1]
            rows, seeds = np.asarray(features).reshape(-1, features.shape[-1]), np.asarray(words).reshape(-1, 2)
            answers = {name: [] for name in spaces}
            try:
                for row, rng in zip(rows, generators(seeds), strict=True):
                    observation = {name: row[start:stop].reshape(shape) for name, start, stop, shape in layout}
                    for name, action in by_effector(spaces, act(observation, rng)).items():
                        answers[name].append(action)
                checked = {name: _check_all(space, answers[name]) for name, space in spaces.items()}
            except Exception as error:
                _raised.append(error)
                raise
            return {name: actions.reshape(*batch, *shapes[name].shape) for name, actions in checked.items()}

        words = jax.random.key_data(key)
        return jax.pure_callback(act_for_all, shapes, features, words, vmap_method="broadcast_all")


def _check_all(space: Space, actions: list[Any]) -> np.ndarray:
    """Checks the actions of all agents at once; looks at single ones only to name the fault."""
    together = np.asarray(actions) if all(np.shape(action) == space.shape for action in actions) else None
    if together is None or not space.holds(together):
        together = np.stack([space.check(action) for action in actions])
    return together.astype(np.float32 if space.shape else np.int32)


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Raises what a NumPy rule raised, instead of the accelerator library's report about it."""
    _raised.clear()
    quiet = _Quiet()
    REPORTER.addFilter(quiet)
    try:
        yield
    except AiraError:
        raise
    except Exception as error:
        if not _raised:
            raise
        cause = _raised.pop()
        if isinstance(cause, AiraError):
            raise cause from None
        raise IncompatiblePolicyError(f"`act` failed: {type(cause).__name__}: {cause}") from error
    finally:
        REPORTER.removeFilter(quiet)


class _Quiet(logging.Filter):
    """Keeps back the traceback that JAX logs of a rule that failed: `plain_errors` says it in one line."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not _raised or REPORTER.level == logging.DEBUG  # as `aira ... --debug` sets it


def _as_action(name: str, space: Any, returned: Any) -> Array:
    """Checks shape and dtype, all that a traced value has, and says what a student probably did."""
    if returned is None:
        raise InputError(f"`act` must return an action for `{name}`; got None. Is a `return` missing?")
    if isinstance(returned, int | float | np.generic | np.ndarray):  # known now, whatever the observation
        return jnp.asarray(space.check(returned))
    value = jnp.asarray(returned)
    kind = jnp.integer if space.shape == () else jnp.number
    if value.size != math.prod(space.shape) or value.ndim > 1 or not jnp.issubdtype(value.dtype, kind):
        hint = " Did you return probabilities? Return `jax.random.categorical(key, logits)`." if not space.shape else ""
        raise InputError(
            f"`act` must return {space.expected} for `{name}`; got dtype {value.dtype}, shape {value.shape}.{hint}"
        )
    return value.reshape(space.shape).astype(jnp.float32 if space.shape else jnp.int32)
