"""`aira play WORLD`: a person plays the worlds that a policy plays, and the policy is scored against them."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np

from aira_agents.cli.console import console
from aira_agents.cli.steering import Steering, asked
from aira_agents.human.demonstrating import demonstrate
from aira_agents.human.keyboard import terminal_keys
from aira_agents.human.level import standing
from aira_agents.policies.policy import AbstractPolicy
from aira_agents.registry import names
from aira_agents.store import Store

USAGE = """usage: aira play WORLD [--policy POLICY] [options]

Worlds: {worlds}
You steer one agent: arrow keys where it moves, else numbers; the world waits for you, or steps on by itself, every so
many seconds, with `--pace SECONDS`. Then POLICY steers the same agent in the same worlds, and so does chance; the
score is (policy - chance) / (you - chance).
`p` pauses, `q` stops. On the page: `aira view WORLD`, Play.
`aira play WORLD --help` shows all options."""
CONSENT = (
    "May your plays be kept under a random number, to teach agents and to study how people play? No name, no address; "
    "`aira data forget NUMBER` deletes them. y: yes, any other key: no"
)


@dataclasses.dataclass(frozen=True)
class PlayOptions(Steering):
    """What is played."""

    episodes: int = 3
    """worlds from reset to end"""
    unpressed: Literal["last", "stay"] = "last"
    """with a pace, what your agent does where you press nothing: again what it did last, or it stays"""
    database: str | None = None
    """where plays are kept, if you agree; default: AIRA_DATABASE_URL, else results/aira.db"""


def play_command(arguments: list[str]) -> None:
    """Runs `aira play`."""
    if arguments in (["-h"], ["--help"]):
        console.print(USAGE.format(worlds=", ".join(names("world"))))
        return
    environment, policies, run = asked("play", arguments, PlayOptions, "Lets you play against a policy in the world")
    run.paced(run.unpressed)  # told before a person sits down
    with terminal_keys() as keys:
        play(environment, policies, keys, run)


def play(environment: Any, policies: dict[str, AbstractPolicy], keys: Iterator[str], options: PlayOptions) -> None:
    """Lets a person play, keeps that if they agree, and prints the score.

    Raises:
        InputError: As `demonstrate` and `level` do.
    """
    role, agent = options.role or environment.roles[0].name, options.agent
    _say(CONSENT)
    agreed = next(keys, "q") == "y"
    store = Store(options.database) if agreed else None
    who = store.new_participant() if store else "nobody"
    played = demonstrate(
        environment,
        policies,
        keys,
        _say,
        role=role,
        agent=agent,
        seed=options.seed,
        n_episodes=options.episodes,
        who=who,
        pace=options.paced(options.unpressed),
    )
    if store:
        store.add_episodes(played)
        store.close()
        _say(f"Kept in {Path(store.where)} under {who}: `aira data forget {who}` deletes it.")
    found = standing(environment, policies, role, agent, options.seed, played)
    for name, own in zip(("you", "the policy", "chance"), found, strict=True):
        _say(f"{name}: {np.mean(own):.3g} a life ({', '.join(f'{one:.3g}' for one in own)})")
    score = found.score
    told = f"{score.estimate:.2f} of your level, {score.low:.2f} to {score.high:.2f}"
    _say(f"The policy is at {told} ({len(found.human)} worlds).")


def _say(text: str) -> None:
    console.print(text, highlight=False, markup=False)
