"""Reads episodes back from wherever they were written: this program's own files, Parquet, Minari, or a whole export."""

from pathlib import Path

from aira_agents.data.dataset import Dataset
from aira_agents.data.minari_files import METADATA, import_minari
from aira_agents.data.parquet import import_parquet
from aira_agents.errors import InputError

OWN = ".episodes"


def read_back(path: Path) -> list[Dataset]:
    """Returns the datasets at `path`, one for each world.

    Args:
        path: A file of episodes, the folder of a world in Parquet or Minari's format, or a folder with some of these.

    Raises:
        InputError: There is nothing of the kind, or a package is not installed.
        CorruptFileError: Something is damaged, or was not exported by aira_agents.
    """
    found = _read(path)
    if not found and path.is_dir():
        found = [dataset for inner in sorted(path.iterdir()) for dataset in _read(inner)]
    if not found:
        raise InputError(
            f"There are no episodes in {path}: expected a file as `aira data record` writes it, or a folder as "
            "`aira data export` does."
        )
    return found


def _read(path: Path) -> list[Dataset]:
    """Returns the dataset that a file or the folder of a world is, by what lies in it; none: it is no such thing."""
    if not path.is_dir():
        return [] if path.exists() and path.suffix != OWN else [Dataset.load(path)]
    if any(path.glob("*.parquet")):
        return [import_parquet(path)]
    return [import_minari(path)] if any(path.glob(f"*/data/{METADATA}")) else []
