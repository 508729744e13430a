"""Databases for tests: SQLite always, PostgreSQL where `.ci/with-postgresql` started one."""

import os
import uuid

import pytest
from sqlalchemy import create_engine, text

POSTGRESQL = os.environ.get("AIRA_TEST_POSTGRESQL_URL")


def need_postgresql():
    if POSTGRESQL is None:
        reason = "no PostgreSQL: AIRA_TEST_POSTGRESQL_URL is not set; run `.ci/with-postgresql pytest`"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


def _administer(command):
    engine = create_engine(POSTGRESQL.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(command))
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    """The address of an empty database."""
    if request.param == "sqlite":
        yield str(tmp_path / "aira.db")
        return
    need_postgresql()
    name = f"aira_{uuid.uuid4().hex}"
    _administer(f"CREATE DATABASE {name}")
    yield POSTGRESQL.rsplit("/", 1)[0] + f"/{name}"
    _administer(f"DROP DATABASE {name} WITH (FORCE)")
