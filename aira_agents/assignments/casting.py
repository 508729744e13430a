"""What an assignment names: its world, the student's role in it, and rules to compare with."""

from aira_agents.assignments.spec import Assignment
from aira_agents.environment import Environment
from aira_agents.errors import InputError, unknown_name
from aira_agents.parameters import parameters_of
from aira_agents.policies.by_name import named_policies
from aira_agents.policies.policy import AbstractPolicy
from aira_agents.registry import find_environment


def world_of(assignment: Assignment) -> Environment:
    """Returns the world; raises `InputError` for a parameter that it has not, or that makes no sense."""
    found = find_environment(assignment.world)
    for name in assignment.parameters:
        if name not in parameters_of(found):
            raise unknown_name("key in [parameters]", name, parameters_of(found))
    try:
        return found(**assignment.parameters)
    except InputError as error:  # the world says which, and how far it goes
        raise InputError(f"[parameters] of the assignment: {error}") from error
    except (TypeError, ValueError, OverflowError) as error:
        told = ", ".join(f"{name} = {value!r}" for name, value in assignment.parameters.items())
        raise InputError(
            f"[parameters] must be numbers that the world {assignment.world!r} takes; got {told}."
        ) from error


def role_of(assignment: Assignment, environment: Environment) -> str:
    """Returns the student's role; raises `InputError` if it is unknown, or left out where there are several."""
    names = [role.name for role in environment.roles]
    if assignment.role is None and len(names) == 1:
        return names[0]
    if assignment.role not in names:
        raise unknown_name("role", str(assignment.role), names)
    return assignment.role


def named_rule(name: str, role: str, environment: Environment) -> AbstractPolicy:
    """Returns a rule of the world's file, or `random`, for a role; raises `InputError` for an unknown one."""
    asked = ",".join(f"{r.name}={name if r.name == role else 'random'}" for r in environment.roles)
    return named_policies(asked, environment)[role]
