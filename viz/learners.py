"""Learners as the page offers them: those that need nothing but a world, set so that one can watch them learn."""

import functools
from collections.abc import Mapping
from typing import Any

from aira_agents.environment import Environment
from aira_agents.learning.learner import partners
from aira_agents.parameters import parameters_of
from aira_agents.registry import find_learner, names

AGENTS = 512  # that learn side by side, over all worlds: more would slow the page down
QUICK = {"ppo": {"learning_rate": 1e-3}}  # where the usual is too careful to be watched


@functools.cache
def page_learners() -> list[str]:
    """Returns the names of the learners that need neither data nor people."""
    return [name for name in names("learner") if not partners(find_learner(name))]


def record_for(name: str, environment: Environment, settings: Mapping[str, Any]) -> Any:
    """Returns the hyperparameters of a learner for this world; raises `InputError` where `settings` make no sense."""
    found = find_learner(name)
    declared = parameters_of(found)
    chosen: dict[str, Any] = {**QUICK.get(name, {}), **settings}
    if "n_worlds" in declared:
        agents = sum(role.capacity for role in environment.roles)
        chosen.setdefault("n_worlds", max(1, min(declared["n_worlds"].default, AGENTS // agents)))
    return found(**{key: value for key, value in chosen.items() if key in declared})
