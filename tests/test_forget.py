"""Who is forgotten is gone everywhere: from every table, from the file on the disk, and from the exports."""

import dataclasses
import secrets
import shutil
from pathlib import Path

import pandas as pd
import pytest
from databases import database  # noqa: F401  a fixture
from recorded import meadow
from sqlalchemy import text
from test_store import event, store  # noqa: F401  fixtures

from aira_agents.data.dataset import Dataset
from aira_agents.data.minari_files import import_minari
from aira_agents.data.parquet import import_parquet
from aira_agents.errors import InputError
from aira_agents.store import Run, Store, exports
from aira_agents.store.exports import export, forget, refresh
from aira_agents.store.tables import METADATA

READERS = {
    "parquet": lambda folder: import_parquet(folder / "foraging"),
    "minari": lambda folder: import_minari(folder / "foraging"),
    "episodes": lambda folder: Dataset.load(folder / "foraging.episodes"),
}


def of(who, first, last):
    chosen = meadow().episodes[first:last]
    changed = [dataclasses.replace(e, provenance=dataclasses.replace(e.provenance, who=who)) for e in chosen]
    return dataclasses.replace(meadow(), episodes=tuple(changed))


@pytest.fixture
def people(store):  # noqa: F811
    one, other = store.new_participant(), store.new_participant()
    for i, who in enumerate((one, other)):
        store.add_events([event(who, id=f"{who}-1"), event(who, id=f"{who}-2")])
        store.add_episodes(of(who, 2 * i, 2 * i + 2))
        store.add_run(Run("demonstration", "foraging", {}, who=who))
    store.add_episodes(of(None, 5, 6))
    return one, other


def everything(opened):
    with opened.reading() as connection:
        return {name: [*connection.execute(text(f"SELECT * FROM {name}")).mappings()] for name in METADATA.tables}


@pytest.mark.parametrize("format", ["parquet", "minari", "episodes"])
def test_who_is_forgotten_is_in_no_table_and_in_no_export(store, people, tmp_path, format):  # noqa: F811
    one, other = people
    folder = export(store, tmp_path / "out", format, world="foraging")
    assert {e.provenance.who for e in READERS[format](folder).episodes} == {one, other, None}
    gone = forget(store, one)
    assert gone.rows == {"events": 2, "episodes": 2, "runs": 1} and gone.rewritten == (folder,) and not gone.missing
    assert one not in str(everything(store)) and other in str(everything(store))
    assert {e.provenance.who for e in READERS[format](folder).episodes} == {other, None}
    assert set(pd.read_csv(folder / "events.csv").who) == {other}
    assert not any(one.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".out")] == []


@pytest.mark.parametrize("looks_like_a_number", ["9216422635442104", "120034e571905482"])
def test_no_id_of_a_person_is_read_as_a_number(store, tmp_path, monkeypatch, looks_like_a_number):  # noqa: F811
    monkeypatch.setattr(secrets, "token_hex", lambda n: looks_like_a_number)
    who = store.new_participant()
    store.add_events([event(who)])
    store.add_episodes(of(who, 0, 1))
    folder = export(store, tmp_path / "out", "parquet", world="foraging")
    assert list(pd.read_csv(folder / "events.csv").who) == [who]


def test_who_is_forgotten_cannot_come_back_by_a_late_event(store, people):  # noqa: F811
    one, _ = people
    forget(store, one)
    assert "no participant" in store.add_events([event(one, id="late")]).refused["late"]
    with pytest.raises(InputError, match="forgotten already, or never there"):
        forget(store, one)


def test_an_export_of_nobody_else_is_empty_afterwards(store, people, tmp_path):  # noqa: F811
    one, _ = people
    folder = export(store, tmp_path / "mine", who=one)
    forget(store, one)
    assert [path.name for path in folder.iterdir()] == ["events.csv"]
    assert len(pd.read_csv(folder / "events.csv")) == 0


def test_exports_that_hold_nothing_of_them_are_left_as_they_are(store, people, tmp_path):  # noqa: F811
    one, other = people
    folder = export(store, tmp_path / "other", who=other)
    before = (folder / "events.csv").stat().st_mtime_ns
    assert forget(store, one).rewritten == ()
    assert (folder / "events.csv").stat().st_mtime_ns == before


def test_an_export_that_was_moved_is_named(store, people, tmp_path):  # noqa: F811
    one, _ = people
    folder = export(store, tmp_path / "out")
    shutil.move(folder, tmp_path / "elsewhere")
    assert forget(store, one).missing == (folder,)


def test_what_a_crash_left_undone_is_done_the_next_time(store, people, tmp_path, monkeypatch):  # noqa: F811
    one, other = people
    folder = export(store, tmp_path / "out", "episodes")
    with monkeypatch.context() as crash:
        crash.setattr(exports, "_write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            forget(store, one)
    assert one in {e.provenance.who for e in READERS["episodes"](folder).episodes}  # not yet
    assert refresh(store) == ((folder,), ())
    assert {e.provenance.who for e in READERS["episodes"](folder).episodes} == {other, None}
    assert refresh(store) == ((), ())


def test_who_is_forgotten_while_an_export_is_written_is_not_in_it(store, people, tmp_path, monkeypatch):  # noqa: F811
    one, other = people
    fill, forgotten = exports._fill, []

    def slow(own, folder, *rest):
        fill(own, folder, *rest)
        if not forgotten:
            forgotten.append(one)
            forget(own, one)

    monkeypatch.setattr(exports, "_fill", slow)
    folder = export(store, tmp_path / "out", "episodes")
    assert {e.provenance.who for e in READERS["episodes"](folder).episodes} == {other, None}
    (noted,) = everything(store)["aira_exports"]
    assert other in noted["people"] and not noted["stale"]
    assert forget(store, other).rewritten == (folder,)  # it is still known


def test_nothing_is_overwritten_and_nonsense_is_refused(store, people, tmp_path):  # noqa: F811
    del people
    (tmp_path / "there").mkdir()
    with pytest.raises(InputError, match="there already"):
        export(store, tmp_path / "there")
    with pytest.raises(InputError, match="Unknown format 'excel'"):
        export(store, tmp_path / "new", "excel")
    with pytest.raises(InputError, match="nothing of world 'mars'"):
        export(store, tmp_path / "new", world="mars")
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(InputError, match="Cannot write to"):
        export(store, tmp_path / "file" / "out")
    assert everything(store)["aira_exports"] == []


def test_an_export_survives_a_store_that_was_closed(tmp_path):
    path = tmp_path / "aira.db"
    with Store(path) as opened:
        who = opened.new_participant()
        opened.add_events([event(who)])
        folder = export(opened, tmp_path / "out")
    with Store(path) as opened:
        assert forget(opened, who).rewritten == (folder,)
    assert not any(who.encode() in p.read_bytes() for p in Path(tmp_path).rglob("*") if p.is_file())
