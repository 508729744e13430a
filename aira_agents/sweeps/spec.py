"""What a sweep is to do, in plain words and numbers: it can be sent to another machine, and nothing here starts JAX."""

import contextlib
import dataclasses
import hashlib
import itertools
import json
import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from aira_agents.errors import InputError

MOST_RUNS = 10_000_000


@dataclasses.dataclass(frozen=True)
class Spec:
    """All combinations of values, each with all seeds. Run `r` is combination `r // seeds` with seed `r % seeds`."""

    world: Any  # the name of an installed world, or an `Environment` class
    varied: Mapping[str, tuple[Any, ...]]  # parameter -> its values
    seeds: tuple[int, ...]
    steps: int
    every: int = 0  # a row every so many steps, beginning with step 0; 0: one row, at the end
    policy: Any = None  # as `aira evaluate` takes it, or what a model takes as `policy`; `None`: who usually acts
    fixed: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    keep: tuple[str, ...] = ()  # what to measure; nothing: all there is
    learner: str = ""  # trains by this learner, at every setting and with every seed, before the run is judged
    training: int = 0  # environment steps of that

    def __post_init__(self) -> None:
        for name, values in self.varied.items():
            if not values:
                raise InputError(f"`{name}` is varied over no value; give some, as in `{name}=0.1,0.5`.")
            if name in self.fixed:
                raise InputError(f"`{name}` is both varied and set to {self.fixed[name]}; leave one out.")
        if not self.seeds:
            raise InputError("A sweep needs at least one seed.")
        if self.steps < 1 or self.every < 0:
            raise InputError(
                f"A sweep takes at least 1 step, and rows every 0 or more; got {self.steps}, {self.every}."
            )
        if self.n_runs > MOST_RUNS:
            raise InputError(f"{self.n_runs:,} runs are more than {MOST_RUNS:,}; vary less, or sweep in parts.")

    @property
    def n_combinations(self) -> int:
        """How many settings there are."""
        return math.prod(len(values) for values in self.varied.values())

    @property
    def n_runs(self) -> int:
        """Settings times seeds."""
        return self.n_combinations * len(self.seeds)

    @cached_property
    def combinations(self) -> list[dict[str, Any]]:
        """The settings, in order of runs; the last parameter changes quickest."""
        return [dict(zip(self.varied, values, strict=True)) for values in itertools.product(*self.varied.values())]

    def settings(self, run: int) -> dict[str, Any]:
        """What is varied, as it is in one run."""
        return self.combinations[run // len(self.seeds)]

    def seed(self, run: int) -> int:
        """The seed of one run: the `rng` of the same run as a Mesa model."""
        return self.seeds[run % len(self.seeds)]

    def labels(self, run: int) -> dict[str, Any]:
        """What a row says of its run."""
        return {"run": run, **self.settings(run), "seed": self.seed(run)}

    @cached_property
    def moments(self) -> tuple[int, ...]:
        """The steps after which there is a row."""
        between = range(0, self.steps, self.every) if self.every else ()
        return (*between, self.steps)

    @cached_property
    def identity(self) -> str:
        """A hash of all there is to do: rows of one sweep are never mixed with another's."""
        return hashlib.sha256(json.dumps(dataclasses.asdict(self), sort_keys=True, default=str).encode()).hexdigest()


@dataclasses.dataclass(frozen=True)
class Outline:
    """How a sweep is cut: batches of runs of one program each, and runs that cannot be."""

    batches: list[list[int]]
    faults: dict[int, str]  # run -> why its setting makes no world
    static: tuple[str, ...]  # parameters that were varied and cost a program a value
    n_programs: int
    measures: tuple[str, ...]  # what will be measured
    usual: str  # who acts in this world where nobody is named


def parsed_variation(text: str) -> tuple[str, tuple[Any, ...]]:
    """Reads `density=0.1:0.9:9` (nine values from 0.1 to 0.9) or `heater=on_off,continuous`.

    Raises:
        InputError: There is no name, no value, or a range that makes no sense.
    """
    name, equals, values = (part.strip() for part in text.partition("="))
    if not equals or not name or not values:
        raise InputError(f"`--vary` takes NAME=LOW:HIGH:COUNT or NAME=VALUE,VALUE; got {text!r}.")
    several = _range(text, values.split(":")) if ":" in values else tuple(_value(v) for v in values.split(","))
    if "" in several:
        raise InputError(f"`--vary {text}` has an empty value between commas.")
    if len(set(several)) < len(several):
        raise InputError(f"`--vary {text}` names a value twice.")
    return name, several


def _range(text: str, parts: Sequence[str]) -> tuple[Any, ...]:
    low, high, count = 0.0, 0.0, 0
    with contextlib.suppress(ValueError, IndexError):
        low, high, count = float(parts[0]), float(parts[1]), int(parts[2])
    if count < 1 or len(parts) != 3 or not (math.isfinite(low) and math.isfinite(high)):
        raise InputError(f"A range is LOW:HIGH:COUNT with a count of at least 1, as in 0.1:0.9:9; got {text!r}.")
    if count > MOST_RUNS:
        raise InputError(f"`--vary {text}`: {count:,} values are more than {MOST_RUNS:,}; vary less.")
    if (low == high) != (count == 1):
        raise InputError(f"`--vary {text}`: {count} values from {low:g} to {high:g} make no sense.")
    step = (high - low) / max(count - 1, 1)
    # Rounded to what a person would write: 0.3, not 0.30000000000000004.
    return tuple(_tidy(low + i * step) for i in range(count))


def _tidy(value: float) -> Any:
    rounded = float(f"{value:.12g}")
    return int(rounded) if rounded.is_integer() else rounded


def _value(text: str) -> Any:
    text = text.strip()
    if text in ("True", "true", "False", "false"):
        return text in ("True", "true")
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text
