"""Events a second into the store, 30 writers at once, each waiting for every single event; beside bare sqlite3.

`python benchmarks/store.py [--json PATH]`; PostgreSQL too with `.ci/with-postgresql python benchmarks/store.py`.
The writers are threads of one process, as those of a page are, and then processes of their own.
"""

import argparse
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from figures import Figures

from aira_agents.store import FeedbackEvent, Store

WRITERS, EACH = 30, 100
WRITER = """
import sys, time
sys.path.insert(0, sys.argv[4])
from store import write
from aira_agents.store import Store
with Store(sys.argv[1]) as opened:
    write(opened, sys.argv[2], -1, 1)
    print("ready", flush=True)
    sys.stdin.readline()
    write(opened, sys.argv[2], int(sys.argv[3]))
    print("done", flush=True)
"""


def write(store, who, first, count=EACH):
    """Gives one signal after the other, and waits for each to be safe."""
    for i in range(first, first + count):
        event = FeedbackEvent(f"{who}-{i}", 1.0, 1, 1, 1.0, who, "evaluation", "foraging", "s1")
        assert store.add_events([event]).stored


def by_threads(address):
    """Returns events a second of 30 threads."""
    with Store(address) as store:
        people = [store.new_participant() for _ in range(WRITERS)]
        threads = [threading.Thread(target=write, args=(store, who, 0)) for who in people]
        return _timed(threads, lambda: len(store.events()))


def bare(path):
    """Returns events a second of 30 threads that use Python's sqlite3 with the same settings, and no checks."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE events (id TEXT UNIQUE, who TEXT, time_s REAL, step INTEGER, signal REAL)")

    def run(number):
        own = sqlite3.connect(path, timeout=20, isolation_level=None)
        own.execute("PRAGMA synchronous = NORMAL")
        for i in range(EACH):
            own.execute("BEGIN IMMEDIATE")
            own.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?)", (f"{number}-{i}", str(number), 0.1 * i, i, 1.0))
            own.execute("COMMIT")
        own.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(WRITERS)]
    figure = _timed(threads, lambda: connection.execute("SELECT count(*) FROM events").fetchone()[0])
    connection.close()
    return figure


def _timed(threads, count):
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begun
    assert count() == WRITERS * EACH
    return WRITERS * EACH / seconds


def by_processes(address):
    """Returns events a second of 30 processes, started before the clock."""
    with Store(address) as store:
        people = [store.new_participant() for _ in range(WRITERS)]
        folder = str(Path(__file__).parent)
        command = [sys.executable, "-c", WRITER, str(address)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        writers = [subprocess.Popen([*command, who, "0", folder], **pipes) for who in people]
        for writer in writers:
            assert writer.stdout.readline() == "ready\n"
        begun = time.perf_counter()
        for writer in writers:
            writer.stdin.write("go\n")
            writer.stdin.flush()
        for writer in writers:
            assert writer.stdout.readline() == "done\n"
        seconds = time.perf_counter() - begun
        codes = [writer.wait() for writer in writers]
        for writer in writers:
            writer.stdin.close()
            writer.stdout.close()
        assert codes == [0] * WRITERS and len(store.events()) == WRITERS * (EACH + 1)
    return WRITERS * EACH / seconds


def main():
    """Measures all, on files of their own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    figures, measured = Figures(), {"threads": [], "processes": [], "bare": []}
    for _ in range(arguments.rounds):
        with tempfile.TemporaryDirectory() as folder:
            measured["threads"].append(by_threads(Path(folder) / "threads.db"))
            measured["bare"].append(bare(Path(folder) / "bare.db"))
            measured["processes"].append(by_processes(Path(folder) / "processes.db"))
    medians = {name: statistics.median(values) for name, values in measured.items()}
    for name, values in measured.items():
        print(f"{name}: median {medians[name]:,.0f} events/s of", ", ".join(f"{value:,.0f}" for value in values))
    figures.add("store_sqlite_30_threads", medians["threads"], "events/s", 1000)
    figures.add("store_sqlite_30_processes", medians["processes"], "events/s", 1000)
    figures.add("store_vs_bare_sqlite3", medians["threads"] / medians["bare"], "ratio", 0.2)
    if address := os.environ.get("AIRA_TEST_POSTGRESQL_URL"):
        figures.add("store_postgresql_30_threads", by_threads(address), "events/s", 1000)
    figures.finish(arguments.json)


if __name__ == "__main__":
    main()
