"""What all exports share: what they must record beside the rows, and how episodes are built again from rows."""

import dataclasses
import importlib
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from aira_agents.data.dataset import Dataset
from aira_agents.data.episodes import Episode, Provenance, arrays_of, track_of
from aira_agents.errors import CorruptFileError, InputError

FORMAT = "aira_agents exported episodes, version 1"
Arrays = dict[str, np.ndarray]


def optional(module: str, what: str) -> Any:
    """Imports what only exports need; raises `InputError` where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f"{what} needs the package {module.split('.')[0]}, which is not installed. "
            "Install it with `pip install 'aira-agents[data]'`."
        ) from error


def record_of(dataset: Dataset, role: str) -> dict[str, Any]:
    """Returns what the rows of one role do not say, as JSON holds it.

    Raises:
        InputError: There is no episode.
    """
    if not len(dataset):
        raise InputError("There is no episode to export. Record some, or look at what a filter left.")
    arrays = arrays_of(dataset.episodes[0].tracks[role])
    n_axes = {name: 1 if name == "final" else 2 for name in arrays}
    return {
        "format": FORMAT,
        "role": role,
        "interfaces": dataset.interfaces,
        "arrays": {name: [array.dtype.str, array.shape[n_axes[name] :]] for name, array in arrays.items()},
        "episodes": [
            {
                "provenance": dataclasses.asdict(episode.provenance),
                "steps": episode.n_steps,
                "capacity": episode.tracks[role].active.shape[1],
            }
            for episode in dataset.episodes
        ],
    }


def blank(record: Mapping[str, Any]) -> list[Arrays]:
    """Returns the arrays of every episode with nobody in them, to fill in."""
    made = []
    for episode in record["episodes"]:
        whole = (int(episode["steps"]), int(episode["capacity"]))
        arrays = {}
        for name, (dtype, rest) in record["arrays"].items():
            arrays[name] = np.zeros((*(whole[1:] if name == "final" else whole), *rest), np.dtype(dtype))
        arrays["uid"][...], arrays["parent"][...] = -1, -1
        made.append(arrays)
    return made


def rebuilt(read: Callable[[], list[tuple[dict[str, Any], list[Arrays]]]], what: str) -> Dataset:
    """Returns the dataset of some roles' records and arrays; whatever does not fit is a `CorruptFileError`."""
    try:
        roles = read()
        first = roles[0][0]
        episodes = []
        for i, told in enumerate(first["episodes"]):
            tracks = {record["role"]: track_of(arrays[i]) for record, arrays in roles}
            episodes.append(Episode(Provenance(**told["provenance"]), tracks))
        if {record["role"] for record, _ in roles} != set(first["interfaces"]):
            raise CorruptFileError(f"{what} lacks a role: expected {', '.join(sorted(first['interfaces']))}.")
        return Dataset(first["interfaces"], tuple(episodes))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise CorruptFileError(f"{what} holds no episodes as aira_agents exports them ({error}).") from error


def checked(record: Any, what: str) -> dict[str, Any]:
    """Returns the record, if it is one; raises `CorruptFileError`."""
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise CorruptFileError(f"{what} was not exported by aira_agents: expected {FORMAT!r} in its metadata.")
    return record


def labels(record: Mapping[str, Any], name: str) -> list[str]:
    """Returns a name for each number that array `name` has for an agent and a step."""
    interface = record["interfaces"][record["role"]]
    field, _, key = name.partition("/")
    size = math.prod(record["arrays"][name][1])
    parts: list[str] = [str(i) for i in range(size)]
    if field == "features":
        parts = interface["features"]
    elif field in ("actions", "valid"):
        parts = interface["actions"][key]["names"]
    prefix = {"features": "feature", "actions": "action", "valid": "valid", "columns": "column"}.get(field, field)
    stem = f"{prefix}: {key}" if key else prefix
    return [stem] if not record["arrays"][name][1] else [f"{stem}: {part}" for part in parts]
