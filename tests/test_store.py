"""The store keeps what it acknowledged, for many writers at once, on SQLite and on PostgreSQL alike."""

import dataclasses
import math
import signal
import subprocess
import sys
import threading
import time

import pytest
from databases import database  # noqa: F401  a fixture
from recorded import carts, meadow
from sqlalchemy import text
from test_dataset import assert_same

from aira_agents.data.dataset import merge
from aira_agents.data.recording import record
from aira_agents.errors import InputError
from aira_agents.policies import RandomPolicy
from aira_agents.store import FeedbackEvent, Run, Store
from environments.foraging import Foraging


@pytest.fixture
def store(database):  # noqa: F811
    with Store(database) as opened:
        yield opened


def event(who, **values):
    made = FeedbackEvent("e1", 1.5, 3, 2, 1.0, who, "evaluation", "foraging", "s1")
    for name, value in values.items():
        object.__setattr__(made, name, value)  # unchecked, as what comes from a page
    return made


def test_an_event_comes_back_as_it_was(store):
    who = store.new_participant()
    given = event(who, time_s=0.1, signal=-0.3)
    assert store.add_events([given]).stored == ("e1",)
    assert store.events() == [given]
    assert store.events(session="another") == []
    with pytest.raises(InputError, match="Unknown field 'name'"):
        store.events(name="x")


def test_sending_again_counts_once(store):
    who = store.new_participant()
    store.add_events([event(who)])
    receipt = store.add_events([event(who), event(who, id="e2"), event(who, id="e2", signal=5.0)])
    assert receipt.stored == ("e2",)
    assert "stored already" in receipt.refused["e1"] and "twice" in receipt.refused["e2"]
    assert [own.signal for own in store.events()] == [1.0, 1.0]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"signal": math.nan}, "`signal` must be a finite number; got nan"),
        ({"signal": math.inf}, "`signal` must be a finite number"),
        ({"signal": "good"}, "`signal` must be a finite number; got 'good'"),
        ({"time_s": -1.0}, "before its session began"),
        ({"step": -1}, "before its session began"),
        ({"step": 2.5}, "`step` must be a whole number"),
        ({"step": 11}, "from the future: step 11, while step 10 is shown"),
        ({"uid": 0}, "at least 1"),
        ({"uid": 2**70}, "`uid` must be a whole number"),
        ({"world": ""}, "`world` must be text of 1 to 64 printable characters"),
        ({"channel": "x" * 65}, "`channel` must be text"),
        ({"session": "a\ud800"}, "`session` must be text"),
        ({"who": "nobody"}, "no participant 'nobody'"),
    ],
)
def test_what_makes_no_sense_is_refused_and_the_rest_is_kept(store, values, reason):
    who = store.new_participant()
    bad = event(**{"who": who, "id": "bad"} | values)
    receipt = store.add_events([event(who, id="a"), bad, event(who, id="b")], current_step=10)
    assert receipt.stored == ("a", "b")
    assert reason in receipt.refused["bad"]
    assert [own.id for own in store.events()] == ["a", "b"]


def test_who_is_forgotten_between_the_look_and_the_write_is_refused_alone(store, monkeypatch):
    who, look, looks = store.new_participant(), Store._known, []

    def late(self, connection, people):
        looks.append(people)
        return people if len(looks) == 1 else look(self, connection, people)

    monkeypatch.setattr(Store, "_known", late)
    receipt = store.add_events([event(who, id="a"), event("gone", id="b")])
    assert receipt.stored == ("a",) and "no participant 'gone'" in receipt.refused["b"]
    assert len(looks) == 2 and [own.id for own in store.events()] == ["a"]


def test_events_are_read_in_the_order_of_what_was_seen_not_of_arrival(store):
    who = store.new_participant()
    late = [event(who, id=f"e{step}-{time}", step=step, time_s=time) for step, time in ((5, 2.0), (3, 1.0), (3, 0.5))]
    store.add_events(late)
    assert [own.id for own in store.events()] == ["e3-0.5", "e3-1.0", "e5-2.0"]


