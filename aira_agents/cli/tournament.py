"""`aira tournament FOLDER --assignment A`: submissions meet in shared worlds, and are rated."""

import dataclasses
from pathlib import Path
from typing import Literal

from aira_agents.cli.console import bar, console
from aira_agents.cli.parsing import parsed
from aira_agents.errors import InputError

USAGE = """usage: aira tournament FOLDER --assignment A [--system swiss|round-robin] [options]

FOLDER: a file, folder, notebook or archive for each entrant. A: the folder with `assignment.toml`.
`aira tournament FOLDER --help` shows all options."""


@dataclasses.dataclass(frozen=True)
class TournamentOptions:
    """How it is held."""

    assignment: Path
    """the folder with assignment.toml"""
    system: Literal["swiss", "round-robin"] = "swiss"
    """who is about as strong meets, or everybody everybody"""
    rounds: int = 10
    """of swiss"""
    together: int = 4
    """entrants in a match of swiss"""
    worlds: int = 4
    """of a match"""
    seed: int = 0
    """the one source of chance"""
    require: str | None = None
    """refuse to play below this level; as it stands: what assignment.toml says"""
    level: str | None = None
    """play at this level; as it stands: the best of this machine short of a container"""
    results: Path = Path("results")
    """where the folder with the page goes"""
    engine: Literal["local", "processes", "ray"] = "local"
    """one match after the other, several processes, or a Ray cluster; the ratings are the same"""
    workers: int = 0
    """processes, of the engine `processes`; 0: one a core"""
    address: str = ""
    """of the Ray cluster; by default one on this machine"""


def tournament_command(arguments: list[str]) -> None:
    """Runs `aira tournament`."""
    if not arguments or arguments in (["-h"], ["--help"]):
        console.print(USAGE)
        return
    if arguments[0].startswith("-"):
        raise InputError("`aira tournament` needs the folder with the entrants first.")
    folder, rest = Path(arguments[0]), arguments[1:]
    options = parsed(TournamentOptions, rest, prog=f"aira tournament {folder}", description="Lets policies meet.")
    from aira_agents.assignments.levels import chosen_level
    from aira_agents.assignments.playing import Playing
    from aira_agents.assignments.spec import load_assignment
    from aira_agents.assignments.submission import find_submissions
    from aira_agents.assignments.tournament import Tournament, write_leaderboard
    from aira_agents.engines import engine_named
    from aira_agents.results import results_folder

    held = Tournament(options.system, options.rounds, options.together, options.worlds, options.seed)
    assignment = load_assignment(options.assignment)
    level = chosen_level(options.level, options.require or assignment.limits.level)
    entrants = find_submissions(folder.resolve())
    console.print(f"Level: {level.name} ({level.told})")
    playing = Playing(assignment, level.name, engine_named(options.engine, options.workers, options.address))
    with bar("matches", held.n_matches(len(entrants))) as advance:
        table = held.hold(playing, entrants, lambda match: advance(1))
    out = results_folder(f"tournament-{assignment.folder.name.replace(' ', '-')}", base=options.results)
    page = write_leaderboard(playing, held, table, entrants, out)
    for rank, one in enumerate(table, 1):
        console.print(
            f"{rank:>3}  {one.rating.mu:5.1f} +- {2 * one.rating.sigma:4.1f}  {one.name}  {one.fault}".rstrip()
        )
    console.print(f"Page: {page}")
