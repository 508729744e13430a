"""The phones that are connected: each gets the newest frame as fast as it takes them, and what it needs to know."""

import asyncio
import functools
import json
from typing import Any

import anyio
import anyio.to_thread
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from aira_agents.errors import AiraError
from aira_agents.human.classroom import RefusedError, Student
from viz.settings import SETTINGS

FRAME_S = 0.125
TELL_EVERY = 4  # frames, between two looks at whether a phone needs to know something new
THREADS = 40  # that store what phones say
CLOSED = {"kind": "state", "mode": "wait", "frozen": False, "ready": False, "uid": -1, "actions": [], "closed": True}


class Phone:
    """One connection."""

    def __init__(self, socket: WebSocket, student: Student) -> None:
        self.socket, self.student = socket, student
        self.number, self.busy = -1, False  # of the last frame, and whether it is still on its way
        self.told, self.news = "", ""  # what it knows, and what it should know
        self._sending = asyncio.Lock()

    async def send(self, what: Any) -> None:
        """Sends bytes, or a message."""
        async with self._sending:  # a socket takes one at a time
            if self.socket.client_state is not WebSocketState.CONNECTED:
                return
            try:
                if isinstance(what, bytes):
                    await self.socket.send_bytes(what)
                else:
                    await self.socket.send_text(json.dumps(what))
            except (RuntimeError, WebSocketDisconnect):
                pass  # it went away; whoever reads from it notices

    async def show(self, frame: bytes) -> None:
        """Sends a frame; says when it is on its way no more."""
        try:
            await self.send(frame)
        finally:
            self.busy = False


class Hub:
    """All connections of one server; lives in its event loop."""

    def __init__(self) -> None:
        self.phones: dict[str, Phone] = {}  # by token
        self._task: asyncio.Task[None] | None = None
        self._threads: anyio.CapacityLimiter | None = None
        self._sending: set[asyncio.Task[None]] = set()  # the loop itself holds tasks only weakly

    async def in_thread(self, call: Any, *arguments: Any) -> Any:
        """Calls what may wait for the database."""
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(THREADS)
        return await anyio.to_thread.run_sync(functools.partial(call, *arguments), limiter=self._threads)

    def enter(self, phone: Phone) -> None:
        """Begins to feed a phone; an older connection of the same student is no longer fed."""
        self.phones[phone.student.token] = phone
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._feed())

    def leave(self, phone: Phone) -> None:
        """Stops to feed a phone."""
        if self.phones.get(phone.student.token) is phone:
            del self.phones[phone.student.token]

    async def _feed(self) -> None:
        count = 0
        while self.phones:
            count += 1
            stage = SETTINGS.stage
            if stage is not None:
                try:
                    number, frame = await self.in_thread(stage.frame)
                    self._show(number, frame)
                    await self.in_thread(stage.tick)
                except AiraError as error:
                    stage.lab.message.value = str(error)
            if count % TELL_EVERY == 1:
                await self.in_thread(self._looked_up, stage)
                for phone in list(self.phones.values()):
                    self._begin(self._tell(phone))
            await asyncio.sleep(FRAME_S)

    def _looked_up(self, stage: Any) -> None:
        for phone in list(self.phones.values()):
            phone.news = json.dumps(CLOSED if stage is None else stage.state_for(phone.student))

    def _show(self, number: int, frame: bytes) -> None:
        for phone in list(self.phones.values()):
            if phone.number != number and not phone.busy:  # a slow phone is shown fewer frames, not late ones
                phone.number, phone.busy = number, True
                self._begin(phone.show(frame))

    def _begin(self, sending: Any) -> None:
        task = asyncio.get_running_loop().create_task(sending)
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _tell(self, phone: Phone) -> None:
        news = phone.news
        if news != phone.told:
            phone.told = news
            await phone.send(json.loads(news))
        room = SETTINGS.classroom
        if room is not None and not room.has(phone.student):
            await phone.send({"kind": "out", "reason": "The lecturer took you out of the class."})
            await phone.socket.close()
            self.leave(phone)


def hear(student: Student, message: dict[str, Any]) -> None:
    """Obeys a message of a student; raises `RefusedError` if the lecturer's page is not open, and as `Stage.hear`."""
    stage = SETTINGS.stage
    if stage is None:
        raise RefusedError("The lecturer's page is closed; wait until it is open again.")
    stage.hear(student, message)


HUB = Hub()
