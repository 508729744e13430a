"""Exports that the store knows of, and forgetting: whoever is forgotten leaves them too.

An export is a folder that can be made again from the database. It is noted before it is written, so that none is
unknown; who is forgotten makes it stale, in the transaction that deletes the rows, so that a crash in between leaves
nothing behind but a note to do the rest.
"""

import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Connection, delete, func, insert, select, text, update

from aira_agents.data.dataset import Dataset
from aira_agents.data.minari_files import export_minari
from aira_agents.data.parquet import export_parquet
from aira_agents.errors import InputError, unknown_name
from aira_agents.results import unwritable
from aira_agents.store.store import FIELDS, Store, now
from aira_agents.store.tables import EPISODES, EVENTS, EXPORTS, LESSONS, PARTICIPANTS, RUNS

FORMATS: dict[str, Callable[[Dataset, Path, str], Any]] = {
    "parquet": lambda dataset, folder, name: export_parquet(dataset, folder / name),
    "minari": lambda dataset, folder, name: export_minari(dataset, folder, world=name),
    "episodes": lambda dataset, folder, name: dataset.save(folder / f"{name}.episodes"),
}
TABLES = {"events": EVENTS, "episodes": EPISODES, "runs": RUNS}


@dataclasses.dataclass(frozen=True)
class Forgotten:
    """What went with a participant."""

    rows: dict[str, int]  # by table
    rewritten: tuple[Path, ...]  # exports without the participant
    missing: tuple[Path, ...]  # exports that are no longer where they were written: copies may be elsewhere


def export(store: Store, folder: Path, format: str = "parquet", **equal: str) -> Path:
    """Writes episodes, a folder or file for each world, and `events.csv`; the store remembers the place.

    Args:
        store: Where they come from.
        folder: A new folder.
        format: "parquet", "minari" or "episodes" (our own, with nothing left out).
        equal: `who` and `world`, to export only these.

    Raises:
        InputError: The format is unknown, the folder is there already or cannot be written to, or nothing is chosen.
    """
    if format not in FORMATS:
        raise unknown_name("format", format, FORMATS)
    folder = folder.absolute()
    if folder.exists():
        raise InputError(f"{folder} is there already, and exports overwrite nothing; name a new folder.")
    with store.writing() as connection:
        if not _count(connection, equal):
            asked = " and ".join(f"{name} {value!r}" for name, value in equal.items())
            of = f"of {asked}: look at `aira data list`" if equal else "yet: record some"
            raise InputError(f"There is nothing to export, since {store.where} holds nothing {of}.")
        note = {"at": now(), "path": str(folder), "format": format, "selection": equal, "stale": True}
        noted = insert(EXPORTS).values(**note, people=_people(connection, equal)).returning(EXPORTS.c.seq)
        seq = connection.execute(noted).scalar_one()
    try:
        _write(store, seq, folder, format, equal)
    except BaseException:
        if not folder.exists():
            with store.writing() as connection:
                connection.execute(delete(EXPORTS).where(EXPORTS.c.seq == seq))
        raise
    return folder


def forget(store: Store, who: str) -> Forgotten:
    """Deletes all rows of a participant, and writes the exports anew that hold some. What was learned stays learned.

    Raises:
        InputError: There is no such participant.
        StoreError: The database cannot be used.
    """
    with store.writing() as connection:
        rows = {name: _count_in(connection, table, {"who": who}) for name, table in TABLES.items()}
        if not connection.execute(delete(PARTICIPANTS).where(PARTICIPANTS.c.id == who)).rowcount:
            raise InputError(f"There is no participant {who!r} in {store.where}: forgotten already, or never there.")
        for seq, people in connection.execute(select(EXPORTS.c.seq, EXPORTS.c.people)).all():
            if who in people:
                connection.execute(update(EXPORTS).where(EXPORTS.c.seq == seq).values(stale=True))
    rewritten, missing = refresh(store)
    _wipe(store)
    return Forgotten(rows, rewritten, missing)


