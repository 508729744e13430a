"""Grades submissions: each in its own process, on the same seeds, one after the other's fault or not.

A fault of the grader is kept apart from one of the submission: it costs no points and can be graded again.
"""

import dataclasses
import hashlib
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from aira_agents.assignments import pipe
from aira_agents.assignments.arena import Arena, Player, PolicyPlayer, Watcher
from aira_agents.assignments.casting import named_rule, role_of, world_of
from aira_agents.assignments.faults import GraderError, SubmissionError, what_to_try
from aira_agents.assignments.levels import Level
from aira_agents.assignments.runner import Runner
from aira_agents.assignments.scoring import Outcome, judged, lost, way_of
from aira_agents.assignments.spec import SETS, Assignment
from aira_agents.assignments.submission import lay_out
from aira_agents.errors import InputError, NumericalError, unknown_name
from aira_agents.policies.policy import AbstractPolicy

DONE, FAULT = "DONE", "FAULT"


@dataclasses.dataclass(frozen=True)
class Grade:
    """What a submission earned, and why."""

    name: str
    state: str  # DONE; ERROR, INVALID, TIMEOUT: the submission's fault; FAULT: the grader's
    told: str
    outcomes: tuple[Outcome, ...]
    level: str
    seconds: float
    printed: str = ""
    means: Mapping[str, Sequence[float]] = dataclasses.field(default_factory=dict)  # by set of seeds
    at: tuple[int, int] | None = None  # the world and the agent of a fault

    @property
    def points(self) -> int:
        """The sum over all tests."""
        return sum(outcome.points for outcome in self.outcomes)

    @property
    def most(self) -> int:
        """What could be earned."""
        return sum(outcome.most for outcome in self.outcomes)

    def record(self) -> dict[str, Any]:
        """Returns the fields as JSON holds them."""
        return dataclasses.asdict(self) | {"points": self.points, "most": self.most}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Grade":
        """Returns the grade of a `record`."""
        own = {field.name: record[field.name] for field in dataclasses.fields(cls)}
        return cls(**{**own, "outcomes": tuple(Outcome(**outcome) for outcome in record["outcomes"])})


