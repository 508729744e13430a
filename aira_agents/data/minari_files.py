"""Datasets in Minari's format, one for each role, in which every life of an agent is an episode of its own.

Minari knows one agent an episode, so a life is what fits: from birth or reset to death or the end. A life that was
terminated saw nothing afterwards; its last observation stands there twice, since Minari wants one more than actions.
Source: "Dataset standards" of Minari 0.5 (HDF5 storage).
"""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from aira_agents.data.dataset import Dataset
from aira_agents.data.episodes import Track, arrays_of
from aira_agents.data.exchange import Arrays, blank, checked, optional, rebuilt, record_of
from aira_agents.errors import CorruptFileError, InputError
from aira_agents.results import unwritable, write_atomically

KEY = "aira_agents"
STANDARD = "0.5.3"  # the version of Minari whose layout this is
FILE, METADATA = "main_data.hdf5", "metadata.json"
# Ours beside Minari's own: what it has no place for.
EXTRAS = ("weight", "valid", "columns")


def export_minari(dataset: Dataset, folder: Path, *, world: str | None = None) -> list[Path]:
    """Writes `folder/WORLD/ROLE-v0/data` for every role; returns these paths. `world` is another name for the world.

    With `MINARI_DATASETS_PATH=folder`, Minari opens it by `minari.load_dataset("WORLD/ROLE-v0")`.

    Raises:
        InputError: There is no episode, h5py is not installed, or the folder cannot be written to.
    """
    h5py = optional("h5py", "Minari's format")
    paths = []
    for role in dataset.interfaces:
        record = record_of(dataset, role)
        name = f"{world or record['episodes'][0]['provenance']['world']}/{role}-v0"
        data = folder / name / "data"
        try:
            data.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(data, error) from error
        content = io.BytesIO()
        n_steps = n_lives = 0
        with h5py.File(content, "w", track_order=True) as file:
            for number, episode in enumerate(dataset.episodes):
                for first, last, slot in _lives(episode.tracks[role]):
                    _write_life(file, n_lives, episode.tracks[role], (number, first, last, slot))
                    n_lives, n_steps = n_lives + 1, n_steps + last - first + 1
        write_atomically(data / FILE, content.getvalue())
        # Not by `write_json`: an unbounded space is written as Minari reads it, with infinities.
        write_atomically(data / METADATA, json.dumps(_metadata(record, name, n_lives, n_steps)).encode())
        paths.append(data)
    return paths


def import_minari(folder: Path) -> Dataset:
    """Reads what `export_minari` wrote: the folder of a world, with one dataset for each role.

    Raises:
        InputError: There is no dataset in the folder, or h5py is not installed.
        CorruptFileError: A file is truncated, a role is missing, or it was not exported by aira_agents.
    """
    paths = sorted(folder.glob(f"*/data/{METADATA}"))
    if not paths:
        raise InputError(f"There is no dataset of Minari in {folder}: expected ROLE-v0/data in it.")
    return rebuilt(lambda: [_read(path.parent) for path in paths], str(folder))


def _lives(track: Track) -> list[tuple[int, int, int]]:
    """Returns first step, last step and slot of every life."""
    lives = []
    for slot in range(track.active.shape[1]):
        active = np.flatnonzero(track.active[:, slot])
        starts = active[track.fresh[active, slot]]
        for place, first in enumerate(starts):
            later = starts[place + 1] if place + 1 < len(starts) else np.inf
            lives.append((int(first), int(active[active < later][-1]), slot))
    return lives


