"""Policies as people name them: `random`, a rule in the world's file, or what a training run left."""

from pathlib import Path

from aira_agents.environment import Environment
from aira_agents.errors import InputError, unknown_name
from aira_agents.policies.files import load_policies
from aira_agents.policies.policy import AbstractPolicy
from aira_agents.policies.random import RandomPolicy
from aira_agents.policies.rule import Rule
from aira_agents.policies.usual import RANDOM, rules_of, usual_policy


def named_policies(policy: str | None, environment: Environment) -> dict[str, AbstractPolicy]:
    """Returns a policy for every role.

    Args:
        policy: One for all roles, or one for each as in `predator=hunt,prey=random`; each `random`, the name of a rule
            in the world's file, or the path of what `aira train` left. `None`: who usually acts there.
        environment: The world to act in.

    Raises:
        InputError: A name is unknown, there is no policy at a path, or a role has none, or two.
        IncompatiblePolicyError: A saved policy is for another world.
    """
    if policy is None:
        return {role.name: usual_policy(environment) for role in environment.roles}
    return {role: _policy(name, role, environment) for role, name in _by_role(policy, environment).items()}


def _by_role(policy: str, environment: Environment) -> dict[str, str]:
    roles = [role.name for role in environment.roles]
    if "=" not in policy:
        return dict.fromkeys(roles, policy)
    asked: dict[str, str] = {}
    for part in policy.split(","):
        role, name = (word.strip() for word in part.partition("=")[::2])
        if role in asked:
            raise InputError(f"`--policy` names a policy for every role once; got {asked[role]} and {name} for {role}.")
        asked[role] = name
    for role in asked:
        if role not in roles:
            raise unknown_name("role", role, roles)
    missing = [role for role in roles if not asked.get(role)]
    if missing:
        raise InputError(f"`--policy` must name a policy for every role; there is none for {', '.join(missing)}.")
    return asked


def _policy(name: str, role: str, environment: Environment) -> AbstractPolicy:
    if name == RANDOM:
        return RandomPolicy()
    rules = rules_of(type(environment))
    if name in rules:
        return Rule(rules[name])
    if Path(name).exists():
        return load_policies(Path(name), environment)[role]
    if "/" in name or "\\" in name:
        raise InputError(f"There is no policy at {name}: expected a folder that `aira train` left.")
    raise unknown_name("policy", name, [RANDOM, *rules])
