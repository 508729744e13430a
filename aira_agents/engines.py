"""Who does work that falls into many calls: this process, several on this machine, or a Ray cluster.

Nothing here imports JAX, so that who only hands out work never starts it.
"""

import concurrent.futures
import importlib
import multiprocessing
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Protocol, runtime_checkable

from aira_agents.errors import AiraError, InputError

SECONDS_TO_REACH = 10.0
ALONE = "local"  # a cluster of one's own: asked for none, Ray joins whichever runs here, and ends when that does

Arguments = Sequence[tuple[Any, ...]]


@runtime_checkable
class Engine(Protocol):
    """Makes calls, in any order."""

    def calls(self, task: Callable[..., Any], arguments: Arguments) -> Iterator[tuple[int, Any]]:
        """Calls `task` with each of `arguments`; yields the place of each, and what it returned, as it is done.

        A task is a function of a module, and arguments and results are pickled, for it may be done elsewhere.

        Raises:
            AiraError: The task did.
        """
        ...


class Local:
    """This process, with all its devices."""

    def calls(self, task: Callable[..., Any], arguments: Arguments) -> Iterator[tuple[int, Any]]:
        """As `Engine`."""
        for place, own in enumerate(arguments):
            yield place, task(*own)


class Processes:
    """Processes of this machine, each with a JAX of its own: for Python code, which keeps one core busy."""

    def __init__(self, workers: int = 0) -> None:
        """Takes as many `workers` as there are cores, unless told otherwise."""
        if workers < 0:
            raise InputError(f"`--workers` must be a whole number of at least 1; got {workers}.")
        self._workers = workers or os.cpu_count() or 1
        self._pool: concurrent.futures.ProcessPoolExecutor | None = None

    def calls(self, task: Callable[..., Any], arguments: Arguments) -> Iterator[tuple[int, Any]]:
        """As `Engine`; a process that is lost ends it. Processes stay for the next calls, with what they compiled.

        Raises:
            InputError: One was lost.
        """
        if self._pool is None:  # spawned: JAX and fork do not mix
            context = multiprocessing.get_context("spawn")
            self._pool = concurrent.futures.ProcessPoolExecutor(self._workers, context)
        places = {self._pool.submit(task, *own): place for place, own in enumerate(arguments)}
        try:
            for done in concurrent.futures.as_completed(places):
                yield places[done], done.result()
        except BaseException as error:  # whoever asked may have left, too
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None
            if isinstance(error, BrokenProcessPool):
                told = "A process was killed, as one is that takes too much memory. Try fewer `--workers`."
                raise InputError(told) from error
            raise


class Ray:
    """A Ray cluster: calls of a node that is lost are made again elsewhere, and every result is there once."""

    def __init__(self, address: str = "") -> None:
        """Joins the cluster at `address`, or at that of `RAY_ADDRESS`; without either, starts one on this machine.

        Raises:
            InputError: Ray is not installed, or there is no cluster.
        """
        try:
            ray: Any = importlib.import_module("ray")
        except ImportError as error:
            raise InputError('`--engine ray` needs Ray: `pip install "aira-agents[ray]"`.') from error
        self._ray = ray
        if not ray.is_initialized():
            address = address or os.environ.get("RAY_ADDRESS") or ALONE
            _check_reached(address)
            try:
                ray.init(address=address, log_to_driver=False, include_dashboard=False, logging_level="error")
            except (ConnectionError, ValueError, RuntimeError) as error:
                raise InputError(f"There is no Ray cluster at {address!r}: {error}") from error

    def calls(self, task: Callable[..., Any], arguments: Arguments) -> Iterator[tuple[int, Any]]:
        """As `Engine`; two calls wait for each core."""
        # Without end: who loses a node may lose another.
        remote = self._ray.remote(max_retries=-1)(task)
        places: dict[Any, int] = {}
        at_most = 2 * int(self._ray.cluster_resources().get("CPU", 1))
        for place, own in enumerate(arguments):
            places[remote.remote(*own)] = place
            if len(places) >= at_most:
                yield self._next(places)
        while places:
            yield self._next(places)

    def _next(self, places: dict[Any, int]) -> tuple[int, Any]:
        (done, *_), _ = self._ray.wait([*places])
        try:
            return places.pop(done), self._ray.get(done)
        except self._ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, AiraError):
                raise error.cause from None
            raise


def _check_reached(address: str) -> None:
    """Raises `InputError` where nobody listens at `address`: Ray would try for minutes, and say so again and again."""
    name, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdecimal():  # such as `auto`, of which Ray itself says what is wrong
        return
    try:
        socket.create_connection((name.strip("[]"), int(port)), timeout=SECONDS_TO_REACH).close()
    except (OSError, OverflowError) as error:
        raise InputError(
            f"There is no Ray cluster at {address!r}: {getattr(error, 'strerror', None) or error}."
        ) from error


def engine_named(name: str, workers: int = 0, address: str = "") -> Engine:
    """Returns `local`, `processes` or `ray`; raises `InputError` where another is told what it cannot use."""
    for given, option, user in ((workers, "--workers", "processes"), (address, "--address", "ray")):
        if given and name != user:
            raise InputError(f"`{option}` is for `--engine {user}`; got it with the engine `{name}`.")
    if name == "processes":
        return Processes(workers)
    return Ray(address) if name == "ray" else Local()
