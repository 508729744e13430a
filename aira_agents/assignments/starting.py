"""A new assignment, or a copy of one that ships, with hidden seeds that nobody has seen."""

import json
import re
import secrets
import shutil
from importlib.util import find_spec
from pathlib import Path
from string import Template

from aira_agents.assignments.grading import Court
from aira_agents.assignments.levels import chosen_level
from aira_agents.assignments.spec import FILE, LARGEST_SEED, load_assignment
from aira_agents.environment import Environment, Role
from aira_agents.errors import AiraError, InputError, unknown_name
from aira_agents.policies.checking import policies_for
from aira_agents.policies.usual import rules_of
from aira_agents.registry import find_environment
from aira_agents.results import unwritable
from aira_agents.spaces import Discrete

TEMPLATES = Path(__file__).with_name("templates")
N_HIDDEN = 20
FEW = 6  # names of features that a starter lists


def new_assignment(name: str, folder: Path, *, world: str, role: str | None = None) -> Path:
    """Makes the folder of an assignment in a world: rules, starter, solution, and what a student reads.

    Raises:
        InputError: The name, the world or the role is unknown, or the folder is there already.
    """
    environment = find_environment(world)()
    own = _role(environment, role)
    goal = _rule(environment, own)
    target = _made(name, folder)
    words = {
        "title": name.replace("-", " ").replace("_", " ").capitalize(),
        "name": name,
        "world": world,
        "role": own.name,
        "measure": f"return of a {own.name}",
        "hidden": json.dumps(_hidden_seeds()),
        "rule": goal or "",
        "goal": json.dumps(goal) if goal else "0.0  # what a good policy earns: measure it",
        "advice": f'advice = "{goal}"' if goal else "# advice: a rule of the world's file",
        "observation": _observation(own),
        "actions": _actions(own),
        "random": _random(own),
    }
    words["ways"] = _ways(words, told="what a good policy earns is not known: measure it, and take these in")
    texts = {FILE: "assignment.toml", "README.md": "README.md", "policy.py": "policy.py"}
    for file, template in texts.items():
        (target / file).write_text(_filled(template, words), "utf-8")
    if goal:
        _take_in_ways(target, words)
        words["module"] = type(environment).__module__
    (target / "solution.py").write_text(_filled("solution.py" if goal else "policy.py", words), "utf-8")
    return target


def copy_assignment(name: str, folder: Path, *, like: str) -> Path:
    """Copies an assignment that ships, with hidden seeds of its own; raises `InputError` as `new_assignment`."""
    shipped = shipped_assignments()
    if like not in shipped:
        raise unknown_name("assignment", like, shipped)
    target = _made(name, folder)
    shutil.copytree(shipped[like], target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    text = (target / FILE).read_text("utf-8")
    text = re.sub(r"(?m)^hidden = \[[^\]]*\]", f"hidden = {json.dumps(_hidden_seeds())}", text)
    (target / FILE).write_text(text, "utf-8")
    return target


def shipped_assignments() -> dict[str, Path]:
    """Returns the folders of the assignments that ship with the scenarios, by name."""
    found = find_spec("scenarios")
    roots = list(found.submodule_search_locations or []) if found else []
    return {f.name: f for root in roots for f in sorted(Path(root, "assignments").glob("*")) if (f / FILE).exists()}


def _ways(words: dict[str, str], *, told: str = "") -> str:
    """Returns the tests of how far a policy comes; as comments where `told` says why they do not hold yet."""
    text = _filled("ways.toml", words)
    return f"# {told}\n" + "".join(f"# {line}".rstrip() + "\n" for line in text.splitlines()) if told else text


def _take_in_ways(target: Path, words: dict[str, str]) -> None:
    """Writes those tests into the assignment if its rule earns more than chance on the public seeds."""
    ways = {**words, "ways": _ways(words)}
    (target / FILE).write_text(_filled("assignment.toml", ways), "utf-8")
    try:
        Court(load_assignment(target), chosen_level("process", "process"), ("public",)).baselines("public")
    except InputError as error:
        (target / FILE).write_text(_filled("assignment.toml", words | {"ways": _ways(words, told=str(error))}), "utf-8")


def _made(name: str, folder: Path) -> Path:
    if not re.fullmatch(r"\w[\w -]*", name):
        raise InputError(f"The name of an assignment must be letters, digits, `-` and `_`; got {name!r}.")
    target = folder / name
    try:
        target.mkdir(parents=True)
    except FileExistsError:
        raise InputError(f"{target} exists already. Take another name, or remove it.") from None
    except OSError as error:
        raise unwritable(folder, error) from error
    return target


def _hidden_seeds() -> list[int]:
    return [secrets.randbelow(LARGEST_SEED) for _ in range(N_HIDDEN)]


def _filled(template: str, words: dict[str, str]) -> str:
    return Template((TEMPLATES / f"{template}.txt").read_text("utf-8")).substitute(words)


def _role(environment: Environment, role: str | None) -> Role:
    roles = {own.name: own for own in environment.roles}
    if role is None and len(roles) > 1:
        raise InputError(f"This world has several roles: say which is the student's, `--role {'|'.join(roles)}`.")
    if role is not None and role not in roles:
        raise unknown_name("role", role, roles)
    return roles[role or next(iter(roles))]


def _rule(environment: Environment, role: Role) -> str | None:
    """Returns the name of the first rule of the world's file that can act for the role."""
    for name, rule in rules_of(type(environment)).items():
        try:
            policies_for(environment, {role.name: rule})
        except AiraError:
            continue
        return name
    return None


def _observation(role: Role) -> str:
    lines = []
    for name, start, stop, shape in role.layout:
        features = role.features[start:stop]
        few = ", ".join(features[:FEW]) + (", ..." if len(features) > FEW else "")
        lines.append(f'observation["{name}"]: shape {shape}: {few}')
    return "\n    ".join(lines)


def _actions(role: Role) -> str:
    if len(role.spaces) == 1:
        return next(iter(role.spaces.values())).expected
    return "a dictionary: " + "; ".join(f'"{name}": {space.expected}' for name, space in role.spaces.items())


def _random(role: Role) -> str:
    drawn = {}
    for name, space in role.spaces.items():
        if isinstance(space, Discrete):
            drawn[name] = f"rng.integers(0, {len(space.names)})"
        else:
            drawn[name] = f"rng.uniform({list(space.low)}, {list(space.high)})"
    if len(drawn) == 1:
        return next(iter(drawn.values()))
    return "{" + ", ".join(f'"{name}": {value}' for name, value in drawn.items()) + "}"
