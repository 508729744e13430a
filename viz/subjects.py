"""What a page is about: a world, or a lesson with its question and claim beside the world it speaks of."""

import dataclasses
import inspect
import re
import sys
from typing import Any

from aira_agents.environment import Environment
from aira_agents.errors import InputError, unknown_name
from aira_agents.registry import find_environment, find_scenario, names, summary

LESSONS = "scenarios/"
TITLES = ("Question for the class", "Claim", "Source", "To make it fail")


@dataclasses.dataclass(frozen=True)
class Subject:
    """A page's subject.

    Attributes:
        name: As in `aira view NAME`.
        title: What stands above the page.
        environment: The class of the world.
        settings: Parameters of the world that differ from its own defaults.
        policy: The policy that acts first: a name, or by role what a lesson says.
        texts: Heading to text, of a lesson.
    """

    name: str
    title: str
    environment: type[Environment]
    settings: dict[str, Any]
    policy: Any
    texts: dict[str, str]


def subject_names() -> list[str]:
    """Returns the name of every page: worlds, then lessons."""
    return [*names("world"), *(LESSONS + name for name in names("scenario"))]


def find_subject(name: str) -> Subject:
    """Returns the subject `name`, such as `foraging` or `scenarios/foraging`; `.py` at its end does no harm.

    Raises:
        InputError: There is none of that name, or a lesson has no world.
    """
    name = name.removesuffix(".py").strip("/")
    if name not in subject_names():
        raise unknown_name("world or lesson", name, subject_names())
    if not name.startswith(LESSONS):
        environment = find_environment(name)
        title = summary("world", name).split(":")[0] or name
        return Subject(name, title, environment, {}, environment.usual, {})
    short = name.removeprefix(LESSONS)
    scenario = find_scenario(short)
    module = sys.modules[scenario.__module__]
    page: dict[str, Any] = {"world": short, "settings": {}} | getattr(module, "PAGE", {})  # what is not as usual
    if page["world"] not in names("world"):
        raise InputError(f"The lesson {short!r} has no world to look at; run it by `aira run {short}`.")
    first, texts = _texts(module)
    environment = find_environment(page["world"])
    return Subject(name, first, environment, page["settings"], page.get("policy", environment.usual), texts)


def _texts(module: Any) -> tuple[str, dict[str, str]]:
    """Returns the first sentence of a lesson, and its parts by heading."""
    docstring = inspect.getdoc(module) or ""
    texts: dict[str, str] = {}
    heading = None
    for line in docstring.splitlines()[1:]:
        match = re.match(rf"({'|'.join(TITLES)}): *(.*)", line)
        if match:
            heading, line = match[1], match[2]
            texts[heading] = line
        elif heading and line.strip():
            texts[heading] = f"{texts[heading]} {line.strip()}"
    return docstring.splitlines()[0] if docstring else module.__name__, texts
