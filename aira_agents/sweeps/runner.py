"""Plans a sweep and runs parts of it: settings that share shapes share a program, in batches that fit into memory."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
import pandas as pd
import psutil

from aira_agents.environment import Environment
from aira_agents.errors import AiraError, InputError, unknown_name
from aira_agents.hosting.signature import checked_seed
from aira_agents.hosts import agreed, several
from aira_agents.neighbours.room import CROWDED, grown
from aira_agents.parameters import parameters_of
from aira_agents.policies.by_name import named_policies
from aira_agents.policies.checking import policies_for
from aira_agents.policies.policy import AbstractPolicy
from aira_agents.policies.rule import Rule, plain_errors
from aira_agents.registry import find_environment
from aira_agents.sweeps.measures import in_order, measure_names
from aira_agents.sweeps.program import Program
from aira_agents.sweeps.spec import Outline, Spec
from aira_agents.sweeps.table import marked
from aira_agents.sweeps.trained import Trainer, trainer

AT_ONCE = {"cpu": 64}  # runs of one device; more than fit into its caches gain nothing
AT_ONCE_ELSEWHERE = 4096
AT_ONCE_TRAINING = 8  # a learner runs many worlds of its own
SHARE_OF_MEMORY = 0.5  # of what is free when a sweep begins

log = logging.getLogger(__name__)


class Runner:
    """Runs any runs of one sweep; programs are compiled when they are first needed, and kept."""

    def __init__(self, spec: Spec, at_once: int = 0) -> None:
        """Checks the sweep as a whole; `at_once` is the most runs of one batch, 0: as many as are worth it and fit.

        Raises:
            InputError: The world or a parameter is unknown, a seed is none, or no setting at all makes a world.
        """
        self.spec, self._at_once = spec, at_once
        self.world: type[Environment] = find_environment(spec.world) if isinstance(spec.world, str) else spec.world
        declared = parameters_of(self.world)
        for name in (*spec.varied, *spec.fixed):
            if name not in declared:
                raise unknown_name(f"parameter of {self.world.__name__}", name, declared)
        for seed in spec.seeds:
            checked_seed(seed)
        self._static = tuple(name for name in spec.varied if declared[name].kind in ("size", "option"))
        self._traced = tuple(name for name in spec.varied if name not in self._static)
        self._programs: dict[Any, tuple[Program, int]] = {}
        self._checked: dict[Any, dict[str, AbstractPolicy]] = {}

    def outline(self, skipping: frozenset[int] = frozenset()) -> Outline:
        """Cuts the sweep, without the runs in `skipping`; makes each world once, to find settings that make none."""
        n_seeds, faults, groups = len(self.spec.seeds), {}, {}
        for index, settings in enumerate(self.spec.combinations):
            own = range(index * n_seeds, (index + 1) * n_seeds)
            try:
                self._policies(self._group(settings), self._world(settings))
            except AiraError as error:
                faults |= dict.fromkeys(own, str(error))
                continue
            groups.setdefault(self._group(settings), []).extend(run for run in own if run not in skipping)
        if len(faults) == self.spec.n_runs:
            raise InputError(f"No setting can be run. {faults[0]}")
        size = self._at_once or self._worth()
        batches = [runs[i : i + size] for runs in groups.values() for i in range(0, len(runs), size)]
        kept = {run: told for run, told in faults.items() if run not in skipping}
        run = next(run for run in range(self.spec.n_runs) if run not in faults)
        measures = self.spec.keep or measure_names(self._world(self.spec.settings(run)))
        return Outline(batches, kept, self._static, len(groups), tuple(measures), self.world.usual)

    def execute(self, runs: Sequence[int]) -> pd.DataFrame:
        """Runs some runs; returns their rows, with `error` where one raised.

        Raises:
            InputError: One single run does not fit into memory; says how much it needs.
        """
        rows = []
        for group in {self._group(self.spec.settings(run)): None for run in runs}:
            own = [run for run in runs if self._group(self.spec.settings(run)) == group]
            rows += self._rows(own)
        return pd.concat(rows, ignore_index=True)

    def _rows(self, runs: list[int], growths: int = 0) -> list[pd.DataFrame]:
        try:
            program, size = self._program(runs, growths)
        except AiraError as error:
            if isinstance(error, InputError) and "memory" in str(error):
                raise
            return [marked(self.spec, dict.fromkeys(runs, str(error)))]
        parts = [runs[i : i + size] for i in range(0, len(runs), size)]
        return [rows for part in parts for rows in self._batch(program, size, part, growths)]

    def _batch(self, program: Program, size: int, runs: list[int], growths: int) -> list[pd.DataFrame]:
        padded = [*runs, *[runs[0]] * (size - len(runs))]  # one program for all batches
        settings = [self.spec.settings(run) for run in padded]
        values = {name: np.array([own[name] for own in settings]) for name in self._traced}
        seeds = np.array([self.spec.seed(run) for run in padded], np.uint32)
        try:
            with plain_errors():
                found = program(seeds, values)
        except AiraError as error:
            if len(runs) == 1:
                return [marked(self.spec, {runs[0]: str(error)})]
            # Which of them raised is found by halving: the others go on.
            half = len(runs) // 2
            return [rows for part in (runs[:half], runs[half:]) for rows in self._batch(program, size, part, growths)]
        except jax.errors.JaxRuntimeError as error:
            if "RESOURCE_EXHAUSTED" not in str(error):
                raise
            return self._smaller(size, runs, error, growths)
        rows: Any = self._tidy(runs, found)
        cramped = self._cramped(rows, growths)
        if not cramped:
            return [rows]
        return [rows[~rows["run"].isin(cramped)], *self._rows(cramped, growths + 1)]

    def _cramped(self, rows: Any, growths: int) -> list[int]:
        """Returns the runs in which somebody found no room, where more may be given: nobody said how much there is."""
        if CROWDED not in rows or "room" in (*self.spec.varied, *self.spec.fixed):
            return []
        runs = rows[rows[CROWDED] > 0]["run"].unique().tolist()
        return runs if runs and self._roomy(self.spec.settings(runs[0]), growths + 1) is not None else []

    def _roomy(self, settings: Mapping[str, Any], growths: int) -> Environment | None:
        """Returns a world with its room doubled so many times; `None` where there can be no more."""
        environment: Environment | None = self._world(settings)
        for _ in range(growths):
            environment = None if environment is None else grown(environment)
        return environment

    def _smaller(self, size: int, runs: list[int], error: Exception, growths: int) -> list[pd.DataFrame]:
        """Goes on with half as many at once, where there was less memory than the compiler counted on."""
        devices = len(jax.devices())
        if size <= devices:
            raise InputError(f"There is no memory for one single run: {error}") from error
        self._programs.clear()
        self._at_once = size // 2
        log.warning("Out of memory: %d runs at once from now on.", self._at_once)
        return self._rows(runs, growths)

    def _tidy(self, runs: list[int], found: dict[str, np.ndarray]) -> pd.DataFrame:
        """A row for each run and moment it lived to see; of one that ended early, the last says how it ended."""
        moments, n = np.asarray(self.spec.moments), len(runs)
        steps = found.pop("step")[:, :n].T
        new = steps > np.concatenate([[-1], moments[:-1]])
        each = [self.spec.labels(run) for run in runs]
        labels = [each[own] for own in np.nonzero(new)[0]]
        # All columns at once: a frame that grows by columns costs a twentieth of a sweep.
        return pd.DataFrame(
            {
                **{name: [own[name] for own in labels] for name in labels[0]},
                "step": steps[new],
                **{name: found[name][:, :n].T[new] for name in in_order(found)},
                "error": "",
            }
        )

    def _world(self, settings: Mapping[str, Any]) -> Environment:
        return self.world(**{**self.spec.fixed, **settings})

    def _group(self, settings: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(settings[name] for name in self._static)

    def _program(self, runs: list[int], growths: int = 0) -> tuple[Program, int]:
        """Returns the program of these runs and its size: the largest that is worth it and fits into memory."""
        settings = self.spec.settings(runs[0])
        group = self._group(settings)
        if (group, growths) not in self._programs:
            environment: Any = self._roomy(settings, growths)
            self._programs[group, growths] = self._fitting(environment, self._policies(group, environment))
        return self._programs[group, growths]

    def _policies(self, group: tuple[Any, ...], environment: Environment) -> dict[str, AbstractPolicy]:
        """Returns the policies of worlds that share shapes; raises where they do not fit."""
        if group not in self._checked:
            policy = self.spec.policy
            named = named_policies(policy, environment) if isinstance(policy, str) else policy
            self._trainer(environment)
            known = measure_names(environment) if self.spec.keep else []
            for name in self.spec.keep:
                if name not in known:
                    raise unknown_name("measure", name, known)
            self._checked[group] = policies_for(environment, named)
        return self._checked[group]

    def _trainer(self, environment: Environment) -> Trainer | None:
        spec = self.spec
        return trainer(environment, spec.learner, spec.training) if spec.learner else None

    def _fitting(self, environment: Environment, policies: Any) -> tuple[Program, int]:
        # A rule in NumPy holds the interpreter: more devices than one would wait for each other.
        in_numpy = any(isinstance(policy, Rule) and policy.is_numpy for policy in policies.values())
        if in_numpy and several():
            raise InputError("A rule in NumPy runs on one host only; write it in JAX, or use `--engine ray`.")
        own = jax.devices()[: 1 if in_numpy else None]
        devices = len(own)
        room = agreed(free_bytes() * SHARE_OF_MEMORY)
        size = max(devices, min(self._at_once or self._worth(), self.spec.n_runs) // devices * devices)
        train = self._trainer(environment)
        while True:
            program = Program(environment, policies, self._traced, self.spec.moments, size, own, train, self.spec.keep)
            if program.bytes_per_device <= room:
                return program, size
            if size == devices:
                raise InputError(
                    f"One run needs {program.bytes_per_device / 1e9:.3g} GB of memory, and {room / 1e9:.3g} GB may be "
                    "taken of what is free. Make the world smaller, or use a machine with more."
                )
            fits = int(size * room / program.bytes_per_device) // devices * devices
            size = max(devices, min(fits, size // 2 // devices * devices))

    def _worth(self) -> int:
        if self.spec.learner:
            return AT_ONCE_TRAINING * len(jax.devices())
        return AT_ONCE.get(jax.default_backend(), AT_ONCE_ELSEWHERE) * len(jax.devices())


def free_bytes() -> int:
    """Returns how much memory a device has left for a sweep; on a CPU, devices share it."""
    devices = jax.local_devices()
    told = devices[0].memory_stats()
    if told and "bytes_limit" in told:
        return int(told["bytes_limit"] - told.get("bytes_in_use", 0))
    return psutil.virtual_memory().available // len(devices)
