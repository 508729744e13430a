"""`aira demonstrate WORLD`: a person steers an agent by keys, and what they did is kept to learn from."""

import dataclasses
import os
from pathlib import Path

from aira_agents.cli.console import console
from aira_agents.cli.steering import Steering, asked
from aira_agents.data.summary import summarize
from aira_agents.errors import InputError
from aira_agents.human.demonstrating import demonstrate
from aira_agents.human.keyboard import terminal_keys
from aira_agents.human.pace import Unpressed
from aira_agents.registry import names
from aira_agents.store import Store
from aira_agents.store.ids import random_id

USAGE = """usage: aira demonstrate WORLD --out FILE [--policy POLICY] [options]

Worlds: {worlds}
You steer one agent: arrow keys where it moves, else numbers; the world waits for you. POLICY decides for the others.
With `--pace SECONDS` the world steps on by itself, and POLICY decides for your agent, too, where you press no key in
time: so you take over where it goes astray, and only what you pressed is learned from.
`p` pauses, `q` stops and keeps what you did; `aira train WORLD --learner cloning --demonstrations FILE` learns from it.
`aira demonstrate WORLD --help` shows all options."""


@dataclasses.dataclass(frozen=True)
class DemonstrateOptions(Steering):
    """What is steered, and where it goes."""

    unpressed: Unpressed = "policy"
    """with a pace, who acts where you press nothing: `--policy`, or it stays, or does again what you did last"""
    out: Path = Path("demonstrations.episodes")
    """the file, which must not be there yet"""
    licence: str = "unspecified"
    """under which the data may be used"""
    database: str | None = None
    """keeps the episodes in this database too, so that `aira data forget` finds them; default: AIRA_DATABASE_URL"""


def demonstrate_command(arguments: list[str]) -> None:
    """Runs `aira demonstrate`."""
    if arguments in (["-h"], ["--help"]):
        console.print(USAGE.format(worlds=", ".join(names("world"))))
        return
    described = "Lets you steer an agent of the world"
    environment, policies, run = asked("demonstrate", arguments, DemonstrateOptions, described)
    pace = run.paced(run.unpressed)
    if run.out.exists():
        raise InputError(f"{run.out} is there already, and recordings overwrite nothing; name another file.")
    database = run.database or os.environ.get("AIRA_DATABASE_URL")
    store = Store(database) if database else None
    who = store.new_participant() if store else random_id()
    with terminal_keys() as keys:
        shown = demonstrate(
            environment,
            policies,
            keys,
            lambda text: console.print(text, highlight=False, markup=False),
            role=run.role,
            agent=run.agent,
            seed=run.seed,
            n_episodes=run.episodes,
            who=who,
            licence=run.licence,
            pace=pace,
        )
    shown.save(run.out)
    if store:
        store.add_episodes(shown)
        store.close()
    console.print(str(summarize(shown)))
    console.print(f"{run.out}, by {who}" + (": `aira data forget` with this id deletes it" if store else ""))
