"""Reaching the database: SQLite in a file, or PostgreSQL; and what went wrong, in one clear line.

SQLite writes ahead (WAL), so that readers never wait, and writers take turns: each takes the write lock when its
transaction begins, since a lock taken later cannot be waited for. What was committed outlives the process whatever
kills it. Source: "Write-ahead logging" and "Pragma statements" in SQLite's documentation.
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from aira_agents.errors import InputError, StoreError
from aira_agents.store.tables import VERSION

ADDRESS = "AIRA_DATABASE_URL"
DEFAULT = Path("results") / "aira.db"
WAIT_S = 20  # for another writer, or for a server to answer
ASK_AGAIN_MS = 10  # in between SQLite looks a few times
CONNECTIONS = 64  # threads that may use one store at once


def address(given: str | Path | None) -> URL:
    """Returns the address meant: as given, else `AIRA_DATABASE_URL`, else `results/aira.db`.

    Raises:
        InputError: It is no address of an SQLite or PostgreSQL database.
    """
    asked = given or os.environ.get(ADDRESS) or DEFAULT
    if isinstance(asked, Path) or "://" not in asked:
        return URL.create("sqlite", database=str(asked))
    try:
        url = make_url(asked)
    except (ArgumentError, ValueError) as error:
        raise _no_address() from error
    kind = url.get_backend_name()
    if kind == "sqlite" and url.database:
        return url
    if kind in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    raise _no_address()


def _no_address() -> InputError:
    # What was given is not repeated: there may be a password in it.
    return InputError(
        "The address of the database must be a path, sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE. "
        f"Look at `--database` or {ADDRESS}."
    )


def shown(url: URL) -> str:
    """Returns the address as people may see it, without a password."""
    return str(url.database) if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)


def connect(url: URL, *, create: bool) -> Engine:
    """Returns the engine; nothing is reached before it is used. `create`: whether it may make a database of a file.

    Raises:
        InputError: The driver of PostgreSQL is not installed.
    """
    sqlite = url.get_backend_name() == "sqlite"
    waiting: dict[str, Any] = {"timeout": WAIT_S} if sqlite else {"connect_timeout": WAIT_S}
    if not sqlite:
        waiting["options"] = f"-c lock_timeout={WAIT_S}s"
    try:
        engine = create_engine(
            url,
            connect_args=waiting,
            max_overflow=CONNECTIONS - 5,
            pool_timeout=WAIT_S,
            pool_pre_ping=not sqlite,  # a server may have been started anew
        )
    except (ImportError, NoSuchModuleError) as error:
        raise InputError(
            "PostgreSQL needs the package psycopg, which is not installed. "
            "Install it with `pip install 'aira-agents[postgresql]'`."
        ) from error
    if sqlite:
        event.listen(engine, "connect", _prepare)
        if create:
            event.listen(engine, "connect", _write_ahead)
        event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, record: Any) -> None:
    del record
    connection.isolation_level = None  # Python's own begins too late; `_begin` does it
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA secure_delete = ON")  # what is forgotten is overwritten
    cursor.execute("PRAGMA synchronous = NORMAL")  # a kill loses nothing; a power cut may lose the last moment
    cursor.close()


def _write_ahead(connection: Any, record: Any) -> None:
    del record
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    ours = not tables or VERSION.name in tables
    if ours and connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        connection.execute("PRAGMA journal_mode = WAL")  # kept in the file from then on


def _begin(connection: Connection) -> None:
    if not connection.get_execution_options().get("writes", False):
        connection.exec_driver_sql("BEGIN")
        return
    own = connection.connection.driver_connection
    assert isinstance(own, sqlite3.Connection)
    # SQLite itself asks ever more rarely, down to ten times a second: thirty processes would mostly sleep.
    give_up = time.monotonic() + WAIT_S
    own.execute(f"PRAGMA busy_timeout = {ASK_AGAIN_MS}")
    try:
        while True:
            try:
                own.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > give_up:
                    raise
    finally:
        own.execute(f"PRAGMA busy_timeout = {int(WAIT_S * 1000)}")


@contextlib.contextmanager
def transaction(engine: Engine, *, writes: bool) -> Iterator[Connection]:
    """Runs a transaction: all of it is committed, or nothing.

    Raises:
        StoreError: The database cannot be reached, is locked, full, or no database.
    """
    with plain_errors(engine.url), engine.connect() as connection, connection.execution_options(writes=writes).begin():
        yield connection


@contextlib.contextmanager
def statements(engine: Engine) -> Iterator[Connection]:
    """Lends a connection on which each statement is committed by itself; raises as `transaction` does."""
    with plain_errors(engine.url), engine.connect() as connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT")


@contextlib.contextmanager
def plain_errors(url: URL) -> Iterator[None]:
    """Says what went wrong with a database in one line, and what to do."""
    try:
        yield
    except PoolTimeout as error:
        raise StoreError(f"More than {CONNECTIONS} threads use the database {shown(url)} at once.") from error
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise StoreError(_told(url, error)) from error


def _told(url: URL, error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    reason = (str(cause).strip().splitlines() or [type(cause).__name__])[0]
    state = getattr(cause, "sqlstate", None)
    where = shown(url)
    if "database is locked" in reason or state == "55P03":
        return f"The database {where} has been locked by another program for {WAIT_S} s. Close that one and try again."
    if "disk is full" in reason or state == "53100":
        return f"The disk of the database {where} is full; what was saved before is safe. Make room and try again."
    if "not a database" in reason or "malformed" in reason:
        return f"{where} is not a database of aira, or it is damaged ({reason}). Move it away, or name another."
    if "readonly" in reason or "unable to open" in reason or "disk I/O" in reason:
        return f"The database {where} cannot be opened or written to ({reason}). Look at the folder's permissions."
    return f"The database {where} cannot be used: {reason}. Does the address hold, and is the server running?"
