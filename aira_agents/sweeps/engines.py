"""Who runs the batches of a sweep: this process, several on this machine, or a Ray cluster. The rows are the same.

Nothing here imports JAX, so that who only hands out work never starts it.
"""

import concurrent.futures
import importlib
import multiprocessing
import os
from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

import pandas as pd

from aira_agents.errors import AiraError, InputError
from aira_agents.sweeps.spec import Outline, Spec


@runtime_checkable
class Engine(Protocol):
    """Plans a sweep and runs its batches, in any order."""

    def outline(self, spec: Spec, at_once: int, skipping: frozenset[int]) -> Outline:
        """Cuts the sweep into batches, without the runs in `skipping`."""
        ...

    def run(self, spec: Spec, at_once: int, batches: list[list[int]]) -> Iterator[pd.DataFrame]:
        """Yields the rows of each batch as it is done."""
        ...


class Local:
    """This process, with all its devices."""

    def outline(self, spec: Spec, at_once: int, skipping: frozenset[int]) -> Outline:
        """As `Engine`."""
        return _worker().outline(spec, at_once, skipping)

    def run(self, spec: Spec, at_once: int, batches: list[list[int]]) -> Iterator[pd.DataFrame]:
        """As `Engine`."""
        for runs in batches:
            yield _worker().execute(spec, at_once, runs)


class Processes:
    """Processes of this machine, each with a JAX of its own: for rules in NumPy, which hold up a single process."""

    def __init__(self, workers: int = 0) -> None:
        """Takes as many `workers` as there are cores, unless told otherwise."""
        if workers < 0:
            raise InputError(f"`--workers` must be a whole number of at least 1; got {workers}.")
        self._workers = workers or os.cpu_count() or 1

    def outline(self, spec: Spec, at_once: int, skipping: frozenset[int]) -> Outline:
        """As `Engine`."""
        with self._pool(1) as pool:
            return pool.submit(_outline, spec, at_once, skipping).result()

    def run(self, spec: Spec, at_once: int, batches: list[list[int]]) -> Iterator[pd.DataFrame]:
        """As `Engine`."""
        with self._pool(self._workers) as pool:
            waiting = [pool.submit(_execute, spec, at_once, runs) for runs in batches]
            try:
                for done in concurrent.futures.as_completed(waiting):
                    yield done.result()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _pool(self, workers: int) -> concurrent.futures.ProcessPoolExecutor:
        # Spawned: JAX and fork do not mix.
        return concurrent.futures.ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))


class Ray:
    """A Ray cluster: batches of a node that is lost are run again elsewhere, and every row is there once."""

    def __init__(self, address: str = "") -> None:
        """Joins the cluster at `address`, or starts one on this machine.

        Raises:
            InputError: Ray is not installed, or there is no cluster.
        """
        try:
            ray: Any = importlib.import_module("ray")
        except ImportError as error:
            raise InputError('`--engine ray` needs Ray: `pip install "aira-agents[ray]"`.') from error
        self._ray = ray
        if not ray.is_initialized():
            try:
                ray.init(address=address or None, log_to_driver=False, include_dashboard=False, logging_level="error")
            except (ConnectionError, ValueError, RuntimeError) as error:
                raise InputError(f"There is no Ray cluster at {address!r}: {error}") from error

    def outline(self, spec: Spec, at_once: int, skipping: frozenset[int]) -> Outline:
        """As `Engine`."""
        return self._got(self._ray.remote(_outline).remote(spec, at_once, skipping))

    def run(self, spec: Spec, at_once: int, batches: list[list[int]]) -> Iterator[pd.DataFrame]:
        """As `Engine`."""
        # Without end: who loses a node may lose another.
        task = self._ray.remote(max_retries=-1)(_execute)
        waiting, coming = [], iter(batches)
        at_most = 2 * int(self._ray.cluster_resources().get("CPU", 1))
        for runs in coming:
            waiting.append(task.remote(spec, at_once, runs))
            if len(waiting) >= at_most:
                (done, *_), waiting = self._ray.wait(waiting)
                yield self._got(done)
        while waiting:
            (done, *_), waiting = self._ray.wait(waiting)
            yield self._got(done)

    def _got(self, reference: Any) -> Any:
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, AiraError):
                raise error.cause from None
            raise


def engine_named(name: str, workers: int = 0, address: str = "") -> Engine:
    """Returns `local`, `processes` or `ray`."""
    if name == "processes":
        return Processes(workers)
    return Ray(address) if name == "ray" else Local()


def _worker() -> Any:
    from aira_agents.sweeps import worker  # noqa: PLC0415  imports JAX

    return worker


def _outline(spec: Spec, at_once: int, skipping: frozenset[int]) -> Outline:
    return _worker().outline(spec, at_once, skipping)


def _execute(spec: Spec, at_once: int, runs: list[int]) -> pd.DataFrame:
    return _worker().execute(spec, at_once, runs)
