"""The last steps of the world that people watch, when each was shown, and what a signal says about them.

A world on a page has no steady pace: it is paused, slowed and stepped. So a step is credited with the chance that the
delay of the person fell into the time for which it was really on the screen. Paused, all credit goes to what is seen.
Source: Knox and Stone 2009, "Interactively shaping agents via human reinforcement", section 3.3; steps of any length
are ours.
"""

import collections
import dataclasses
import threading
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from aira_agents.array_files import pack_arrays, unpack_arrays
from aira_agents.environment import Role
from aira_agents.errors import InputError
from aira_agents.human.credit import CreditWindow
from aira_agents.loop import Transition

LAGS = 32  # steps back that a signal can reach
STRONGEST = 2.0  # of a signal


@dataclasses.dataclass(frozen=True)
class Lesson:
    """A signal, and what one agent perceived and did in the steps that the signal may be about, the last one first."""

    value: float  # above 0: approval
    steps: Int[np.ndarray, " lags"]
    credit: Float[np.ndarray, " lags"]  # 0..1
    features: Float[np.ndarray, "lags features"]
    valid: dict[str, Bool[np.ndarray, "lags _"]]
    actions: dict[str, Shaped[np.ndarray, " lags"]]

    def to_bytes(self) -> bytes:
        """Returns it as the store keeps it."""
        arrays = {"steps": self.steps, "credit": self.credit, "features": self.features}
        arrays |= {f"valid/{name}": own for name, own in self.valid.items()}
        arrays |= {f"actions/{name}": own for name, own in self.actions.items()}
        return pack_arrays(arrays, {"value": self.value})

    @classmethod
    def from_bytes(cls, data: bytes) -> "Lesson":
        """The inverse; raises `CorruptFileError` if the bytes are no lesson."""
        arrays, record = unpack_arrays(data, "A lesson in the store")
        parts: dict[str, Any] = {"valid": {}, "actions": {}}
        for name, array in arrays.items():
            field, _, effector = name.partition("/")
            if effector:
                parts[field][effector] = array
            else:
                parts[field] = array
        return cls(value=record["value"], **parts)


@dataclasses.dataclass(frozen=True)
class Shown:
    """A step as it was shown."""

    step: int
    time_s: float
    uid: Int[np.ndarray, " capacity"]
    active: Bool[np.ndarray, " capacity"]
    features: Float[np.ndarray, "capacity features"]
    valid: dict[str, Bool[np.ndarray, "capacity _"]]
    actions: dict[str, Shaped[np.ndarray, " capacity *_"]]


class Reel:
    """Remembers the steps of one role; any thread may add and ask."""

    def __init__(self, role: Role) -> None:
        self.role = role
        self._lock = threading.Lock()
        self._shown: collections.deque[Shown] = collections.deque(maxlen=2 * LAGS)

    def add(
        self,
        step: int,
        time_s: float,
        transition: Transition,
        blind: Bool[np.ndarray, "#capacity features"] | None = None,
    ) -> None:
        """Adds a step that is on the screen from `time_s` on; one that is there already stays as it is.

        Args:
            step: Its number.
            time_s: By any clock that never jumps.
            transition: What happened in it.
            blind: Features that agents could not see, since a sensor was taken away.
        """
        name = self.role.name
        with self._lock:
            if self._shown and self._shown[-1].step >= step:
                return
            assert transition.before is not None
            percept = transition.percepts[name]
            parts = (
                transition.before.agents[name].uid,
                transition.feedback[name].active,
                percept.features,
                percept.valid,
                transition.decisions[name].actions,
            )
            uid, active, features, valid, actions = jax.device_get(parts)
            if blind is not None:
                features = np.where(blind, np.float32(0), features)
            self._shown.append(Shown(step, time_s, uid, active, features, valid, actions))

    def clear(self) -> None:
        """Forgets all steps: another world is shown."""
        with self._lock:
            self._shown.clear()

    @property
    def last(self) -> Shown | None:
        """The step on the screen; `None` before the first."""
        return self._shown[-1] if self._shown else None

    def recent_features(self) -> Float[np.ndarray, "rows features"]:
        """Returns what agents perceived in the steps that are remembered, one situation a row."""
        with self._lock:
            rows = [shown.features[shown.active] for shown in self._shown]
        return np.concatenate(rows) if rows else np.zeros((0, self.role.n_features), np.float32)

    def lesson(self, uid: int, step: int, age_s: float, value: float, window: CreditWindow) -> Lesson:
        """Returns what a signal says about which steps.

        Args:
            uid: The agent that is meant.
            step: The step that the person saw.
            age_s: How long they had seen it when they gave the signal, by their own clock.
            value: The signal, clipped to -2..2.
            window: The delay of the person.

        Raises:
            InputError: Nothing was seen yet, the step is from the future or forgotten, the agent did not live in any of
                these steps, or nobody can mean it so soon.
        """
        with self._lock:
            shown = list(self._shown)
        at = next((i for i, one in enumerate(shown) if one.step == step), None)
        if not shown or step < 1:
            raise InputError("Nothing has happened yet that a signal could be about: press Step first.")
        if at is None:
            span = f"{shown[0].step} to {shown[-1].step}"
            raise InputError(f"A signal is about step {step}, but the steps that are remembered are {span}.")
        upto = shown[max(0, at - LAGS + 1) : at + 1][::-1]
        begun = np.array([one.time_s for one in upto])
        ended = np.append(np.inf, begun[:-1])
        # The next step may be shown already while the person's screen still has this one.
        age = begun[0] + max(0.0, age_s) - begun
        credit = np.asarray(_credit(window, jnp.asarray(age, jnp.float32), jnp.asarray(ended - begun, jnp.float32)))
        rows = [np.flatnonzero((one.uid == uid) & one.active) for one in upto]
        kept = [i for i, row in enumerate(rows) if len(row) and credit[i] > 0]
        if not kept and len(rows[0]):
            raise InputError(
                f"Too quick: nobody judges within {float(window.low_s):g} s what agent {uid} does. Look, then press."
            )
        if not kept:
            raise InputError(f"No agent {uid} lived in the steps that this signal can be about.")
        own = [(upto[i], int(rows[i][0])) for i in kept]
        return Lesson(
            float(np.clip(value, -STRONGEST, STRONGEST)),
            np.array([one.step for one, _ in own]),
            credit[kept].astype(np.float32),
            np.stack([one.features[row] for one, row in own]),
            {name: np.stack([one.valid[name][row] for one, row in own]) for name in upto[0].valid},
            {name: np.stack([one.actions[name][row] for one, row in own]) for name in upto[0].actions},
        )

    def demonstration(self, uid: int, step: int) -> Lesson:
        """Returns the lesson of a step in which a person decided for the agent: that this was right, and nothing else.

        Raises:
            InputError: As `lesson` does.
        """
        return self.lesson(uid, step, 0.0, 1.0, CreditWindow(low_s=0.0, high_s=0.0))


@jax.jit
def _credit(window: CreditWindow, age_s: Any, lasting_s: Any) -> Any:
    return jax.vmap(window.credit)(age_s, lasting_s)
