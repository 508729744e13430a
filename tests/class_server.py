"""A class on a real socket of this machine: the lecturer's world without a page, and phones that speak to it."""

import contextlib
import json
import socket
import threading
import time

import uvicorn
from starlette.applications import Starlette
from websockets.sync.client import connect

from aira_agents.human.classroom import Classroom
from viz.classroom.endpoint import with_class
from viz.classroom.stage import Stage
from viz.settings import SETTINGS

CODE = "ABC234"


@contextlib.contextmanager
def class_of(lab, monkeypatch):
    """Serves a class on `lab`; yields the port and the stage."""
    room = Classroom(CODE)
    stage = Stage(room, lab)
    monkeypatch.setattr(SETTINGS, "classroom", room)
    monkeypatch.setattr(SETTINGS, "stage", stage)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(with_class(Starlette()), host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield port, stage
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(10)


class Phone:
    """A phone: joins, and says things."""

    def __init__(self, port, *, code=CODE, token=None, agreed=True, **more):
        self.socket = connect(f"ws://127.0.0.1:{port}/class/socket", max_size=None)
        self.frames, self.state, self.reasons = 0, {}, []
        greeting = (
            {"kind": "join", "code": code, "agreed": agreed} if token is None else {"kind": "back", "token": token}
        )
        self.socket.send(json.dumps(greeting | more))
        self.me = self.until("you", "out")
        self.token, self.name = self.me.get("token"), self.me.get("name")

    def until(self, *kinds, timeout=10):
        """Returns the next message of one of these kinds."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            data = self.socket.recv(timeout=timeout)
            if isinstance(data, bytes):
                self.frames += 1
                continue
            message = json.loads(data)
            if message["kind"] == "state":
                self.state = message
            if message["kind"] in kinds:
                return message
        raise TimeoutError

    def say(self, id, kind, **what):
        """Says something; returns the answer."""
        self.socket.send(json.dumps({"id": id, "kind": kind, **what}))
        return self.until("stored", "no", "out", "wait")

    def vote(self, id, value, step, age_s=5.0):
        return self.say(id, "vote", value=value, step=step, age_s=age_s)

    def close(self):
        self.socket.close()
