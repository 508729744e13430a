"""A database that is missing, locked, full, foreign, older or newer: one clear line, and nothing lost."""

import contextlib
import sqlite3

import pytest
from databases import POSTGRESQL, database, need_postgresql  # noqa: F401  a fixture
from sqlalchemy import inspect, text
from test_store import event

from aira_agents.cli.main import main
from aira_agents.errors import InputError, StoreError
from aira_agents.store import Store, engine, migrations
from aira_agents.store.tables import METADATA


def _refused(where, message, **options):
    with pytest.raises((StoreError, InputError), match=message) as caught:
        Store(where, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_that_is_not_there_is_made_only_for_who_writes(tmp_path):
    _refused(tmp_path / "none.db", "There is no database .*none.db yet", create=False)
    assert not (tmp_path / "none.db").exists()
    Store(tmp_path / "new" / "some.db").close()
    assert (tmp_path / "new" / "some.db").exists()


def test_what_is_no_database_is_not_touched(tmp_path):
    path = tmp_path / "letter.txt"
    path.write_text("Dear reader, " * 100)
    _refused(path, "letter.txt is not a database of aira")
    assert path.read_text() == "Dear reader, " * 100


def test_somebody_elses_database_is_not_touched(tmp_path, capsys):
    path = tmp_path / "foreign.db"
    with contextlib.closing(sqlite3.connect(path)) as foreign:
        foreign.execute("CREATE TABLE x (y)")
    before = path.read_bytes()
    for command in ("list", "summary", "forget anna", f"export {tmp_path / 'out'}"):
        with pytest.raises(SystemExit) as leaving:
            main(["data", *command.split(), "--database", str(path)])
        told = capsys.readouterr().err.strip()
        assert leaving.value.code == 2
        assert "foreign.db must be a database of aira, and holds none of its tables" in told
        assert len(told.splitlines()) == 1
    _refused(path, "foreign.db must be a database of aira")  # who would write
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["foreign.db"]


@pytest.mark.parametrize(
    "where", ["mysql://localhost/x", "postgresql//x", "http://host/db", "sqlite://", "no such://x"]
)
def test_an_address_that_is_none_is_one_clear_line(where):
    if "://" in where:
        _refused(where, "The address of the database must be a path")


def test_the_address_comes_from_the_environment_and_the_password_is_never_shown(monkeypatch, tmp_path):
    monkeypatch.setenv(engine.ADDRESS, f"sqlite:///{tmp_path / 'there.db'}")
    with Store() as store:
        assert store.where.endswith("there.db")
    monkeypatch.setenv(engine.ADDRESS, "mysql://ada:secret@host/db")
    assert "secret" not in _refused(None, "must be a path")


def test_a_server_that_is_not_there_is_one_clear_line():
    told = _refused("postgresql://ada:secret@127.0.0.1:1/class", "cannot be used: connection.*refused|failed")
    assert "secret" not in told and "127.0.0.1:1/class" in told


def test_a_database_that_the_server_has_not_is_one_clear_line():
    need_postgresql()
    _refused(POSTGRESQL.rsplit("/", 1)[0] + "/nowhere", 'database "nowhere" does not exist')


def test_without_the_driver_the_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    _refused("postgresql://127.0.0.1:1/class", r"pip install 'aira-agents\[postgresql\]'")


def test_a_locked_database_is_waited_for_and_then_said(monkeypatch, tmp_path):
    path = tmp_path / "aira.db"
    with Store(path) as store:
        who = store.new_participant()
    monkeypatch.setattr(engine, "WAIT_S", 0.2)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with Store(path) as store:  # readers do not wait
        assert store.participants() == [who]
        with pytest.raises(StoreError, match="locked by another program"):
            store.add_events([event(who)])
        other.execute("COMMIT")
        assert store.add_events([event(who)]).stored == ("e1",)
    other.close()


def test_on_a_full_disk_the_batch_is_refused_and_what_was_there_is_safe(tmp_path):
    path = tmp_path / "aira.db"
    with Store(path) as store:
        who = store.new_participant()
        store.add_events([event(who)])
        with store.reading() as connection:
            pages = connection.execute(text("PRAGMA page_count")).scalar()
            connection.execute(text(f"PRAGMA max_page_count = {pages + 1}"))  # of this connection, which is reused
        many = [event(who, id=f"{i:060d}") for i in range(2000)]
        with pytest.raises(StoreError, match=r"disk of the database .* is full"):
            store.add_events(many)
        assert [own.id for own in store.events()] == ["e1"]
    with Store(path) as store:  # as after making room
        assert len(store.add_events(many).stored) == 2000


def test_a_folder_that_cannot_be_written_to_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    _refused(tmp_path / "file" / "aira.db", "Cannot write to")
    (tmp_path / "folder.db").mkdir()
    _refused(tmp_path / "folder.db", "cannot be opened")


def test_an_older_database_is_brought_to_this_version_with_all_that_is_in_it(database, monkeypatch):  # noqa: F811
    with monkeypatch.context() as past:
        past.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:1])
        with Store(database) as store:
            who = store.new_participant()
            store.add_events([event(who)])
            with store.reading() as connection:
                assert not inspect(connection).has_table("aira_exports")
    with Store(database) as store:
        assert [own.who for own in store.events()] == [who]
        with store.reading() as connection:
            assert set(inspect(connection).get_table_names()) == set(METADATA.tables)
            assert connection.execute(text("SELECT version FROM aira_schema_version")).scalars().all() == [
                len(migrations.MIGRATIONS)
            ]


def test_a_migration_that_fails_changes_nothing(database, monkeypatch):  # noqa: F811
    def fails(connection):
        connection.execute(text("CREATE TABLE aira_half (x INTEGER)"))
        raise RuntimeError("out of order")

    Store(database).close()
    with monkeypatch.context() as broken:
        broken.setattr(migrations, "MIGRATIONS", [*migrations.MIGRATIONS, fails])
        with pytest.raises(RuntimeError):
            Store(database)
    with Store(database) as store, store.reading() as connection:
        assert not inspect(connection).has_table("aira_half")


def test_a_newer_database_is_left_alone(database):  # noqa: F811
    with Store(database) as store, store.writing() as connection:
        connection.execute(text("UPDATE aira_schema_version SET version = 99"))
    _refused(database, "written by a newer version of aira_agents: its schema is version 99")
