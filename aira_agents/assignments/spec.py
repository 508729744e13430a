"""What an assignment is: a folder whose `assignment.toml` says world, seeds, limits and points."""

import dataclasses
import datetime
import json
import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from aira_agents.errors import InputError, unknown_name

FILE = "assignment.toml"
LEVELS = ("process", "limits", "landlock", "container")
SETS = ("public", "hidden")
LARGEST_SEED = 2**31 - 1


@dataclasses.dataclass(frozen=True)
class Test:
    """What earns points: acting to the end without a fault or, with `goal`, how far from `floor` to `goal` one comes.

    `floor` and `goal` are rules of the world's file, `random`, or numbers; both are measured on the same seeds.
    """

    __test__ = False  # for pytest, which takes the name for a test's

    name: str
    points: int
    seeds: str = "hidden"
    floor: str | float | None = None
    goal: str | float | None = None
    steps: int = 1  # equal parts of the way, each worth an equal part of the points
    hint: str = ""


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a submission may use; whoever needs more is stopped."""

    level: str = "process"  # below which nothing is graded, one of `LEVELS`
    start_s: float = 60.0  # to load and compile; no part of the time for acting
    step_s: float = 5.0  # for one step of all worlds together
    total_s: float = 300.0  # for all steps
    memory_mb: int = 512  # resident, of all its processes together
    output_kb: int = 256  # printed
    files_mb: int = 64  # handed in, unpacked
    written_mb: int = 64  # to its temporary home, at a time


@dataclasses.dataclass(frozen=True)
class Assignment:
    """An `assignment.toml`, checked."""

    folder: Path
    title: str
    world: str
    measure: str  # what a return is, in words
    role: str | None = None  # the student's; `None`: the only one there is
    due: datetime.datetime | None = None
    advice: str | None = None  # a rule of the world's file, shown beside a first mistake
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    others: Mapping[str, str] = dataclasses.field(default_factory=dict)  # role -> rule; those left out act at random
    seeds: Mapping[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)
    limits: Limits = Limits()
    tests: tuple[Test, ...] = ()
    install: str | None = None  # a line for pip, `git+https://...` or `aira-agents==1.2`; `None`: packed with it
    hidden_points: int = 0  # in a student's copy: what worlds that nobody has seen decide about

    @property
    def points(self) -> int:
        """The most that can be reached."""
        return sum(test.points for test in self.tests) + self.hidden_points

    def tests_on(self, seeds: str) -> tuple[Test, ...]:
        """The tests on one of `SETS`."""
        return tuple(test for test in self.tests if test.seeds == seeds)


def load_assignment(path: Path) -> Assignment:
    """Returns the assignment in a folder (or the one whose `assignment.toml` is named).

    Raises:
        InputError: There is none, it is no TOML, or a key or value in it makes no sense.
    """
    file = path / FILE if path.is_dir() else path
    try:
        text = file.read_text("utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"There is no {file}. `aira assignment new NAME --world WORLD` makes an assignment.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"Cannot read {file}: {error}. It must be text in UTF-8.") from error
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{file} is not TOML: {error}.") from error
    try:
        return _assignment(file.parent.resolve(), table)
    except InputError as error:
        raise InputError(f"{file}: {error}") from None


def _assignment(folder: Path, table: dict[str, Any]) -> Assignment:
    values = _fields(Assignment, table, "assignment", leave_out=("folder",))
    values["seeds"] = _seeds(table.get("seeds"))
    values["limits"] = _limits(table.get("limits", {}))
    tests = table.get("tests", [])
    if not isinstance(tests, list) or not tests:
        raise InputError("There must be at least one `[[tests]]`, each with a name and points.")
    values["tests"] = tuple(_test(test, number) for number, test in enumerate(tests, 1))
    called = [test.name for test in values["tests"]]
    if len(set(called)) < len(called):
        raise InputError(f"Every [[tests]] must have a name of its own; got {', '.join(map(repr, called))}.")
    if isinstance(values.get("due"), datetime.date) and not isinstance(values["due"], datetime.datetime):
        values["due"] = datetime.datetime.combine(values["due"], datetime.time(23, 59, 59))
    _check_kinds(values)
    return Assignment(folder=folder, **values)


def _check_kinds(values: dict[str, Any]) -> None:
    for name in ("parameters", "others"):
        if not isinstance(values.get(name, {}), dict):
            raise InputError(f"`{name}` must be a table, `[{name}]`; got {values[name]!r}.")
    if type(values.get("hidden_points", 0)) is not int or values.get("hidden_points", 0) < 0:
        raise InputError(f"`hidden_points` must be a whole number; got {values['hidden_points']!r}.")
    kinds: dict[str, Any] = {"due": datetime.datetime} | dict.fromkeys(
        ("title", "world", "measure", "role", "advice", "install"), str
    )
    for name, kind in kinds.items():
        if name in values and (not isinstance(values[name], kind) or values[name] == ""):
            raise InputError(f"`{name}` must be {'a date' if name == 'due' else 'text'}; got {values[name]!r}.")
    if "install" in values:
        _check_install(values["install"])


def _check_install(line: str) -> None:
    """Raises `InputError` for what pip would not take as one line of its requirements."""
    if re.fullmatch(r"[a-z+]+://\S+", line):
        return
    try:
        Requirement(line)
    except InvalidRequirement:
        raise InputError(
            f"`install` must be one line for pip, such as `git+https://...` or `aira-agents==1.2`; got {line!r}."
        ) from None


def for_students(assignment: Assignment) -> str:
    """Returns an `assignment.toml` with what students may know: public seeds, and the tests on them."""
    lines = []
    for name in ("title", "world", "role", "measure", "advice", "due"):
        value = getattr(assignment, name)
        if value is not None:
            lines.append(f"{name} = {value.isoformat() if name == 'due' else _toml(value)}")
    lines += [f"hidden_points = {sum(test.points for test in assignment.tests_on('hidden'))}"]
    tables = {"parameters": assignment.parameters, "others": assignment.others}
    tables |= {"seeds": {"public": assignment.seeds["public"]}, "limits": dataclasses.asdict(assignment.limits)}
    for name, table in tables.items():
        lines += ["", f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in table.items())]
    for test in assignment.tests_on("public"):
        fields = {key: value for key, value in dataclasses.asdict(test).items() if value not in (None, "")}
        lines += ["", "[[tests]]", *(f"{key} = {_toml(value)}" for key, value in fields.items())]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    """Returns a value of an assignment as TOML writes it, which for text, numbers and lists is as JSON does."""
    return json.dumps(value, ensure_ascii=False)


def _fields(kind: type[Any], table: Any, what: str, leave_out: Sequence[str] = ()) -> dict[str, Any]:
    """Returns `table` if its keys are fields of `kind` and none is missing."""
    if not isinstance(table, dict):
        raise InputError(f"`{what}` must be a table; got {table!r}.")
    known = [field for field in dataclasses.fields(kind) if field.name not in leave_out]
    for name in table:
        if name not in [field.name for field in known]:
            raise unknown_name(f"key in {what}", name, [field.name for field in known])
    for field in known:
        needed = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if needed and field.name not in table:
            raise InputError(f"`{field.name}` is missing in {what}.")
    return dict(table)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _seeds(table: Any) -> dict[str, tuple[int, ...]]:
    if not isinstance(table, dict):
        raise InputError("`[seeds]` is missing: lists of whole numbers, `public` and `hidden`.")
    for name in table:
        if name not in SETS:
            raise unknown_name("key in [seeds]", name, SETS)
    found = {}
    for name in SETS:
        seeds = table.get(name, [])
        whole = isinstance(seeds, list) and all(type(seed) is int and 0 <= seed <= LARGEST_SEED for seed in seeds)
        if not whole or len(set(seeds)) != len(seeds):
            raise InputError(f"`seeds.{name}` must be different whole numbers in 0..{LARGEST_SEED}; got {seeds!r}.")
        found[name] = tuple(seeds)
    if not found["public"]:
        raise InputError("`seeds.public` must hold at least one seed: what `aira check` runs.")
    return found


def _limits(table: Any) -> Limits:
    values = _fields(Limits, table, "[limits]")
    if values.get("level", LEVELS[0]) not in LEVELS:
        raise unknown_name("level in [limits]", str(values["level"]), LEVELS)
    for name, value in values.items():
        if name != "level" and not (_is_number(value) and value > 0):
            raise InputError(f"`limits.{name}` must be a number above 0; got {value!r}.")
    return Limits(**values)


def _test(table: Any, number: int) -> Test:
    what = f"[[tests]] {number}"
    values = _fields(Test, table, what)
    _check_kinds_of(values, what)
    test = Test(**values)
    if test.seeds not in SETS:
        raise unknown_name(f"seeds in {what}", str(test.seeds), SETS)
    if test.points % test.steps:
        raise InputError(
            f"`steps` in {what} must divide its {test.points} points, so that each step is worth whole points; "
            f"got {test.steps}."
        )
    if (test.floor is None) != (test.goal is None):
        raise InputError(f"{what} needs both `floor` and `goal`, or neither (then it is about acting without a fault).")
    return test


def _check_kinds_of(values: dict[str, Any], what: str) -> None:
    kinds = {
        "a whole number of at least 1": lambda value: type(value) is int and value >= 1,
        "text": lambda value: isinstance(value, str) and value.strip(),
        "text, or nothing": lambda value: isinstance(value, str),
        "a rule of the world's file, `random`, or a number": lambda value: isinstance(value, str) or _is_number(value),
    }
    whole, words, perhaps, baseline = kinds
    fields = {"name": words, "points": whole, "seeds": perhaps, "steps": whole, "hint": perhaps}
    for name, kind in {**fields, "floor": baseline, "goal": baseline}.items():
        if name in values and not kinds[kind](values[name]):
            raise InputError(f"`{name}` in {what} must be {kind}; got {values[name]!r}.")