def test_episodes_come_back_as_a_dataset_for_each_world(store):
    who = store.new_participant()
    mine = meadow(who).filter(lambda episode: episode.provenance.index < 2)
    wide = record(
        Foraging(n_agents=2, width=5, height=5, vision_radius=2, max_steps=3), {"forager": RandomPolicy()}, 0, 1
    )
    assert len(store.add_episodes(mine)) == 2
    assert store.add_episodes(mine) == ()  # there already
    store.add_episodes(carts())
    store.add_episodes(wide)
    found = store.datasets()
    assert {name: len(own) for name, own in found.items()} == {"foraging": 2, "foraging-2": 1, "cartpole": 3}
    assert_same(found["foraging"], mine)
    assert {*store.datasets(who=who)} == {"foraging"}
    with pytest.raises(InputError, match="no participant p1"):
        store.add_episodes(merge([meadow()]))


def test_runs_are_kept_with_their_figures(store):
    run = Run("ppo", "foraging", {"parameters": {"discount": 0.9}, "return": 3.5}, seed=4)
    own_id = store.add_run(run)
    (found,) = store.runs(world="foraging")
    assert dataclasses.replace(found, at="", id="") == run and found.id == own_id and found.at
    with pytest.raises(InputError, match="no participant"):
        store.add_run(dataclasses.replace(run, who="nobody"))


def test_many_threads_write_at_once_and_nothing_is_lost(store):
    people = [store.new_participant() for _ in range(12)]
    faults = []

    def write(who):
        try:
            for i in range(20):
                assert store.add_events([event(who, id=f"{who}-{i}")]).stored
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=write, args=(who,)) for who in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert len(store.events()) == 240


WRITER = """
import sys
from aira_agents.store import FeedbackEvent, Store
address, who, name = sys.argv[1:]
with Store(address) as store:
    for i in range(100000):
        event = FeedbackEvent(f"{name}-{i}", 0.1 * i, i, 1, 1.0, who, "evaluation", "foraging", "s")
        assert store.add_events([event]).stored
        print(event.id, flush=True)  # acknowledged
"""


@pytest.mark.slow
def test_what_was_acknowledged_outlives_a_kill(database):  # noqa: F811
    with Store(database) as store:
        who = store.new_participant()
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, database, who, f"w{i}"], stdout=subprocess.PIPE, text=True)
        for i in range(3)
    ]
    acknowledged = []
    try:
        for writer in writers:
            assert writer.stdout is not None
            acknowledged += [writer.stdout.readline().strip() for _ in range(20)]
        time.sleep(0.2)
    finally:
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
    for writer in writers:
        assert writer.stdout is not None
        acknowledged += [line.strip() for line in writer.stdout.readlines() if line.endswith("\n")]
        writer.stdout.close()
        assert writer.wait() == -signal.SIGKILL
    with Store(database) as store:
        kept = {own.id for own in store.events()}
        assert len(acknowledged) >= 60 and set(acknowledged) <= kept
        assert store.add_events([event(who, id="after")]).stored  # and it goes on


@pytest.mark.slow
def test_many_processes_may_open_an_empty_database_at_once(database):  # noqa: F811
    code = "import sys; from aira_agents.store import Store; Store(sys.argv[1]).new_participant()"
    openers = [subprocess.Popen([sys.executable, "-c", code, database]) for _ in range(6)]
    assert [opener.wait() for opener in openers] == [0] * 6
    with Store(database) as store:
        assert len(store.participants()) == 6


def test_a_participant_is_a_random_id_and_nothing_else(store):
    one, other = store.new_participant(), store.new_participant()
    assert one != other and store.participants() and {one, other} == set(store.participants())
    with store.reading() as connection:
        columns = connection.execute(text("SELECT * FROM aira_participants")).keys()
    assert set(columns) == {"id", "since"}