def refresh(store: Store) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Writes all stale exports anew; returns which were, and which are no longer where they were written."""
    with store.reading() as connection:
        stale = connection.execute(select(EXPORTS).where(EXPORTS.c.stale)).mappings().all()
    rewritten, missing = [], []
    for row in stale:
        folder = Path(row["path"])
        if folder.exists():
            _write(store, row["seq"], folder, row["format"], row["selection"])
            rewritten.append(folder)
        else:
            with store.writing() as connection:
                connection.execute(delete(EXPORTS).where(EXPORTS.c.seq == row["seq"]))
            missing.append(folder)
    return tuple(rewritten), tuple(missing)


def _write(store: Store, seq: int, folder: Path, format: str, equal: dict[str, str]) -> None:
    """Writes an export, or writes it anew, until nobody was forgotten meanwhile."""
    while True:
        with store.reading() as connection:
            people = _people(connection, equal)
        _replace(folder, lambda new: _fill(store, new, format, equal))
        with store.writing() as connection:
            if set(people) == set(_people(connection, equal)):
                note = {"at": now(), "path": str(folder), "format": format, "selection": equal}
                # Put back rather than changed: whoever was forgotten meanwhile found no folder, and dropped the note.
                connection.execute(delete(EXPORTS).where(EXPORTS.c.seq == seq))
                connection.execute(insert(EXPORTS).values(**note, people=people, stale=False))
                return


def _replace(folder: Path, fill: Callable[[Path], None]) -> None:
    """Fills a new folder beside, and puts it in place of the old one."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as beside:
            new = Path(beside) / "new"
            new.mkdir()
            fill(new)
            if folder.exists():
                folder.rename(Path(beside) / "old")
            new.rename(folder)
    except OSError as error:
        if isinstance(error, InputError):
            raise
        raise unwritable(folder, error) from error


def _fill(store: Store, folder: Path, format: str, equal: dict[str, str]) -> None:
    for name, dataset in store.datasets(**equal).items():
        FORMATS[format](dataset, folder, name)
    events = [dataclasses.astuple(event) for event in store.events(**equal)]
    pd.DataFrame(events, columns=pd.Index(FIELDS)).to_csv(folder / "events.csv", index=False)


def _people(connection: Connection, equal: dict[str, str]) -> list[str]:
    found: set[str] = set()
    for table in (EVENTS, EPISODES):
        chosen = select(table.c.who).distinct().where(*(table.c[name] == value for name, value in equal.items()))
        found |= {*connection.execute(chosen).scalars()} - {None}
    return sorted(found)


def _count(connection: Connection, equal: dict[str, str]) -> int:
    return sum(_count_in(connection, table, equal) for table in (EVENTS, EPISODES))


def _count_in(connection: Connection, table: Any, equal: dict[str, str]) -> int:
    counted = select(func.count()).select_from(table)
    return connection.execute(counted.where(*(table.c[n] == value for n, value in equal.items()))).scalar_one()


def _wipe(store: Store) -> None:
    """Takes what was deleted off the disk too, as far as the database can."""
    with store.outside_transactions() as connection:
        if connection.dialect.name == "sqlite":
            connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
        else:
            for table in (PARTICIPANTS, LESSONS, *TABLES.values()):
                connection.execute(text(f"VACUUM {table.name}"))


def contents(store: Store) -> list[str]:
    """Returns in words what the store holds: participants, worlds, sessions, runs and exports."""
    with store.reading() as connection:
        lines = [f"{_count_in(connection, PARTICIPANTS, {})} participants"]
        episodes = select(EPISODES.c.world, func.count(), func.sum(EPISODES.c.samples)).group_by(EPISODES.c.world)
        for world, count, samples in connection.execute(episodes.order_by(EPISODES.c.world)):
            lines.append(f"{world}: {count:,} episodes, {samples:,} decisions")
        events = select(EVENTS.c.world, EVENTS.c.session, EVENTS.c.channel, func.count())
        grouped = events.group_by(EVENTS.c.world, EVENTS.c.session, EVENTS.c.channel)
        for world, session, channel, count in connection.execute(grouped.order_by(EVENTS.c.world, EVENTS.c.session)):
            lines.append(f"{world}, session {session}: {count:,} events of {channel}")
        lines.append(f"{_count_in(connection, RUNS, {})} runs")
        for path, format in connection.execute(select(EXPORTS.c.path, EXPORTS.c.format).order_by(EXPORTS.c.seq)):
            lines.append(f"export {path} ({format})")
    return lines
