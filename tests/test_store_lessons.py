"""What signals are about is kept with them, goes with them, and is not kept longer than is said."""

from databases import database  # noqa: F401  a fixture
from sqlalchemy import text
from test_store import event, store  # noqa: F401  fixtures

from aira_agents.store.exports import forget
from aira_agents.store.retention import RETENTION_DAYS, forget_expired


def test_lessons_come_back_with_their_events_in_the_order_they_came_in(store):  # noqa: F811
    who, other = store.new_participant(), store.new_participant()
    store.add_events([event(who, id="late", step=9), event(who, id="plain")], lessons={"late": b"1", "else": b"?"})
    store.add_events([event(other, id="early", step=1)], lessons={"early": b"2"})
    store.add_events([event(other, id="away", session="s2")], lessons={"away": b"3"})
    assert [(e.id, e.step, data) for e, data in store.lessons("s1")] == [("late", 9, b"1"), ("early", 1, b"2")]
    assert store.lessons("nowhere") == []


def test_what_is_sent_again_or_refused_leaves_no_lesson(store):  # noqa: F811
    who = store.new_participant()
    store.add_events([event(who)], lessons={"e1": b"1"})
    store.add_events([event(who), event("nobody", id="e2")], lessons={"e1": b"2", "e2": b"3"})
    assert [data for _, data in store.lessons("s1")] == [b"1"]


def test_who_is_forgotten_takes_the_lessons_along(store):  # noqa: F811
    who, other = store.new_participant(), store.new_participant()
    store.add_events([event(who)], lessons={"e1": b"1"})
    store.add_events([event(other, id="e2")], lessons={"e2": b"2"})
    forget(store, who)
    assert [data for _, data in store.lessons("s1")] == [b"2"]


def test_who_agreed_too_long_ago_is_forgotten(store):  # noqa: F811
    old, new = store.new_participant(), store.new_participant()
    store.add_events([event(old)], lessons={"e1": b"1"})
    with store.writing() as connection:
        connection.execute(
            text("UPDATE aira_participants SET since = '2001-01-01T00:00:00+00:00' WHERE id = :w"), {"w": old}
        )
    assert RETENTION_DAYS <= 366
    assert list(forget_expired(store)) == [old]
    assert store.participants() == [new] and store.events() == []
    assert forget_expired(store) == {}