def _write_life(file: Any, number: int, track: Track, place: tuple[int, int, int, int]) -> None:
    episode, first, last, slot = place
    steps = slice(first, last + 1)
    group = file.create_group(f"episode_{number}")
    group.attrs["id"], group.attrs["total_steps"] = number, last - first + 1
    group.attrs[KEY] = json.dumps(
        {
            "episode": episode,
            "step": first,
            "slot": slot,
            "uid": int(track.uid[first, slot]),
            "parent": int(track.parent[first, slot]),
        }
    )
    after = track.final[slot] if track.truncated[last, slot] else track.features[last, slot]
    group["observations"] = np.concatenate([track.features[steps, slot], after[None]])
    group["rewards"] = track.reward[steps, slot]
    group["terminations"] = track.terminated[steps, slot]
    group["truncations"] = track.truncated[steps, slot]
    for name, array in arrays_of(track).items():
        field, _, key = name.partition("/")
        own = array[steps, slot] if field != "final" else array
        if field == "actions":
            own = own.astype(np.int64) if own.ndim == 1 else own
            group["actions" if len(track.actions) == 1 else f"actions/{key}"] = own
        elif field in EXTRAS:
            group[f"infos/{name}"] = np.concatenate([own, own[-1:]])  # one more, as observations


def _metadata(record: dict[str, Any], name: str, n_lives: int, n_steps: int) -> dict[str, Any]:
    interface = record["interfaces"][record["role"]]
    count = len(interface["features"])
    observation = _box([-np.inf] * count, [np.inf] * count)
    spaces = {effector: _space(own) for effector, own in interface["actions"].items()}
    action = next(iter(spaces.values())) if len(spaces) == 1 else {"type": "Dict", "subspaces": spaces}
    licences = sorted({own["provenance"]["licence"] for own in record["episodes"]})
    return {
        "dataset_id": name,
        "minari_version": STANDARD,
        "data_format": "hdf5",
        "jpeg_encoding": False,
        "total_episodes": n_lives,
        "total_steps": n_steps,
        "observation_space": json.dumps(observation),
        "action_space": json.dumps(action),
        "description": f"Lives of {record['role']} agents, exported by aira_agents; licence: {', '.join(licences)}.",
        KEY: record,
    }


def _space(record: dict[str, Any]) -> dict[str, Any]:
    if record["kind"] == "discrete":
        return {"type": "Discrete", "dtype": "int64", "start": 0, "n": len(record["names"])}
    return _box(record["low"], record["high"])


def _box(low: list[float], high: list[float]) -> dict[str, Any]:
    return {"type": "Box", "dtype": "float32", "shape": [len(low)], "low": list(low), "high": list(high)}


def _read(data: Path) -> tuple[dict[str, Any], list[Arrays]]:
    h5py = optional("h5py", "Minari's format")
    try:
        record = checked(json.loads((data / METADATA).read_text("utf-8")).get(KEY), str(data))
    except (OSError, ValueError, AttributeError) as error:
        raise CorruptFileError(f"{data / METADATA} cannot be read ({error}).") from error
    made = blank(record)
    try:
        with h5py.File(data / FILE, "r") as file:
            for group in file.values():
                _fill(made, group, [name for name in record["arrays"] if name.startswith("actions/")])
    except OSError as error:
        raise CorruptFileError(f"{data / FILE} is truncated or not an HDF5 file. Take another copy.") from error
    return record, made


def _fill(made: list[Arrays], group: Any, actions: list[str]) -> None:
    place = json.loads(group.attrs[KEY])
    arrays, slot = made[place["episode"]], place["slot"]
    steps = slice(place["step"], place["step"] + int(group.attrs["total_steps"]))
    observations = group["observations"][()]
    arrays["features"][steps, slot] = observations[:-1]
    for ours, theirs in (("reward", "rewards"), ("terminated", "terminations"), ("truncated", "truncations")):
        arrays[ours][steps, slot] = group[theirs][()]
    for name in actions:
        arrays[name][steps, slot] = (group["actions"] if len(actions) == 1 else group[name])[()]
    for name, array in arrays.items():
        if name.partition("/")[0] in EXTRAS:
            array[steps, slot] = group[f"infos/{name}"][:-1]
    arrays["active"][steps, slot] = True
    arrays["fresh"][place["step"], slot] = True
    arrays["uid"][steps, slot] = place["uid"]
    arrays["parent"][place["step"], slot] = place["parent"]
    if arrays["truncated"][steps, slot][-1]:
        arrays["final"][slot] = observations[-1]
