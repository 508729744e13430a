"""What the commands share in which a person steers an agent by keys: words, options, and the world they name."""

import dataclasses
from typing import Annotated, Any

import tyro

from aira_agents.cli.options import made, options_of
from aira_agents.cli.parsing import parsed
from aira_agents.cli.words import first_word, taken
from aira_agents.environment import Environment
from aira_agents.human.pace import Pace
from aira_agents.keys import checked_seed
from aira_agents.policies.by_name import named_policies
from aira_agents.policies.policy import AbstractPolicy
from aira_agents.registry import find_environment, names


@dataclasses.dataclass(frozen=True)
class Steering:
    """Who is steered, and how fast the world goes on."""

    role: str | None = None
    """whose agent; default: the world's first role"""
    agent: int = 1
    """which of those who live at the start, from 1"""
    episodes: int = 1
    """worlds from reset to end"""
    seed: int = 0
    """the one source of chance"""
    pace: Annotated[float | None, tyro.conf.arg(metavar="SECONDS")] = None
    """the world steps on by itself, every so many seconds from your first key on; default: it waits for you"""

    def paced(self, unpressed: Any) -> Pace | None:
        """Returns the pace, and who acts where no key was pressed in time; raises `InputError` as `Pace` does."""
        return None if self.pace is None else Pace(self.pace, unpressed)


def asked(
    command: str, arguments: list[str], options: type[Any], description: str
) -> tuple[Environment, dict[str, AbstractPolicy], Any]:
    """Returns the world, who decides in it, and the `options` of a command.

    Args:
        command: Its name.
        arguments: The world, `--policy` and the options.
        options: A dataclass; the world's parameters come beside it as `--world.NAME`.
        description: What the command does, for `--help`; the world's name follows.

    Raises:
        InputError: A name is unknown, or a value makes no sense.
        IncompatiblePolicyError: The policy is for another world.
    """
    world, arguments = first_word(arguments, command, names("world"))
    policy, arguments = taken(arguments, "--policy", None)
    found = find_environment(world)
    of_world = options_of(found, "World")
    fields = [
        ("run", Annotated[options, tyro.conf.arg(name="")], options()),
        ("world", of_world, dataclasses.field(default_factory=of_world)),
    ]
    given: Any = parsed(
        dataclasses.make_dataclass("Given", fields),
        arguments,
        prog=f"aira {command} {world}",
        description=f"{description} {world}.",
    )
    checked_seed(given.run.seed, "--seed")
    environment = made(found, given.world)
    return environment, named_policies(policy, environment), given.run
