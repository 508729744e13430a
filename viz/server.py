"""`aira view`: serves the page, on a free port, to this machine or to a class."""

import contextlib
import gc
import importlib
import os
import socket
import threading
import webbrowser
from collections.abc import Callable
from typing import Any

from aira_agents.errors import InputError
from aira_agents.policies.by_name import named_policies
from aira_agents.policies.checking import policies_for
from viz.checks import check_page, missing_assets
from viz.settings import SETTINGS

TRIES = 50  # ports
PAGE_S = 3.0  # after which a browser has drawn the page
# Frames are numbers that hardly compress: squeezing them costs more than sending them.
UVICORN: dict[str, Any] = {
    "log_level": "error",
    "access_log": False,
    "loop": "asyncio",
    "ws_per_message_deflate": False,
}


def serve(
    subject: str,
    *,
    policy: str | None,
    host: str,
    port: int,
    open_browser: bool,
    say: Any,
    with_class: bool = False,
    database: str | None = None,
) -> None:
    """Serves the page of `subject` until Ctrl-C.

    Args:
        subject: A world, or a lesson as `scenarios/NAME`.
        policy: Who acts first; `None`: as the subject says.
        host: 127.0.0.1 for this machine alone; 0.0.0.0 for all that reach it, who are then asked for a code.
        port: Where to begin to look for a free port.
        open_browser: Whether to open a browser.
        say: What prints a line.
        with_class: Whether students join from their phones; the page itself is then the lecturer's.
        database: Where what people say is kept; `None`: as the store decides.
    """
    check_page()
    shared = host not in ("127.0.0.1", "localhost", "::1")
    prepare(squeezes=shared)
    free = free_port(host, port)
    if free != port:
        say(f"Port {port} is taken; using {free}.")
    warning = missing_assets()
    if warning:
        say(warning)
    from aira_agents.store import Store  # noqa: PLC0415  who only asks for help does not wait for it
    from viz.lab import Lab  # noqa: PLC0415  only where there is a page: it starts Solara
    from viz.subjects import find_subject  # noqa: PLC0415

    found = find_subject(subject)
    if policy is not None:  # what does not fit is said here, on the terminal
        environment = found.environment(**found.settings)
        policies_for(environment, named_policies(policy, environment))
    if database is not None:  # better now than at the first word of a class, which would be lost
        Store(database).close()
    SETTINGS.subject, SETTINGS.policy, SETTINGS.database = found.name, policy, database
    importlib.import_module("viz.page")  # all that is imported comes before what compiles beside it
    invitations = _let_in(found, shared=shared, port=free, with_class=with_class)

    def invite() -> None:
        for line in (*invitations, "Ctrl-C ends it."):
            say(line)
        if open_browser:  # some wait until the browser is closed
            threading.Thread(target=webbrowser.open, args=[SETTINGS.address], daemon=True).start()

    # Compiles while the browser opens.
    leaving = threading.Event()
    warming = threading.Thread(target=lambda: _warm(Lab(found, policy), leaving), daemon=True)
    warming.start()
    try:
        run(host, free, invite)
    finally:
        leaving.set()
        warming.join(60)  # an interpreter that goes while a thread compiles takes the process down


def _let_in(found: Any, *, shared: bool, port: int, with_class: bool) -> list[str]:
    """Makes the codes; returns what says who joins where."""
    from viz.gate import new_code  # noqa: PLC0415  it starts Solara

    SETTINGS.join_code = new_code() if shared else None
    SETTINGS.address = address = f"http://{own_address() if shared else '127.0.0.1'}:{port}/"
    if with_class:
        from aira_agents.human.classroom import Classroom  # noqa: PLC0415
        from aira_agents.human.course import why_untaught  # noqa: PLC0415

        SETTINGS.classroom = Classroom(new_code())
        SETTINGS.join_code = SETTINGS.join_code or new_code()
        untaught = why_untaught(found.environment(**found.settings))
        return [
            f"{found.title}, the lecturer's page: {address} with the code {SETTINGS.join_code}",
            f"Students: {address}class with the code {SETTINGS.classroom.code}",
            *([f"In this world a class can only watch. {untaught}"] if untaught else []),
        ]
    return [f"{found.title}: {address}", *([f"Join code: {SETTINGS.join_code}"] if shared else [])]


def _warm(lab: Any, leaving: threading.Event) -> None:
    # What a step and the inspector need can wait until the page is there: tracing holds up all other threads.
    if not leaving.wait(PAGE_S):
        lab.model.value.step()
        lab.model.value.decided()


def prepare(*, squeezes: bool = True) -> None:
    """Sets Solara up for a class: nothing is fetched or sent, and what a closed tab held goes soon.

    Args:
        squeezes: Whether files are compressed on their way; within one machine that takes longer than it saves.
    """
    os.environ.setdefault("SOLARA_SERVER_HTTP_GZIP", str(squeezes).lower())
    os.environ.setdefault("SOLARA_TELEMETRY_MIXPANEL_ENABLE", "false")
    os.environ.setdefault("SOLARA_KERNEL_CULL_TIMEOUT", "5m")
    os.environ.setdefault("SOLARA_SESSION_HTTP_ONLY", "true")
    os.environ.setdefault("SOLARA_THEME_SHOW_BANNER", "false")
    os.environ.setdefault("SOLARA_APP", "viz.app")
    # Draws anew only what changed: three times the steps. Otherwise the value of every input is written again with each
    # step of the world, over a choice that comes in meanwhile. https://github.com/widgetti/reacton/pull/49
    os.environ.setdefault("REACTON_FAST", "1")


def run(host: str, port: int, answers: Callable[[], None]) -> None:
    """Runs the server until Ctrl-C.

    Args:
        host: The address that it listens on.
        port: The port there.
        answers: Called once it answers.
    """
    import uvicorn  # noqa: PLC0415
    from solara.server.starlette import app  # noqa: PLC0415

    from viz.classroom.endpoint import with_class  # noqa: PLC0415

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            answers()

    gc.freeze()  # what is there stays: Solara looks through all that is not frozen before it serves
    served = app if SETTINGS.classroom is None else with_class(app)
    with contextlib.suppress(KeyboardInterrupt):
        Server(uvicorn.Config(served, host=host, port=port, **UVICORN)).run()


def free_port(host: str, port: int) -> int:
    """Returns `port`, or the next one that nobody uses.

    Raises:
        InputError: The address is not of this machine, or no port is free.
    """
    for candidate in range(port, min(port + TRIES, 65536)):
        with socket.socket() as probe:
            try:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, candidate))
                return candidate
            except OSError as error:
                if error.errno not in (13, 98, 48):
                    raise InputError(
                        f"{host} is no address of this machine ({error.strerror}); "
                        "use 127.0.0.1, or 0.0.0.0 for a class."
                    ) from error
    raise InputError(f"No free port in {port}..{port + TRIES - 1}; name another by `--port`.")


def own_address() -> str:
    """Returns the address under which others reach this machine; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("10.255.255.255", 1))
            return probe.getsockname()[0]
        except OSError:
            return socket.gethostname()
