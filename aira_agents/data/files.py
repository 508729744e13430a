"""Datasets as files: one safetensors file, with provenance in its header and a checksum over all.

The arrays of all episodes are joined, a long one for each field of each role: ten thousand short episodes are as quick
to read as ten long ones.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aira_agents.array_files import pack_arrays, read_arrays, unpack_arrays
from aira_agents.data.episodes import Episode, Provenance, arrays_of, track_of
from aira_agents.errors import CorruptFileError
from aira_agents.interfaces import Interface
from aira_agents.results import write_atomically

FORMAT = "aira_agents episodes, version 1"


def save(path: Path, interfaces: Mapping[str, Interface], episodes: Sequence[Episode]) -> Path:
    """Writes one file; raises `InputError` if the place cannot be written to."""
    write_atomically(path, pack(interfaces, episodes))
    return path


def load(path: Path) -> tuple[dict[str, Interface], tuple[Episode, ...]]:
    """Reads it back; raises `InputError` or `CorruptFileError`."""
    return _opened(*read_arrays(path), str(path))


def pack(interfaces: Mapping[str, Interface], episodes: Sequence[Episode]) -> bytes:
    """Returns the file as bytes."""
    named = [
        {f"{role}/{name}": array for role, track in episode.tracks.items() for name, array in arrays_of(track).items()}
        for episode in episodes
    ]
    joined = {name: np.concatenate([own[name].reshape(-1) for own in named]) for name in (named[0] if named else {})}
    record = {
        "format": FORMAT,
        "interfaces": dict(interfaces),
        "episodes": [
            {
                "provenance": dataclasses.asdict(episode.provenance),
                "shapes": {name: array.shape for name, array in own.items()},
            }
            for episode, own in zip(episodes, named, strict=True)
        ],
    }
    return pack_arrays(joined, record)


def unpack(data: bytes, what: str) -> tuple[dict[str, Interface], tuple[Episode, ...]]:
    """Reads `pack`'s bytes; `what` names them in the error, a `CorruptFileError`."""
    return _opened(*unpack_arrays(data, what), what)


def _opened(
    arrays: dict[str, np.ndarray], record: Mapping[str, Any], what: str
) -> tuple[dict[str, Interface], tuple[Episode, ...]]:
    if record.get("format") != FORMAT:
        raise CorruptFileError(f"{what} holds no episodes: expected {FORMAT!r}, got {record.get('format')!r}.")
    starts = dict.fromkeys(arrays, 0)
    episodes = []
    try:
        for one in record["episodes"]:
            episodes.append(_episode(one, arrays, starts))
        return dict(record["interfaces"]), tuple(episodes)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CorruptFileError(f"{what} lacks or misnames something ({error}). Take another copy.") from error


def _episode(one: Mapping[str, Any], arrays: Mapping[str, np.ndarray], starts: dict[str, int]) -> Episode:
    tracks: dict[str, dict[str, np.ndarray]] = {}
    for name, shape in one["shapes"].items():
        stop = starts[name] + math.prod(shape)
        role, _, field = name.partition("/")
        tracks.setdefault(role, {})[field] = arrays[name][starts[name] : stop].reshape(shape)
        starts[name] = stop
    return Episode(Provenance(**one["provenance"]), {role: track_of(own) for role, own in tracks.items()})
