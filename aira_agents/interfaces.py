"""What roles perceive and do, as JSON holds it: how a file of policies or of episodes says what world it fits."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import equinox as eqx

from aira_agents.environment import Environment, Role, by_role
from aira_agents.parameters import parameters_of, plain
from aira_agents.registry import name_of
from aira_agents.spaces import Box, Discrete, Space

Interface = dict[str, Any]
"""Of one role: `features`, a list of names, and `actions`, effector to a record of its space."""


def interfaces_of(environment: Environment) -> dict[str, Interface]:
    """Returns what each role perceives and does; it compares equal to what comes out of a file."""
    return by_role(environment, _interface)


def world_name(environment: Environment) -> str:
    """Returns the name under which a world is installed, or that of its class."""
    return name_of("world", type(environment)) or type(environment).__name__


def values_of(module: eqx.Module) -> dict[str, Any]:
    """Returns the declared parameters of a world or a learner as plain numbers and strings."""
    return {name: plain(getattr(module, name)) for name in parameters_of(module)}


def spaces_of(interface: Interface) -> dict[str, Space]:
    """Returns effector name to action space; raises `KeyError` or `TypeError` for what is no interface."""
    return {name: _space_of(dict(record)) for name, record in interface["actions"].items()}


def interface_differences(saved: Mapping[str, Interface], wanted: Mapping[str, Interface]) -> list[str]:
    """Returns in words where two worlds' roles differ; nothing if what fits one fits the other."""
    differences = []
    if saved.keys() != wanted.keys():
        differences.append(f"its roles are {_few(saved)}, not {_few(wanted)}")
    for name in sorted(saved.keys() & wanted.keys()):
        differences += _role_differences(name, saved[name], wanted[name])
    return differences


def _interface(role: Role) -> Interface:
    actions = {name: _record(space) for name, space in role.spaces.items()}
    return {"features": list(role.features), "actions": actions}


def _record(space: Space) -> dict[str, Any]:
    kind = "discrete" if isinstance(space, Discrete) else "box"
    # Through JSON, so that it compares equal to what comes out of a file.
    return {"kind": kind, **json.loads(json.dumps(dataclasses.asdict(space)))}


def _space_of(record: dict[str, Any]) -> Space:
    kind = {"discrete": Discrete, "box": Box}[record.pop("kind")]
    return kind(**{name: tuple(value) for name, value in record.items()})


def _role_differences(name: str, saved: Interface, wanted: Interface) -> list[str]:
    differences = []
    if saved["features"] != wanted["features"]:
        missing = [f for f in saved["features"] if f not in wanted["features"]]
        extra = [f for f in wanted["features"] if f not in saved["features"]]
        told = f"{name} perceives {len(wanted['features'])} numbers, not {len(saved['features'])}"
        told += f", lacks {_few(missing)}" if missing else ""
        told += f", has {_few(extra)} besides" if extra else ""
        differences.append(told if missing or extra else f"{name} perceives the same numbers in another order")
    if saved["actions"] != wanted["actions"]:
        differences.append(f"{name} does {_doing(wanted['actions'])}, not {_doing(saved['actions'])}")
    return differences


def _doing(actions: dict[str, Any]) -> str:
    each = []
    for effector, space in actions.items():
        bounds = f" within {space['low']}..{space['high']}" if space["kind"] == "box" else ""
        each.append(f"{effector} ({', '.join(space['names'])}{bounds})")
    return " and ".join(each)


def _few(names: Any) -> str:
    names = list(names)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
