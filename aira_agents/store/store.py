"""The store: what is kept of people, episodes and runs, and how it is read again."""

import dataclasses
import importlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlalchemy import URL, Connection, Engine, Select, Table, insert, select
from sqlalchemy.exc import IntegrityError

from aira_agents.data.dataset import Dataset, merge
from aira_agents.errors import InputError, StoreError
from aira_agents.interfaces import interface_differences
from aira_agents.results import unwritable
from aira_agents.store import engine as reach
from aira_agents.store.batching import Batching
from aira_agents.store.events import FeedbackEvent, Receipt, fault
from aira_agents.store.ids import random_id
from aira_agents.store.migrations import is_current, migrate
from aira_agents.store.tables import EPISODES, EVENTS, LESSONS, PARTICIPANTS, RUNS

FIELDS = tuple(field.name for field in dataclasses.fields(FeedbackEvent))
Batch = dict[str, tuple[FeedbackEvent, bytes | None]]  # by id: an event, and what it is about


@dataclasses.dataclass(frozen=True)
class Run:
    """A training run or a scenario: what was done, and the figures that came of it."""

    name: str  # of the learner or the scenario
    world: str
    record: dict[str, Any]  # parameters and figures, as JSON holds them
    seed: int | None = None
    who: str | None = None
    at: str = ""  # set by the store, as is `id`
    id: str = ""


