"""Finds worlds, scenarios, learners and pictures by name, through the entry points of whatever is installed.

A distribution of its own adds a world by an entry point in the group `aira_agents.environments`, as `environments/`
itself does. Names are listed without importing what they stand for.
"""

import ast
import functools
import importlib.util
from collections.abc import Callable
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from pathlib import Path
from typing import Any

from aira_agents.errors import AiraError, InputError, unknown_name

GROUPS = {
    "world": "aira_agents.environments",
    "scenario": "aira_agents.scenarios",
    "learner": "aira_agents.learners",
    "picture": "aira_agents.pictures",
}


def find_environment(name: str) -> type[Any]:
    """Returns the `Environment` class of the world `name`; raises `InputError` with the nearest name."""
    return find("world", name)


def find_scenario(name: str) -> Callable[..., Any]:
    """Returns the `main` of the scenario `name`; raises `InputError` with the nearest name."""
    return find("scenario", name)


def find_learner(name: str) -> type[Any]:
    """Returns the record of hyperparameters of the learner `name`; raises `InputError` with the nearest name."""
    return find("learner", name)


def find(kind: str, name: str) -> Any:
    """Imports what `name` stands for.

    Args:
        kind: A key of `GROUPS`.
        name: The name of an entry point in that group.

    Raises:
        InputError: The name is unknown, two distributions claim it, or importing it fails.
    """
    if name not in _entries(kind):
        _installed.cache_clear()  # it may have been installed since, from a notebook
    known = _entries(kind)
    if name not in known:
        raise unknown_name(kind, name, known)
    candidates = known[name]
    if len(candidates) > 1:
        claims = " and ".join(f"{entry.value} (of {_distribution(entry)})" for entry in candidates)
        raise InputError(f"Two distributions claim the {kind} {name!r}: {claims}. Uninstall one of them.")
    entry = candidates[0]
    try:
        found = entry.load()
    except AiraError:
        raise
    except Exception as error:  # a third party's code can fail in any way; the cause is kept for `--debug`
        raise InputError(
            f"The {kind} {name!r} cannot be loaded: {entry.value} (of {_distribution(entry)}) raised "
            f"{type(error).__name__}: {error}. Repair or uninstall that distribution."
        ) from error
    if kind in ("world", "learner") and not isinstance(found, type):
        raise InputError(
            f"The {kind} {name!r} must be a class; {entry.value} (of {_distribution(entry)}) is {found!r}."
        )
    return found


def names(kind: str) -> list[str]:
    """Returns the names of one kind (a key of `GROUPS`), sorted, without importing what they stand for."""
    return sorted(_entries(kind))


def name_of(kind: str, found: type[Any]) -> str | None:
    """Returns the name under which a class is installed, or `None`."""
    value = f"{found.__module__}:{found.__qualname__}"
    return next((name for name, same in _entries(kind).items() if any(e.value == value for e in same)), None)


def summary(kind: str, name: str) -> str:
    """Returns the first line of the module's docstring, read from its source without importing it; "" if none."""
    entry = _entries(kind)[name][0]
    try:
        spec = importlib.util.find_spec(entry.module)
        source = Path(spec.origin).read_text("utf-8") if spec and spec.origin else ""
        docstring = ast.get_docstring(ast.parse(source))
    except (ImportError, OSError, SyntaxError, ValueError):
        return ""
    return docstring.splitlines()[0] if docstring else ""


def _entries(kind: str) -> dict[str, list[EntryPoint]]:
    found: dict[str, list[EntryPoint]] = {}
    for entry in _installed(kind):
        same = found.setdefault(entry.name, [])
        # An editable install can be listed twice; only a different target is a conflict.
        if entry.value not in [other.value for other in same]:
            same.append(entry)
    return found


@functools.cache  # the files of all distributions are read each time: 15 ms on a slow machine
def _installed(kind: str) -> EntryPoints:
    return entry_points(group=GROUPS[kind])


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "an unknown distribution"
