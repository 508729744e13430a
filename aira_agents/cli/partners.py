"""Who a learner learns from, beside the world: recorded data, an expert, simulated people, another learner.

Each learner says what it takes by the arguments of its `learner` function; the command offers options for those.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aira_agents.cli.options import made, options_of
from aira_agents.cli.words import taken
from aira_agents.data.dataset import Dataset
from aira_agents.environment import Environment
from aira_agents.errors import InputError
from aira_agents.human.judge import Judge
from aira_agents.human.tamer import TAMER
from aira_agents.human.teacher import Teacher
from aira_agents.interfaces import values_of
from aira_agents.learning.learner import partners
from aira_agents.policies.by_name import named_policies
from aira_agents.registry import find_learner, name_of

PEOPLE = {"judge": Judge, "tamer": TAMER, "teacher": Teacher}
DEFAULT_RL = "ppo"
FILE_OR_NAME = {
    "demonstrations": "recorded data: give `--demonstrations FILE`; `aira data record` makes such files",
    "expert": "from somebody who knows: give `--expert POLICY`, named as for `aira evaluate`",
}


@dataclasses.dataclass(frozen=True)
class Partners:
    """What goes to a learner beside the world and the networks."""

    demonstrations: str | None = None  # a file of episodes
    expert: str | None = None  # a policy by name
    records: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # `teacher`, `judge`, `rl`

    def config(self) -> dict[str, Any]:
        """Returns it as JSON holds it."""
        records = {
            name: {"name": name_of("learner", type(own)), "parameters": values_of(own)}
            for name, own in self.records.items()
        }
        return {"demonstrations": self.demonstrations, "expert": self.expert, **records}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Partners":
        """Returns what a `config` says."""
        records = {
            name: (find_learner(own["name"]) if name == "rl" else PEOPLE[name])(**own["parameters"])
            for name, own in config.items()
            if name not in FILE_OR_NAME
        }
        return cls(config.get("demonstrations"), config.get("expert"), records)

    def maker(self, record: Any) -> Any:
        """Returns the record of who makes the policies: the learner within, if there is one."""
        return self.records.get("rl", record)

    def arguments(self, record: Any, name: str, environment: Environment) -> dict[str, Any]:
        """Returns what `record.learner` is given by name.

        Raises:
            InputError: Something is missing, or it takes no such thing.
        """
        takes = wanted(type(record))
        for kind, wants in FILE_OR_NAME.items():
            given = getattr(self, kind) is not None
            if given != (kind in takes):
                told = f"learns {wants}" if kind == "expert" else f"takes {wants}"
                raise InputError(
                    f"The learner {name!r} {told}." if not given else f"The learner {name!r} takes no `--{kind}`."
                )
        found = dict(self.records)
        if self.demonstrations is not None:
            found["demonstrations"] = Dataset.load(Path(self.demonstrations))
        if self.expert is not None:
            found["experts"] = named_policies(self.expert, environment)
        return found


def wanted(record: type[Any]) -> set[str]:
    """Returns what a learner takes beside the world and the networks: `expert` stands for one by role."""
    return {"expert" if name == "experts" else name for name in partners(record)}


def named_in(arguments: list[str]) -> tuple[dict[str, str | None], list[str]]:
    """Takes `--demonstrations`, `--expert` and `--rl` out of the arguments."""
    found = {}
    for name in ("demonstrations", "expert", "rl"):
        found[name], arguments = taken(arguments, f"--{name}", None)
    return found, arguments


def kinds_of(record: type[Any], rl: str | None) -> dict[str, type[Any]]:
    """Returns the records that a learner takes, by name; raises `InputError` for an `--rl` that it does not take."""
    takes = wanted(record)
    if rl is not None and "rl" not in takes:
        raise InputError("`--rl` names the learner within another, and this one has none: leave it out.")
    kinds: dict[str, type[Any]] = {name: kind for name, kind in PEOPLE.items() if name in takes}
    return kinds | ({"rl": find_learner(rl or DEFAULT_RL)} if "rl" in takes else {})


def groups_of(kinds: Mapping[str, type[Any]]) -> list[tuple[str, type[Any]]]:
    """Returns a group of options for each record."""
    return [(name, options_of(kind, name.capitalize())) for name, kind in kinds.items()]


def made_of(kinds: Mapping[str, type[Any]], options: Any) -> dict[str, Any]:
    """Returns the records with the values of `options`; raises `InputError` for one out of range."""
    return {name: made(kind, getattr(options, name)) for name, kind in kinds.items()}