class Court:
    """An assignment made ready: its world, its baselines, and the level at which submissions run."""

    def __init__(self, assignment: Assignment, level: Level, sets: Sequence[str] = SETS) -> None:
        self.assignment, self.level = assignment, level
        self.sets = tuple(seeds for seeds in sets if assignment.tests_on(seeds))
        self.seeds = [seed for name in self.sets for seed in assignment.seeds[name]]
        self.environment = world_of(assignment)
        role = role_of(assignment, self.environment)
        others = {
            r.name: named_rule(assignment.others.get(r.name, "random"), r.name, self.environment)
            for r in self.environment.roles
            if r.name != role
        }
        for name in assignment.others:
            if name not in others:
                raise unknown_name("role in [others]", name, others)
        self.arena = Arena(
            self.environment, role, others, {*assignment.seeds["hidden"]} - {*assignment.seeds["public"]}
        )
        self._baselines: dict[str, np.ndarray] = {}
        self._prepared, self._preparing, self._measuring = False, threading.Lock(), threading.Lock()
        self._running: set[Runner] = set()
        self._stopped = False
        for test in assignment.tests:
            for name in (test.floor, test.goal):
                if isinstance(name, str):
                    self.rule(name)
            if test.seeds in self.sets and not assignment.seeds[test.seeds]:
                raise InputError(f"The test {test.name!r} needs `seeds.{test.seeds}`, and there are none.")

    def rule(self, name: str) -> AbstractPolicy:
        """Returns a rule of the world's file, or `random`, for the student's role."""
        return named_rule(name, self.arena.role.name, self.environment)

    def prepare(self) -> None:
        """Compiles what a game and its baselines take, all at once; once, whichever thread asks first."""
        with self._preparing:
            if self._prepared:
                return
            role, n_worlds = self.arena.role, len(self.seeds)
            nothing = pipe.nothing_asked(self._setup(n_worlds), "jax")
            rules = {n for test in self.assignment.tests for n in (test.floor, test.goal) if isinstance(n, str)}
            with ThreadPoolExecutor() as pool:
                begun = [pool.submit(PolicyPlayer(role, self.rule(name)).act, nothing) for name in sorted(rules)]
                standing, _ = self.arena.begin(self.seeds)
                self.arena.step(standing, pipe.nothing_answered(self._setup(n_worlds)))
            for one in begun:
                one.result()
            self._prepared = True

    def baselines(self, seeds: str) -> dict[str, np.ndarray]:
        """Returns what every baseline of the tests earns on a set of seeds, `[seeds]` each.

        Raises:
            InputError: The goal of a test is no better than its floor.
        """
        found = {}
        for test in self.assignment.tests_on(seeds):
            for name in (test.floor, test.goal):
                if isinstance(name, str):
                    found[name] = self._earned(name)[self._where(seeds)]
                elif name is not None:
                    found[str(name)] = np.array(float(name))
            way_of(test, found)
        return found

    def _earned(self, name: str) -> np.ndarray:
        self.prepare()
        with self._measuring:
            if name not in self._baselines:
                player = PolicyPlayer(self.arena.role, self.rule(name))
                self._baselines[name] = self.arena.play(player, self.seeds).means
            return self._baselines[name]

    def _where(self, seeds: str) -> slice:
        start = sum(len(self.assignment.seeds[s]) for s in self.sets[: self.sets.index(seeds)])
        return slice(start, start + len(self.assignment.seeds[seeds]))

    @contextmanager
    def running(self, path: Path, n_worlds: int, *, with_modules: bool = False) -> Iterator[Runner]:
        """Lays a submission out and runs its process; raises `SubmissionError` or `GraderError`."""
        workplace = Path(tempfile.mkdtemp(prefix="aira-"))
        try:
            workplace.chmod(0o755)
            folder, home = workplace / "submission", workplace / "home"
            folder.mkdir()
            home.mkdir()
            lay_out(path, folder, self.assignment.limits.files_mb, with_modules=with_modules)
            setup = self._setup(n_worlds)
            spaces = self.arena.role.spaces
            if self._stopped:
                raise GraderError("The grader was stopped.")
            with Runner(folder, home, setup, spaces, self.assignment.limits, self.level) as runner:
                self._running.add(runner)
                try:
                    yield runner
                finally:
                    self._running.discard(runner)
        finally:
            shutil.rmtree(workplace, ignore_errors=True)

    def _setup(self, n_worlds: int) -> dict[str, Any]:
        return self.arena.setup(n_worlds, self.assignment.world, self.assignment.parameters)

    def resume(self) -> None:
        """Lets submissions run again, after `stop`."""
        self._stopped = False

    def stop(self) -> None:
        """Ends every submission that runs in another thread, and begins none; their grades are void."""
        self._stopped = True
        for runner in [*self._running]:
            runner.end()

    def grade(self, name: str, path: Path, *, with_modules: bool = False, watch: Watcher | None = None) -> Grade:
        """Returns the grade of one submission; only Ctrl-C gets past it.

        Args:
            name: Whose it is.
            path: What was handed in.
            with_modules: Takes what lies beside a file, too.
            watch: Is shown the game on all seeds.
        """
        begun = time.monotonic()
        state, told, printed = DONE, "", ""
        means: dict[str, np.ndarray] = {}
        outcomes: list[Outcome] = []
        at = None
        try:
            played, printed = self._played(path, with_modules, watch)
            for seeds in self.sets:
                tests, came = self.assignment.tests_on(seeds), played[seeds]
                if isinstance(came, SubmissionError):
                    state, told = came.state, came.told
                    at = None if came.row is None or came.world is None else (came.world, came.row)
                    outcomes += [lost(test, f"{state}: {told}", what_to_try(state, told)) for test in tests]
                else:
                    means[seeds], baselines = came, self.baselines(seeds)
                    outcomes += [judged(test, came, baselines, self.assignment.measure) for test in tests]
        except Exception as error:  # whatever it is, the others are graded
            state, told = FAULT, f"The grader's own fault, to be graded again: {type(error).__name__}: {error}"
            tests = [test for seeds in self.sets for test in self.assignment.tests_on(seeds)]
            outcomes = [lost(test, told, what_to_try(state, told)) for test in tests]
        by_set = {seeds: values.tolist() for seeds, values in means.items()}
        seconds = time.monotonic() - begun
        return Grade(name, state, told, tuple(outcomes), self.level.name, seconds, printed, by_set, at)

    def _played(self, path: Path, with_modules: bool, watch: Watcher | None) -> tuple[dict[str, Any], str]:
        """Returns for each set of seeds the mean returns, or the submission's fault; and what it printed."""
        try:
            means, printed = self._game(path, self.seeds, with_modules, watch)
            return {seeds: means[self._where(seeds)] for seeds in self.sets}, printed
        except SubmissionError as error:
            if len(self.sets) == 1 or not error.acting:
                return dict.fromkeys(self.sets, error), error.printed
        # A fault on hidden seeds costs none of the points for the public ones: each set by itself.
        found, printed = {}, ""
        for seeds in self.sets:
            own = self.assignment.seeds[seeds]
            padded = [own[i % len(own)] for i in range(len(self.seeds))] if own else []  # one program for all
            try:
                means, printed = self._game(path, padded, with_modules)
                found[seeds] = means[: len(own)]
            except SubmissionError as error:
                found[seeds], printed = error, error.printed
        return found, printed

    def _game(
        self, path: Path, seeds: Sequence[int], with_modules: bool, watch: Watcher | None = None
    ) -> tuple[np.ndarray, str]:
        with self.running(path, len(seeds), with_modules=with_modules) as runner:
            self.prepare()  # in `aira check` it is under way since before the submission was started
            try:
                return self.arena.play(Located(runner), seeds, watch).means, runner.printed
            except NumericalError as error:
                raise GraderError(str(error)) from error
            except SubmissionError as error:
                error.printed = runner.printed
                raise


class Located:
    """A player whose faults say at which step, in which world and to which agent they happened."""

    def __init__(self, player: Player) -> None:
        self.kind, self._player = player.kind, player
        self.step = 0

    def act(self, batch: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Asks the player."""
        self.step += 1
        try:
            return self._player.act(batch)
        except SubmissionError as fault:
            fault.acting = True
            fault.told += f" In step {self.step}" + ("" if fault.row is None else f", agent {fault.row}") + "."
            raise


def digest_of(path: Path) -> str:
    """Returns a hash of a file, or of all files in a folder with their names: whether it was handed in anew."""
    digest = hashlib.sha256()
    files = [path] if path.is_file() else [f for f in sorted(path.rglob("*")) if f.is_file() and not f.is_symlink()]
    for file in files:
        digest.update(str(file.relative_to(path)).encode() + b"\0")
        with file.open("rb") as opened:
            digest.update(hashlib.file_digest(opened, "sha256").digest())
    return digest.hexdigest()
