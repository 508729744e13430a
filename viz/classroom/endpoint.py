"""What phones reach: one page, and one socket that carries frames down and what students say up.

A page of its own beside Solara's: a session there holds a whole tab of the page and its thread, here it is a socket.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from aira_agents.errors import AiraError, StoreError
from aira_agents.human.classroom import RefusedError, Student
from viz.canvas import SCRIPTS, script
from viz.classroom.hub import HUB, Phone, hear
from viz.palette import LOOK
from viz.settings import SETTINGS, for_all

LARGEST = 2000  # characters of a message
GREETING_S = 20  # within which a phone must say who it is
FOLDER = Path(__file__).parent
PHONE = {"phone.js": ("classroom/phone.js",), "canvas.js": SCRIPTS, "keys.js": ("keys.js",)}
NEVER_KEPT = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
# Nothing but what this server sends runs on a phone, whatever a name or a message may hold.
POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self' ws: wss:; img-src 'self' data:"


def with_class(page: Any) -> Starlette:
    """Returns the application of the page with that of the class beside it."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        async with page.router.lifespan_context(page):
            yield

    own = [
        Route("/class", _page),
        Route("/class/{name:str}.js", _script),
        Route("/class/clip/{question:str}/{number:int}", _clip, methods=["POST"]),
        WebSocketRoute("/class/socket", _socket),
    ]
    return Starlette(routes=[*own, Mount("/", app=page)], lifespan=lifespan)


async def _page(request: Request) -> Response:
    del request
    if SETTINGS.classroom is None:
        return HTMLResponse("There is no class here.", status_code=404)
    look = json.dumps(LOOK).replace("<", "\\u003c")
    text = (FOLDER / "phone.html").read_text("utf-8").replace("{{LOOK}}", look)
    return HTMLResponse(text, headers={**NEVER_KEPT, "Content-Security-Policy": POLICY})


async def _script(request: Request) -> Response:
    names = PHONE.get(f"{request.path_params['name']}.js")
    if names is None or SETTINGS.classroom is None:
        return Response("There is no such script.", status_code=404)
    return Response(script(*names), media_type="text/javascript", headers=NEVER_KEPT)


async def _clip(request: Request) -> Response:
    room, stage = SETTINGS.classroom, SETTINGS.stage
    if room is None or stage is None:
        return Response("The lecturer's page is closed.", status_code=404)
    try:
        room.student(request.headers.get("X-Token", ""))
        quiz = stage.pairs if room.mode == "compare" else stage.riddles
        clips = quiz.find(request.path_params["question"]).clips
    except RefusedError as error:
        return Response(str(error), status_code=403)
    number = request.path_params["number"]
    if not 0 <= number < len(clips):
        return Response("There is no such clip.", status_code=404)
    return Response(clips[number].film, media_type="application/octet-stream", headers=NEVER_KEPT)


async def _socket(socket: WebSocket) -> None:
    await socket.accept()
    try:
        student = await asyncio.wait_for(_greeted(socket), GREETING_S)
    except (TimeoutError, WebSocketDisconnect):
        student = None
    if student is None:
        with contextlib.suppress(RuntimeError):
            await socket.close()
        return
    phone = Phone(socket, student)
    await phone.send({"kind": "you", "token": student.token, "name": student.name})
    HUB.enter(phone)
    try:
        while await _heard(phone):
            pass
    except WebSocketDisconnect:
        pass
    finally:
        HUB.leave(phone)


async def _greeted(socket: WebSocket) -> Student | None:
    """Returns who it is, or says why they may not come in."""
    try:
        message = _read(await socket.receive_text())
        return await HUB.in_thread(_let_in, message, socket.client.host if socket.client else "")
    except (RefusedError, StoreError) as error:
        await socket.send_text(json.dumps({"kind": "out", "reason": for_all(str(error))}))
        return None


def _let_in(message: dict[str, Any], address: str) -> Student:
    room, stage = SETTINGS.classroom, SETTINGS.stage
    if room is None:
        raise RefusedError("There is no class here.")
    if message.get("kind") == "back":
        return room.student(str(message.get("token")))
    if message.get("kind") != "join":
        raise RefusedError("Join first.")
    room.check_code(str(message.get("code")), address)
    if message.get("agreed") is not True:
        raise RefusedError(
            "Nothing is kept of you before you agree; without that you can only watch the screen in front."
        )
    if stage is None or stage.lab.teaching.notebook.who is None:
        raise RefusedError("The lecturer has not opened the class yet; try again in a moment.")
    return room.join(stage.lab.teaching.notebook.store.new_participant())


async def _heard(phone: Phone) -> bool:
    """Answers one message; returns whether to go on."""
    room = SETTINGS.classroom
    text = await phone.socket.receive_text()
    if len(text) > LARGEST:
        await phone.send({"kind": "out", "reason": f"A message of {len(text):,} characters is refused."})
        await phone.socket.close(1009)
        return False
    id = None
    try:
        message = _read(text)
        id = message.get("id")
        if room is None:
            raise RefusedError("The class is over.")
        room.student(phone.student.token)
        if message.get("kind") != "here":
            await HUB.in_thread(hear, phone.student, message)
            await phone.send({"kind": "stored", "id": id})
    except StoreError as error:  # sent again later
        await phone.send({"kind": "wait", "id": id, "reason": for_all(str(error))})
    except AiraError as error:
        await phone.send({"kind": "no", "id": id, "reason": for_all(str(error))})
    return True


def _read(text: str) -> dict[str, Any]:
    if len(text) > LARGEST:
        raise RefusedError(f"A message of {len(text):,} characters is refused.")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise RefusedError("That message made no sense; load this page again.")
    return message
