"""The rules that come with a world, and who acts where nobody is named: chance, or the classic one of them."""

import inspect
import sys
from collections.abc import Callable
from typing import Any

from aira_agents.environment import Environment
from aira_agents.errors import unknown_name
from aira_agents.policies.policy import AbstractPolicy
from aira_agents.policies.random import RandomPolicy
from aira_agents.policies.rule import Rule

RANDOM = "random"


def rules_of(world: type[Environment]) -> dict[str, Callable[..., Any]]:
    """Returns the rules in a world's file: its functions of `(observation, key)` or `(observation, rng)`."""
    module = sys.modules[world.__module__]
    functions = inspect.getmembers(module, lambda f: inspect.isfunction(f) and f.__module__ == module.__name__)
    kinds = (["observation", "key"], ["observation", "rng"])
    return {name: f for name, f in functions if [*inspect.signature(f).parameters] in kinds}


def usual_policy(environment: Environment) -> AbstractPolicy:
    """Returns who acts where nobody is named; raises `InputError` if the world's `usual` is no rule of its file."""
    # A class that inherits `usual` may stand in another file.
    world = next(own for own in type(environment).__mro__ if "usual" in vars(own))
    name, rules = environment.usual, rules_of(world)
    if name == RANDOM:
        return RandomPolicy()
    if name not in rules:
        raise unknown_name(f"policy, which {world.__name__}.usual names,", name, [RANDOM, *rules])
    return Rule(rules[name])
