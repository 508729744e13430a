"""A submission as something that acts, in its own process: a NumPy function here, everything else in `acting_jax`."""

import difflib
import inspect
import math
import random
import sys
import traceback
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from aira_agents.acting import by_effector, generators
from aira_agents.errors import TRACED, AiraError, IncompatiblePolicyError, InputError

POLICY, WEIGHTS, MANIFEST = "policy.py", "policy.safetensors", "policy.json"
SHOWN = 16  # numbers of a wrong action that are sent to be shown
TOLD = 2000  # characters of an error that are sent
FORMS = (
    "`act(observation, rng)` (NumPy), `act(observation, key)` (JAX) or `build(n_features, n_outputs, key)` (trained)"
)


@runtime_checkable
class Actor(Protocol):
    """What answers for all agents of all worlds."""

    kind: str

    def act(self, batch: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Returns an action array for each effector, as `pipe.answered` describes them."""
        ...


class WrongActionError(Exception):
    """An action that no space holds; the grader words what is wrong with it."""

    def __init__(self, effector: str, row: int, action: Any) -> None:
        super().__init__(effector)
        self.effector, self.row, self.action = effector, row, action


def load(setup: Mapping[str, Any]) -> Actor:
    """Runs the submission's file and returns what acts; raises whatever it raises."""
    folder = Path(setup["folder"])
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002  so that who forgets `rng` gets the same grade twice
    sys.path.insert(0, str(folder))
    module = _run(folder / POLICY) if (folder / POLICY).exists() else None
    act = None if module is None else getattr(module, "act", None)
    if act is not None and not callable(act):
        raise InputError(f"`act` must be a function, `act(observation, rng)`; {POLICY} sets it to {act!r:.100}.")
    if inspect.isfunction(act) and _second(act) == "rng":
        return NumPyActor(act, setup)
    if module is not None and act is None and not callable(getattr(module, "build", None)):
        raise InputError(_missing(module))
    from aira_agents.assignments.acting_jax import JaxActor  # noqa: PLC0415  a NumPy rule does without JAX

    return JaxActor(act, getattr(module, "build", None), folder, setup)


def _run(path: Path) -> types.ModuleType:
    module = types.ModuleType("policy")
    module.__file__ = str(path)
    sys.modules["policy"] = module
    exec(compile(path.read_bytes(), str(path), "exec"), vars(module))
    return module


def _second(act: Callable[..., Any]) -> str:
    """Returns the name of the second parameter: what kind of rule it is."""
    try:
        names = [*inspect.signature(act).parameters]
    except (TypeError, ValueError):
        names = []
    if len(names) != 2 or names[1] not in ("rng", "key"):
        raise InputError(
            f"`act` must be a function `act(observation, rng)` (NumPy) or `act(observation, key)` (JAX); "
            f"got `act({', '.join(names)})`."
        )
    return names[1]


def _missing(module: types.ModuleType) -> str:
    own = [n for n, f in vars(module).items() if inspect.isfunction(f) and f.__module__ == "policy"]
    near = difflib.get_close_matches("act", [n.lower() for n in own], n=1, cutoff=0.5)
    hint = f" Rename `{next(n for n in own if n.lower() == near[0])}` to `act`." if near else ""
    return f"{POLICY} must define {FORMS}; it defines {', '.join(f'`{n}`' for n in own) or 'no function'}.{hint}"


class NumPyActor:
    """A function `act(observation, rng)`, asked for one living agent after the other."""

    kind = "numpy"

    def __init__(self, act: Callable[..., Any], setup: Mapping[str, Any]) -> None:
        self._act, self.row = act, -1
        self._layout = [(name, start, stop, tuple(shape)) for name, start, stop, shape in setup["layout"]]
        self._effectors: dict[str, int] = dict(setup["effectors"])

    def act(self, batch: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Asks for every living agent; the actions of the others are zero."""
        act, layout, effectors = self._act, self._layout, self._effectors
        alive = batch["alive"].reshape(-1)
        rows = np.flatnonzero(alive)
        features = batch["features"].reshape(alive.size, -1)
        answers: dict[str, list[Any]] = {name: [] for name in effectors}
        for row, rng in zip(rows, generators(batch["keys"].reshape(-1, 2)[rows]), strict=True):
            self.row = int(row)  # whom a fault is about
            own = features[row]
            observation = {name: own[start:stop].reshape(shape) for name, start, stop, shape in layout}
            for name, action in by_effector(effectors, act(observation, rng)).items():
                answers[name].append(action)
        actions = {}
        for name, size in effectors.items():
            actions[name] = np.zeros((alive.size, size) if size else alive.size, np.float32 if size else np.int64)
            if rows.size:
                actions[name][rows] = _together(name, answers[name], rows, size)
        return actions


def _together(effector: str, answers: list[Any], rows: np.ndarray, size: int) -> np.ndarray:
    """Returns the actions `[rows]` or `[rows, size]`; raises `WrongActionError` for the first that is no number."""
    shape, kinds = ((size,), "iuf") if size else ((), "iu")
    arrays = [np.asarray(answer) for answer in answers]
    for row, answer, array in zip(rows, answers, arrays, strict=True):
        if (
            array.dtype.kind not in kinds
            or array.size != math.prod(shape)
            or array.ndim > 1
            or (array.ndim and not size)
        ):
            raise WrongActionError(effector, int(row), answer)
    return np.stack([array.reshape(shape) for array in arrays])


def told(error: BaseException, folder: str, row: int | None = None) -> dict[str, Any]:
    """Returns what the grader needs to say what went wrong (to the agent of `row`), as JSON holds it."""
    if isinstance(error, WrongActionError):
        return {"state": "INVALID", "effector": error.effector, "row": error.row, "action": _shown(error.action)}
    if isinstance(error, IncompatiblePolicyError) and error.__cause__ and _own(error.__cause__, folder):
        error = error.__cause__  # the check of whether it fits only met what its own code raised
    if isinstance(error, AiraError):
        return {"state": "INVALID", "told": str(error)[:TOLD], "row": row}
    found: dict[str, Any] = {"state": "ERROR", "row": row, "type": type(error).__name__, "told": _said(error)}
    if isinstance(error, SyntaxError):
        return found | {"told": str(error.msg), "line": error.lineno, "text": str(error.text or "").rstrip()[:200]}
    if isinstance(error, ModuleNotFoundError):
        found["module"] = str(error.name)
    if own := _own(error, folder):
        found |= {"line": own[-1].lineno, "file": Path(own[-1].filename).name, "text": str(own[-1].line or "")[:200]}
    return found


def _own(error: BaseException, folder: str) -> list[traceback.FrameSummary]:
    """Returns where an error passed through the submission's own files."""
    return [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(folder)]


def _said(error: BaseException) -> str:
    try:
        if type(error).__name__ in TRACED:
            return str(error).splitlines()[0].rstrip(".")  # JAX goes on for a page
        return str(error)[:TOLD]
    except Exception:  # a submission's own exception may fail to say what it is
        return ""


def _shown(action: Any) -> dict[str, Any]:
    if action is None:
        return {"none": True}
    try:
        array = np.asarray(action)
    except Exception:  # an object of the submission's own
        return {"type": type(action).__name__[:100]}
    if array.dtype.kind in "biuf":
        return {"shape": list(array.shape), "dtype": str(array.dtype), "value": array.reshape(-1)[:SHOWN].tolist()}
    return {"type": type(action).__name__[:100]}
