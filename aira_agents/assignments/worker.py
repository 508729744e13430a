"""What a process that plays matches remembers between them: the assignment made ready."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from aira_agents.assignments.grading import Court
from aira_agents.assignments.levels import chosen_level
from aira_agents.assignments.matches import play_match
from aira_agents.assignments.playing import Match
from aira_agents.assignments.spec import Assignment
from aira_agents.assignments.submission import Submission
from aira_agents.registry import find

CLIP_FRAMES = 50

_ready: dict[str, tuple[Assignment, Court]] = {}  # by level


def capacity(assignment: Assignment, level: str) -> int:
    """Returns how many agents of the role there are in a world."""
    return _court(assignment, level).arena.role.capacity


def match(assignment: Assignment, level: str, entrants: Sequence[Submission], seeds: Sequence[int]) -> Match:
    """Returns what came of a match."""
    return play_match(_court(assignment, level), entrants, seeds)


def clip(
    assignment: Assignment, level: str, entrants: Sequence[Submission], seeds: Sequence[int]
) -> tuple[Match, bytes]:
    """Returns what came of a match, and a film of its first world, a GIF."""
    court = _court(assignment, level)
    played = play_match(court, entrants, seeds, keep=True)
    every = max(1, len(played.states) // CLIP_FRAMES)
    with tempfile.TemporaryDirectory() as folder:
        path = find("picture", "match")(
            court.environment,
            played.states[::every],
            court.arena.role.name,
            played.owners[0],
            played.names,
            Path(folder) / "match.gif",
        )
        return played._replace(states=()), path.read_bytes()


def _court(assignment: Assignment, level: str) -> Court:
    if level not in _ready or _ready[level][0] != assignment:
        _ready[level] = assignment, Court(assignment, chosen_level(level, level), ())
    return _ready[level][1]
