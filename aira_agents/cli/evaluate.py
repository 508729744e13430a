"""`aira evaluate WORLD --policy ...`: how good a policy is, and how sure that is."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import jax
import tyro

from aira_agents.cli.console import console
from aira_agents.cli.options import made, options_of
from aira_agents.cli.parsing import parsed
from aira_agents.cli.words import first_word, taken
from aira_agents.environment import Environment
from aira_agents.errors import InputError
from aira_agents.evaluation import evaluate
from aira_agents.interfaces import values_of
from aira_agents.keys import checked_seed
from aira_agents.parameters import parameters_of
from aira_agents.policies.by_name import named_policies
from aira_agents.policies.files import read_manifest
from aira_agents.policies.usual import RANDOM, rules_of
from aira_agents.registry import find_environment, names

USAGE = """usage: aira evaluate WORLD --policy POLICY [--episodes N] [options]

POLICY: a folder or file that `aira train` left; `random`; the name of a rule in the world's file; or one of these for
each role, as in `--policy predator=hunt,prey=random`.
Worlds: {worlds}
`aira evaluate WORLD --help` shows all options."""


@dataclasses.dataclass(frozen=True)
class EvaluateOptions:
    """What to judge by."""

    episodes: int = 100
    """worlds that are run from reset to end"""
    seed: int = 0
    """the one source of chance"""
    greedy: bool = False
    """take a network's most probable action instead of sampling"""


def evaluate_command(arguments: list[str]) -> None:
    """Runs `aira evaluate`."""
    if arguments in (["-h"], ["--help"]):
        console.print(USAGE.format(worlds=", ".join(names("world"))))
        return
    world, arguments = first_word(arguments, "evaluate", names("world"))
    policy, arguments = taken(arguments, "--policy", None)
    environment, options = _parsed(world, policy, arguments)
    if policy is None:
        raise InputError(
            f"`aira evaluate` needs `--policy`: a path, {', '.join([RANDOM, *rules_of(type(environment))])}."
        )
    changed = _changed(environment)
    if changed:
        console.print(f"In {world} with {changed}.")  # figures of other settings are not to be compared
    policies = named_policies(policy, environment)
    intervals = evaluate(environment, policies, jax.random.key(options.seed), options.episodes, greedy=options.greedy)
    for role, interval in intervals.items():
        console.print(
            f"{role}: mean return {interval}, {interval.count:,} lives in {options.episodes:,} episodes "
            "(95 % bootstrap interval over episodes)"
        )


def _parsed(world: str, policy: str | None, arguments: list[str]) -> tuple[Environment, EvaluateOptions]:
    found = find_environment(world)
    world_options = options_of(found, "World", _trained_in(world, policy))
    fields = [
        ("run", Annotated[EvaluateOptions, tyro.conf.arg(name="")], EvaluateOptions()),
        ("world", world_options, dataclasses.field(default_factory=world_options)),
    ]
    options: Any = parsed(
        dataclasses.make_dataclass("Evaluate", fields),
        arguments,
        prog=f"aira evaluate {world} --policy {policy or 'POLICY'}",
        description=f"Judges a policy in the world {world}.",
    )
    checked_seed(options.run.seed, "--seed")
    return made(found, options.world), options.run


def _trained_in(world: str, policy: str | None) -> dict[str, Any] | None:
    """Returns the parameters of the world that a policy was trained in: what it is judged in, unless told otherwise."""
    if policy is None or "=" in policy or not Path(policy).exists():
        return None
    manifest = read_manifest(Path(policy))
    return manifest.get("parameters") if manifest.get("world") == world else None


def _changed(environment: Environment) -> str:
    declared, values = parameters_of(environment), values_of(environment)
    return ", ".join(f"{name} {value}" for name, value in values.items() if value != declared[name].default)
