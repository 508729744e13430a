"""Migrations: from whatever version of the schema a database has to this one, in one transaction.

A list of functions and a table of one row, instead of Alembic: a class upgrades by starting the program, from many
processes at once, so each step runs under the database's own lock when the store is opened. Alembic takes no such
lock, and its configuration, environment and script folder would be larger than what they replace.
"""

from collections.abc import Callable

from sqlalchemy import Connection, insert, inspect, select, text, update

from aira_agents.errors import InputError, StoreError
from aira_agents.store.tables import EPISODES, EVENTS, EXPORTS, LESSONS, METADATA, PARTICIPANTS, RUNS, VERSION

LOCK = 0x61697261  # "aira", for PostgreSQL's advisory lock


def _first(connection: Connection) -> None:
    METADATA.create_all(connection, tables=[PARTICIPANTS, EVENTS, EPISODES, RUNS])


def _exports(connection: Connection) -> None:
    METADATA.create_all(connection, tables=[EXPORTS])


def _lessons(connection: Connection) -> None:
    METADATA.create_all(connection, tables=[LESSONS])


# One for each version, in order. What was released is never edited: a change of a table is a function of its own, and
# the older ones then create it as it was.
MIGRATIONS: list[Callable[[Connection], None]] = [_first, _exports, _lessons]


def migrate(connection: Connection, where: str) -> None:
    """Brings the schema to this version, in the caller's transaction, which must have begun as a writer's.

    Raises:
        StoreError: The database was written by a newer version.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
    VERSION.create(connection, checkfirst=True)
    version = connection.execute(select(VERSION.c.version)).scalar()
    _refuse_newer(version, where)
    for step in MIGRATIONS[version or 0 :]:
        step(connection)
    if version is None:
        connection.execute(insert(VERSION).values(version=len(MIGRATIONS)))
    elif version < len(MIGRATIONS):
        connection.execute(update(VERSION).values(version=len(MIGRATIONS)))


def is_current(connection: Connection, where: str, *, create: bool) -> bool:
    """Says whether there is nothing to migrate.

    Raises:
        InputError: The database is a file of another program; or it is empty, and nothing may be created.
        StoreError: The database was written by a newer version.
    """
    tables = inspect(connection)
    if not tables.has_table(VERSION.name):
        # A file belongs to one program; a server's database is often shared.
        foreign = connection.dialect.name == "sqlite" and tables.get_table_names()
        if foreign or not create:
            raise InputError(
                f"{where} must be a database of aira, and holds none of its tables. Name another; one is made when "
                "something is recorded."
            )
        return False
    version = connection.execute(select(VERSION.c.version)).scalar()
    _refuse_newer(version, where)
    return version == len(MIGRATIONS)


def _refuse_newer(version: int | None, where: str) -> None:
    if version is not None and version > len(MIGRATIONS):
        raise StoreError(
            f"The database {where} was written by a newer version of aira_agents: its schema is version {version}, "
            f"this one knows {len(MIGRATIONS)}. Update with `pip install --upgrade aira-agents`."
        )
