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
    """Returns the rules in a world's file: its functions of `(observation, key)` or `(observation, rng)`.

    Those in the files of worlds that it inherits from are its own, too.
    """
    kinds, rules = (["observation", "key"], ["observation", "rng"]), {}
    for own in reversed([own for own in world.__mro__ if issubclass(own, Environment)]):
        for name, f in inspect.getmembers(sys.modules[own.__module__], inspect.isfunction):
            if f.__module__ == own.__module__ and [*inspect.signature(f).parameters] in kinds:
                rules[name] = f
    return rules


def usual_policy(environment: Environment) -> AbstractPolicy:
    """Returns who acts where nobody is named; raises `InputError` if the world's `usual` is no rule of its file."""
    if environment.usual == RANDOM:
        return RandomPolicy()
    world = type(environment)
    rules = rules_of(world)
    if environment.usual not in rules:
        raise unknown_name(f"policy, which {world.__name__}.usual names,", environment.usual, [RANDOM, *rules])
    return Rule(rules[environment.usual])
