"""The tables of the store. Nobody is named: a participant is a random id, and that is all that is kept of one."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
)

METADATA = MetaData()

VERSION = Table("aira_schema_version", METADATA, Column("version", Integer, nullable=False))

PARTICIPANTS = Table(
    "aira_participants",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("since", String(32), nullable=False),  # UTC, ISO 8601, as are all times here
)


def _who(nullable: bool) -> Column:
    # Whoever is forgotten takes all rows along.
    return Column("who", ForeignKey(PARTICIPANTS.c.id, ondelete="CASCADE"), nullable=nullable, index=True)


# SQLite counts only what is declared as INTEGER by itself.
_count = BigInteger().with_variant(Integer, "sqlite")

EVENTS = Table(
    "aira_events",
    METADATA,
    Column("seq", _count, primary_key=True, autoincrement=True),  # in order of arrival
    Column("id", String(64), nullable=False, unique=True),
    _who(nullable=False),
    Column("time_s", Double, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("uid", BigInteger, nullable=False),
    Column("signal", Double, nullable=False),
    Column("channel", String(64), nullable=False),
    Column("world", String(64), nullable=False),
    Column("session", String(64), nullable=False, index=True),
    sqlite_autoincrement=True,  # a number is never used twice, not even after a participant was forgotten
)

# What an event is about: what the agent perceived and did in the steps that it may mean, so that it can be learned
# again from the store alone.
LESSONS = Table(
    "aira_lessons",
    METADATA,
    Column("seq", _count, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False, unique=True),  # of the event
    _who(nullable=False),
    Column("session", String(64), nullable=False, index=True),
    Column("data", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)

EPISODES = Table(
    "aira_episodes",
    METADATA,
    Column("seq", _count, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    _who(nullable=True),
    Column("recorded_at", String(32), nullable=False),
    Column("world", String(64), nullable=False),
    Column("steps", BigInteger, nullable=False),
    Column("samples", BigInteger, nullable=False),
    Column("licence", String(128), nullable=False),
    Column("data", LargeBinary, nullable=False),  # a dataset of this one episode, as its file would be
    sqlite_autoincrement=True,
)

RUNS = Table(
    "aira_runs",
    METADATA,
    Column("seq", _count, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    _who(nullable=True),
    Column("at", String(32), nullable=False),
    Column("name", String(128), nullable=False),  # of the learner or the scenario
    Column("world", String(64), nullable=False),
    Column("seed", BigInteger, nullable=True),
    Column("record", JSON, nullable=False),  # parameters and figures
    sqlite_autoincrement=True,
)

EXPORTS = Table(
    "aira_exports",
    METADATA,
    Column("seq", _count, primary_key=True, autoincrement=True),
    Column("at", String(32), nullable=False),
    Column("path", String(4096), nullable=False),  # of the folder
    Column("format", String(16), nullable=False),
    Column("selection", JSON, nullable=False),
    Column("people", JSON, nullable=False),  # whose rows are in it
    Column("stale", Boolean, nullable=False, default=False),  # somebody in it was forgotten: to be written anew
    sqlite_autoincrement=True,
)
