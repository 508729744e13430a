"""People in the loop: from a click to a changed policy, and a class that votes while its world runs.

    python benchmarks/classroom.py [--students 30] [--seconds 120] [--database ADDRESS] [--json PATH]
    .ci/with-postgresql sh -c 'python benchmarks/classroom.py --database "$AIRA_TEST_POSTGRESQL_URL"'

Everything runs on this machine: the server in one process, the students in another, each a socket of its own. The
world is stepped ten times a second with and without the class, in the same run.
"""

import argparse
import asyncio
import json
import multiprocessing
import socket
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from figures import Figures
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection, connect

from aira_agents.human.classroom import Classroom
from viz.classroom.endpoint import with_class
from viz.classroom.stage import Stage
from viz.lab import Lab
from viz.server import UVICORN
from viz.settings import SETTINGS
from viz.subjects import find_subject

STEP_S = 0.1
VOTES_A_S = 1.0  # of each student
CLICKS = 60


def begun(database: str) -> Any:
    """Returns a tab without a page, in which COACH listens."""
    SETTINGS.database = database
    lab = Lab(find_subject("foraging"))
    lab.teaching.agree()
    lab.teaching.begin()
    for _ in range(5):
        lab.model.value.step()
    return lab


def click_to_policy_s(lab: Any) -> list[float]:
    """Returns for each click the time until the policy that acts in the world is another."""
    taken = []
    for click in range(CLICKS):
        lab.model.value.step()
        before = weight(lab)
        start = time.perf_counter()
        lab.teaching.signal(f"click {click}", 1.0 if click % 3 else -1.0, 1, lab.model.value.steps, 1.0)
        while np.array_equal(before, weight(lab)):
            time.sleep(0.0005)
        taken.append(time.perf_counter() - start)
    return taken[CLICKS // 4 :]  # the first ones warm up


def weight(lab: Any) -> Any:
    """Returns weights of the policy that acts."""
    return np.asarray(lab.model.value.policies["forager"].policy.policy.layers[-1].weight)


def play(lab: Any, seconds: float) -> float:
    """Steps the world ten times a second; returns how many steps a second it made."""
    begin = time.perf_counter()
    n = 0
    while time.perf_counter() - begin < seconds:
        lab.model.value.step()
        n += 1
        time.sleep(max(0.0, begin + n * STEP_S - time.perf_counter()))
    return n / (time.perf_counter() - begin)


def serve(port: int) -> Any:
    """Serves the class, without the page."""
    server = uvicorn.Server(uvicorn.Config(with_class(Starlette()), host="127.0.0.1", port=port, **UVICORN))
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.01)
    return server


class Student:
    """One who votes, and takes down how long each answer took."""

    def __init__(self, number: int) -> None:
        self.number, self.step = number, 0
        self.answered: list[tuple[str, float]] = []
        self.waiting: dict[str, float] = {}

    async def listen(self, phone: ClientConnection) -> None:
        """Hears what the server sends."""
        async for data in phone:
            if isinstance(data, bytes):
                self.step = json.loads(data[4 : 4 + int.from_bytes(data[:4], "little")])["step"]
                continue
            message = json.loads(data)
            sent = self.waiting.pop(message.get("id"), None)
            if message["kind"] == "stored" and sent is not None:
                self.answered.append((message["id"], time.perf_counter() - sent))

    async def vote(self, phone: ClientConnection, seconds: float) -> None:
        """Votes now and then, as a fallible person would."""
        end, count = time.perf_counter() + seconds, 0
        while time.perf_counter() < end:
            id = f"{self.number}-{count}"
            value = 1 if (self.number + count) % 4 else -1
            self.waiting[id] = time.perf_counter()
            await phone.send(json.dumps({"id": id, "kind": "vote", "value": value, "step": self.step, "age_s": 0.4}))
            count += 1
            await asyncio.sleep(1 / VOTES_A_S)
        for _ in range(100):  # what is still on its way
            if self.waiting:
                await asyncio.sleep(0.1)


async def take_part(port: int, code: str, number: int, n: int, seconds: float) -> list[tuple[str, float]]:
    """Joins, votes and leaves; returns the ids that were acknowledged, and how long each took."""
    student = Student(number)
    async with connect(f"ws://127.0.0.1:{port}/class/socket", max_size=None) as phone:
        await phone.send(json.dumps({"kind": "join", "code": code, "agreed": True}))
        listening = asyncio.create_task(student.listen(phone))
        await asyncio.sleep(1 + number / n)
        await student.vote(phone, seconds)
        listening.cancel()
    return student.answered


async def all_take_part(port: int, code: str, n: int, seconds: float) -> list[list[tuple[str, float]]]:
    """A whole class."""
    return list(await asyncio.gather(*(take_part(port, code, number, n, seconds) for number in range(n))))


def students(port: int, code: str, n: int, seconds: float, out: Any) -> None:
    """Runs a class in a process of its own."""
    out.send(asyncio.run(all_take_part(port, code, n, seconds)))


def class_votes(lab: Any, n: int, seconds: float, figures: Figures) -> None:
    """Lets `n` students vote while the world runs."""
    SETTINGS.classroom = room = Classroom("ABC234")
    SETTINGS.stage = stage = Stage(room, lab)
    room.set_mode("vote")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = serve(port)
    alone = play(lab, min(5.0, seconds))
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=students, args=(port, room.code, n, seconds, theirs))
    process.start()
    while len(room.students()) < n and process.is_alive():
        time.sleep(0.05)
    together = play(lab, seconds)
    answered = [one for own in ours.recv() for one in own] if ours.poll(seconds + 60) else []
    process.join(30)
    server.should_exit = True
    kept = lab.teaching.notebook.store.events(channel="vote", session=lab.teaching.notebook.session)
    taken_ms = sorted(1000 * taken for _, taken in answered)
    names = (f"class of {n} answer median", f"class of {n} answer 95 percent")
    figures.add(names[0], statistics.median(taken_ms), "ms", 200, at_least=False)
    figures.add(names[1], taken_ms[int(0.95 * len(taken_ms))], "ms", 500, at_least=False)
    figures.add(f"class of {n} lost or doubled", abs(len(kept) - len(answered)), "votes", 0, at_least=False)
    figures.add(f"class of {n} votes", len(kept), "votes", 0.5 * n * seconds * VOTES_A_S)
    figures.add(f"class of {n} world pace beside without", together / alone, "ratio", 0.8)
    figures.add(f"class of {n} lessons", len(stage.lab.teaching.log), "lessons", 1)


def main() -> None:
    """Runs all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, nargs="+", default=[30, 100])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--database", default=None, help="a path or address; default: a new SQLite file")
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    figures = Figures()
    with tempfile.TemporaryDirectory() as folder:
        lab = begun(options.database or str(Path(folder) / "aira.db"))
        taken = click_to_policy_s(lab)
        figures.add("click to changed policy", 1000 * statistics.median(taken), "ms", 100, at_least=False)
        for n in options.students:
            lab.teaching.begin()  # a session of its own
            lab.model.value.step()
            class_votes(lab, n, options.seconds, figures)
        lab.close()
    figures.finish(options.json)


if __name__ == "__main__":
    main()
