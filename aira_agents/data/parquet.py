"""Datasets as Parquet: one table a role, a row for each decision, a column for each number, for any tool to read.

Nobody's rows are left out: an empty slot has none. What an agent saw last, after its time ran out, is a row of its own
in which `after_end` holds and all but the features is empty.
"""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from aira_agents.data.dataset import Dataset
from aira_agents.data.episodes import Episode, arrays_of
from aira_agents.data.exchange import Arrays, blank, checked, labels, optional, rebuilt, record_of
from aira_agents.errors import CorruptFileError, InputError
from aira_agents.results import unwritable, write_atomically

KEY = b"aira_agents"
PLACE = ("episode", "step", "slot", "after_end")


def export_parquet(dataset: Dataset, folder: Path) -> list[Path]:
    """Writes `ROLE.parquet` for every role; returns the paths.

    Raises:
        InputError: There is no episode, pyarrow is not installed, or the folder cannot be written to.
    """
    arrow, parquet = optional("pyarrow", "Parquet"), optional("pyarrow.parquet", "Parquet")
    records = {role: record_of(dataset, role) for role in dataset.interfaces}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    paths = []
    for role, record in records.items():
        parts = [_rows(episode, i, role) for i, episode in enumerate(dataset.episodes)]
        joined = {name: np.concatenate([own[name] for own in parts]) for name in parts[0]}
        after_end = joined["after_end"]
        columns = {name: arrow.array(joined[name]) for name in PLACE}
        for name in record["arrays"]:
            if name in ("active", "final"):
                continue
            flat = joined[name].reshape(len(after_end), -1)
            mask = None if name == "features" else after_end
            columns |= {label: arrow.array(flat[:, i], mask=mask) for i, label in enumerate(labels(record, name))}
        table = arrow.table(columns).replace_schema_metadata({KEY: json.dumps(record).encode()})
        file = io.BytesIO()
        parquet.write_table(table, file)
        paths.append(folder / f"{role}.parquet")
        write_atomically(paths[-1], file.getvalue())
    return paths


def import_parquet(folder: Path) -> Dataset:
    """Reads what `export_parquet` wrote.

    Raises:
        InputError: There is no such folder, no table in it, or pyarrow is not installed.
        CorruptFileError: A table is truncated, missing, or was not exported by aira_agents.
    """
    paths = sorted(folder.glob("*.parquet"))
    if not paths:
        raise InputError(f"There is no Parquet file in {folder}: expected one for each role.")
    return rebuilt(lambda: [_read(path) for path in paths], str(folder))


def _rows(episode: Episode, number: int, role: str) -> Arrays:
    """Returns the decisions of one episode, then what was seen after its end; one row each."""
    track = episode.tracks[role]
    steps, slots = np.nonzero(track.active)
    last = np.flatnonzero(track.active[-1] & track.truncated[-1])
    rows = {
        "episode": np.full(len(steps) + len(last), number, np.int32),
        "step": np.append(steps, np.full(len(last), episode.n_steps)).astype(np.int32),
        "slot": np.append(slots, last).astype(np.int32),
        "after_end": np.append(np.zeros(len(steps), bool), np.ones(len(last), bool)),
    }
    for name, array in arrays_of(track).items():
        if name == "final":
            continue
        after = track.final[last] if name == "features" else np.zeros((len(last), *array.shape[2:]), array.dtype)
        rows[name] = np.concatenate([array[steps, slots], after])
    return rows


def _read(path: Path) -> tuple[dict[str, Any], list[Arrays]]:
    arrow, parquet = optional("pyarrow", "Parquet"), optional("pyarrow.parquet", "Parquet")
    try:
        table = parquet.read_table(path)
    except (arrow.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise CorruptFileError(f"{path} is truncated or not a Parquet file ({reason}). Take another copy.") from error
    record = checked(json.loads((table.schema.metadata or {}).get(KEY, b"null")), str(path))

    def column(name: str, dtype: Any) -> np.ndarray:
        filled = table[name].fill_null(False if dtype == np.dtype(bool) else 0)
        return filled.to_numpy().astype(dtype)

    episode, step, slot = (column(name, np.dtype(np.int32)) for name in PLACE[:3])
    after_end = column("after_end", np.dtype(bool))
    values = {}
    for name, (dtype, rest) in record["arrays"].items():
        if name not in ("active", "final"):
            flat = np.stack([column(label, np.dtype(dtype)) for label in labels(record, name)], axis=-1)
            values[name] = flat.reshape(len(flat), *rest)
    made = blank(record)
    for i, arrays in enumerate(made):
        own, seen = (episode == i) & ~after_end, (episode == i) & after_end
        for name, value in values.items():
            arrays[name][step[own], slot[own]] = value[own]
        arrays["active"][step[own], slot[own]] = True
        arrays["final"][slot[seen]] = values["features"][seen]
    return record, made