class Store:
    """A database with feedback, episodes and runs; any number of threads and processes may use it at once.

    A call returns when what it stored is committed: from then on no kill of this process loses it.
    """

    def __init__(self, where: str | Path | None = None, *, create: bool = True) -> None:
        """Opens the database, and brings an older one to this version.

        Args:
            where: A path, an address, or `None` for `AIRA_DATABASE_URL`, else `results/aira.db`.
            create: Whether to make an SQLite file, or our tables, where there are none.

        Raises:
            InputError: The address is none, or there is no such file, or it holds none of our tables.
            StoreError: The database cannot be reached or used, or is of a newer version.
        """
        self._url: URL = reach.address(where)
        self._find_file(create)
        self._engine: Engine = reach.connect(self._url, create=create)
        self._write_events = Batching(self._insert_events)
        try:
            with reach.transaction(self._engine, writes=False) as connection:
                current = is_current(connection, self.where, create=create)
            if not current:
                with reach.transaction(self._engine, writes=True) as connection:
                    migrate(connection, self.where)
        except BaseException:
            self.close()
            raise

    def _find_file(self, create: bool) -> None:
        if self._url.get_backend_name() != "sqlite" or self._url.database == ":memory:":
            return
        path = Path(str(self._url.database))
        if not create and not path.exists():
            raise InputError(f"There is no database {path} yet: it is made when something is recorded.")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(path.parent, error) from error

    @property
    def where(self) -> str:
        """The address, without a password."""
        return reach.shown(self._url)

    def close(self) -> None:
        """Closes all connections."""
        self._engine.dispose()

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # People.

    def new_participant(self) -> str:
        """Returns the id of a new participant: random, and all that is kept of one."""
        who = random_id()
        with self.writing() as connection:
            connection.execute(insert(PARTICIPANTS).values(id=who, since=now()))
        return who

    def participants(self) -> list[str]:
        """Returns the ids of all participants, in the order in which they came."""
        with self.reading() as connection:
            chosen = select(PARTICIPANTS.c.id).order_by(PARTICIPANTS.c.since, PARTICIPANTS.c.id)
            return [*connection.execute(chosen).scalars()]

    # Feedback.

    def add_events(
        self,
        events: Iterable[FeedbackEvent],
        *,
        current_step: int | None = None,
        lessons: Mapping[str, bytes] = {},
    ) -> Receipt:
        """Stores events in one transaction, each by the rules of `events`; the receipt says what became of each.

        Args:
            events: A person's, in any order.
            current_step: The last step that anybody can have seen; later ones are refused.
            lessons: By the id of an event, what it is about: kept with it, or not at all.

        Raises:
            StoreError: The database cannot be used; nothing of the batch is stored.
        """
        refused: dict[str, str] = {}
        sound: dict[str, FeedbackEvent] = {}
        for event in events:
            reason = fault(event, current_step)
            if reason is None and event.id in sound:
                reason = "the same id is in this batch twice."
            if reason is None:
                sound[event.id] = event
            else:
                refused[str(event.id)] = reason
        if not sound:
            return Receipt((), refused)
        receipt = self._write_events({id: (event, lessons.get(id)) for id, event in sound.items()})
        return Receipt(receipt.stored, receipt.refused | refused)

    def _insert_events(self, batches: Sequence[Batch]) -> list[Receipt]:
        """Stores the batches of several threads in one transaction."""
        # Looked up before: a writer holds up all others, and two processors serve thirty of them.
        with self.reading() as connection:
            known = self._known(connection, {event.who for batch in batches for event, _ in batch.values()})
        try:
            with self.writing() as connection:
                return [self._insert_batch(connection, batch, known) for batch in batches]
        except StoreError as error:
            if not isinstance(error.__cause__, IntegrityError):
                raise
            return self._insert_events(batches)  # somebody was forgotten in between

    def _insert_batch(self, connection: Connection, batch: Batch, known: set[str]) -> Receipt:
        refused = {e.id: f"there is no participant {e.who!r}." for e, _ in batch.values() if e.who not in known}
        sound = [vars(event) for event, _ in batch.values() if event.id not in refused]
        stored = self._insert_new(connection, EVENTS, sound)
        about = [(e, data) for e, data in batch.values() if e.id in stored and data is not None]
        rows = [{"id": e.id, "who": e.who, "session": e.session, "data": data} for e, data in about]
        self._insert_new(connection, LESSONS, rows)
        refused |= dict.fromkeys(batch.keys() - stored - refused.keys(), "an event with the same id is stored already.")
        return Receipt(tuple(id for id in batch if id in stored), refused)

    def events(self, **equal: Any) -> list[FeedbackEvent]:
        """Returns events in the order of what was seen, those whose fields equal the given: `session="s1"`."""
        chosen = select(*(EVENTS.c[name] for name in FIELDS))
        chosen = _where(chosen, EVENTS, equal).order_by(EVENTS.c.session, EVENTS.c.step, EVENTS.c.time_s, EVENTS.c.seq)
        with self.reading() as connection:
            return [FeedbackEvent(**row) for row in connection.execute(chosen).mappings()]

    def lessons(self, session: str) -> list[tuple[FeedbackEvent, bytes]]:
        """Returns the events of a session that are about something, and what that is, in the order they came in."""
        chosen = select(*(EVENTS.c[name] for name in FIELDS), LESSONS.c.data).join(LESSONS, LESSONS.c.id == EVENTS.c.id)
        with self.reading() as connection:
            rows = connection.execute(chosen.where(LESSONS.c.session == session).order_by(LESSONS.c.seq)).mappings()
            return [(FeedbackEvent(**{n: row[n] for n in FIELDS}), bytes(row["data"])) for row in rows]

    # Episodes.

    def add_episodes(self, dataset: Dataset) -> tuple[str, ...]:
        """Stores every episode that is not there yet; returns the ids of these.

        Raises:
            InputError: A participant is unknown.
            StoreError: The database cannot be used; nothing is stored.
        """
        rows = [
            {
                "id": episode.id,
                "who": episode.provenance.who,
                "recorded_at": episode.provenance.recorded_at,
                "world": episode.provenance.world,
                "steps": episode.n_steps,
                "samples": episode.n_samples,
                "licence": episode.provenance.licence,
                "data": dataclasses.replace(dataset, episodes=(episode,)).to_bytes(),
            }
            for episode in dataset.episodes
        ]
        with self.writing() as connection:
            self._check_known(connection, {row["who"] for row in rows} - {None})
            stored = self._insert_new(connection, EPISODES, rows)
        return tuple(row["id"] for row in rows if row["id"] in stored)

    def datasets(self, **equal: Any) -> dict[str, Dataset]:
        """Returns the episodes whose fields equal the given, such as `world="foraging"`, as a dataset for each world.

        A world that was set so that its roles perceive or do other things counts as another: `foraging-2`.

        Raises:
            CorruptFileError: An episode is damaged.
        """
        chosen = _where(select(EPISODES.c.world, EPISODES.c.data), EPISODES, equal).order_by(EPISODES.c.seq)
        alike: list[tuple[str, list[Dataset]]] = []
        with self.reading() as connection:
            for world, data in connection.execute(chosen):
                one = Dataset.from_bytes(bytes(data))
                for name, own in alike:
                    if name == world and not interface_differences(own[0].interfaces, one.interfaces):
                        own.append(one)
                        break
                else:
                    alike.append((world, [one]))
        named: dict[str, Dataset] = {}
        for world, own in alike:
            count = sum(name == world or name.startswith(f"{world}-") for name in named) + 1
            named[world if count == 1 else f"{world}-{count}"] = merge(own)
        return named

    # Runs.

    def add_run(self, run: Run) -> str:
        """Stores a run; returns its id. Raises `InputError` if its participant is unknown."""
        own_id = random_id()
        with self.writing() as connection:
            self._check_known(connection, {run.who} - {None})
            connection.execute(insert(RUNS).values(**dataclasses.asdict(run) | {"id": own_id, "at": now()}))
        return own_id

    def runs(self, **equal: Any) -> list[Run]:
        """Returns the runs whose fields equal the given, in the order in which they were stored."""
        chosen = select(*(RUNS.c[field.name] for field in dataclasses.fields(Run)))
        with self.reading() as connection:
            rows = connection.execute(_where(chosen, RUNS, equal).order_by(RUNS.c.seq)).mappings()
            return [Run(**row) for row in rows]

    # Transactions, for what builds on the store.

    def reading(self) -> Any:
        """A transaction that only reads; raises `StoreError` if the database cannot be used."""
        return reach.transaction(self._engine, writes=False)

    def writing(self) -> Any:
        """A transaction that writes: all of it is kept, or nothing."""
        return reach.transaction(self._engine, writes=True)

    def outside_transactions(self) -> Any:
        """A connection on which each statement stands alone, as those must that tidy up."""
        return reach.statements(self._engine)

    def _known(self, connection: Connection, people: set[str]) -> set[str]:
        return {*connection.execute(select(PARTICIPANTS.c.id).where(PARTICIPANTS.c.id.in_(people))).scalars()}

    def _check_known(self, connection: Connection, people: set[Any]) -> None:
        unknown = people - self._known(connection, people)
        if unknown:
            raise InputError(
                f"There is no participant {', '.join(sorted(unknown))}: make one with `new_participant`, or was that "
                "one forgotten?"
            )

    def _insert_new(self, connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> set[str]:
        """Inserts the rows whose `id` is not there yet; returns these ids."""
        if not rows:
            return set()
        dialect = importlib.import_module(f"sqlalchemy.dialects.{connection.dialect.name}")
        adding = dialect.insert(table).on_conflict_do_nothing(index_elements=["id"]).returning(table.c.id)
        return {*connection.execute(adding, rows).scalars()}


def _where(chosen: Select, table: Table, equal: dict[str, Any]) -> Select:
    for name, value in equal.items():
        if name not in table.c or name == "data":
            raise InputError(f"Unknown field {name!r}; there is: {', '.join(table.c.keys())}.")
        chosen = chosen.where(table.c[name] == value)
    return chosen


def now() -> str:
    """Returns the time in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
