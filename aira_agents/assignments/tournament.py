"""A tournament: submissions meet in shared worlds, and are rated with what is left uncertain.

Source: Weng and Lin 2011, "A Bayesian approximation method for online ranking", section 4 (Plackett-Luce), as
`openskill` has it: a normal belief about each strength, moved by the order in which a match ends.
"""

import dataclasses
import html
import itertools
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from openskill.models import PlackettLuce

from aira_agents.assignments.grading import Court
from aira_agents.assignments.matches import Entrant, Match, play_match
from aira_agents.assignments.page import figure, page
from aira_agents.assignments.spec import LARGEST_SEED
from aira_agents.errors import InputError, unknown_name
from aira_agents.registry import find
from aira_agents.results import write_atomically, write_json

SYSTEMS = ("swiss", "round-robin")
SURE = 2  # deviations on either side of a rating that are shown: about 95 %
CLIP_FRAMES = 50


@dataclasses.dataclass
class Standings:
    """One entrant's belief of strength, and how it came."""

    name: str
    rating: Any
    matches: int = 0
    firsts: int = 0
    scores: list[float] = dataclasses.field(default_factory=list)
    fault: str = ""

    @property
    def sure(self) -> float:
        """The strength that it has almost for certain; the order of the table."""
        return self.rating.mu - SURE * self.rating.sigma


@dataclasses.dataclass(frozen=True)
class Tournament:
    """How it is held.

    Raises:
        InputError: A number is too small, or the system is unknown.
    """

    system: str = "swiss"  # who is about as strong meets, or everybody everybody
    rounds: int = 10  # of `swiss`
    together: int = 4  # entrants in a match of `swiss`; in a round-robin it is always two
    worlds: int = 4  # of a match
    seed: int = 0

    def __post_init__(self) -> None:
        if self.system not in SYSTEMS:
            raise unknown_name("system", self.system, SYSTEMS)
        for name, least in (("rounds", 1), ("together", 2), ("worlds", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise InputError(f"`{name}` must be a whole number of at least {least}; got {getattr(self, name)}.")

    def hold(
        self, court: Court, entrants: Sequence[Entrant], said: Callable[[Match], None] = lambda match: None
    ) -> list[Standings]:
        """Returns the entrants by rating, the best first; the same seed gives the same matches and ratings.

        Raises:
            InputError: There are fewer than two entrants, or fewer agents than entrants in a match.
        """
        if len(entrants) < 2:
            raise InputError(f"A tournament takes at least two; got {len(entrants)}.")
        at_once = 2 if self.system == "round-robin" else min(self.together, len(entrants))
        if court.arena.role.capacity < at_once:
            raise InputError(f"{court.arena.role.capacity} agents are too few for {at_once} entrants in a match.")
        model, chance = PlackettLuce(), np.random.default_rng(self.seed)
        table = {entrant.name: Standings(entrant.name, model.rating(name=entrant.name)) for entrant in entrants}
        order = [entrants[int(i)] for i in chance.permutation(len(entrants))]
        for groups in self._rounds(order, table, at_once):
            for group in groups:
                seeds = chance.integers(0, LARGEST_SEED, self.worlds).tolist()
                match = play_match(court, group, seeds)
                _rate(model, table, match)
                said(match)
        return sorted(table.values(), key=lambda one: -one.sure)

    def _rounds(self, order: list[Entrant], table: dict[str, Standings], at_once: int) -> Any:
        if self.system == "round-robin":
            yield list(itertools.combinations(order, 2))
            return
        for _ in range(self.rounds):
            # Those who rate alike meet; who failed at once meets others who did.
            ranked = sorted(order, key=lambda one: -table[one.name].rating.mu)
            n_groups = max(1, len(ranked) // at_once)
            yield [[ranked[int(i)] for i in part] for part in np.array_split(np.arange(len(ranked)), n_groups)]


def _rate(model: PlackettLuce, table: dict[str, Standings], match: Match) -> None:
    teams = [[table[name].rating] for name in match.names]
    finite = [s for s in match.scores if math.isfinite(s)]
    least = min(finite, default=0.0) - 1.0
    marks = [score if math.isfinite(score) else least for score in match.scores]
    best = max(marks)
    for name, score, (rating,) in zip(match.names, match.scores, model.rate(teams, scores=marks), strict=True):
        own = table[name]
        own.rating, own.matches = rating, own.matches + 1
        own.firsts += score == best
        own.fault = match.faults.get(name, own.fault)
        if math.isfinite(score):
            own.scores.append(score)


def write_leaderboard(
    court: Court, held: Tournament, table: Sequence[Standings], entrants: Sequence[Entrant], out: Path
) -> Path:
    """Writes `leaderboard.json` and a page with the table and a match of the best; returns the page.

    Raises:
        InputError: `out` cannot be written to.
    """
    rows = [
        {"name": one.name, "rating": one.rating.mu, "deviation": one.rating.sigma, "matches": one.matches}
        | {"firsts": one.firsts, "mean": float(np.mean(one.scores)) if one.scores else None, "fault": one.fault}
        for one in table
    ]
    write_json(out / "leaderboard.json", {"tournament": dataclasses.asdict(held), "table": rows})
    clip = _clip(court, held, table, entrants, out)
    body = f'<p class="dim">{html.escape(_told(court, held, len(table)))}</p>{_table(rows, court)}{clip}'
    write_atomically(out / "index.html", page(f"{court.assignment.title}: tournament", body).encode())
    return out / "index.html"


def _clip(court: Court, held: Tournament, table: Sequence[Standings], entrants: Sequence[Entrant], out: Path) -> str:
    """Plays one more match of the best, which counts for nothing, and returns it as a picture of the page."""
    paths = {entrant.name: entrant for entrant in entrants}
    best = [paths[one.name] for one in table if not one.fault][: held.together]
    if len(best) < 2:
        return ""
    seeds = np.random.default_rng([held.seed, 1]).integers(0, LARGEST_SEED, held.worlds).tolist()
    match = play_match(court, best, seeds, keep=True)
    every = max(1, len(match.states) // CLIP_FRAMES)
    role = court.arena.role.name
    path = find("picture", "match")(
        court.environment, match.states[::every], role, match.owners[0], match.names, out / "best.gif"
    )
    scores = ", ".join(f"{name} {score:.3g}" for name, score in zip(match.names, match.scores, strict=True))
    return f"<h2>The best, once more</h2>{figure(path, f'{scores} ({court.assignment.measure})')}"


def _told(court: Court, held: Tournament, count: int) -> str:
    how = "everybody met everybody" if held.system == "round-robin" else f"{held.rounds} rounds among equals"
    return (
        f"{count} entrants, {how}, {held.worlds} worlds a match, seed {held.seed}. A rating is a belief about "
        f"strength, with {SURE} deviations: who overlaps is not told apart. The order is by what is almost certain. "
        f"Level {court.level.name}."
    )


def _table(rows: Sequence[dict[str, Any]], court: Court) -> str:
    lines = []
    for rank, row in enumerate(rows, 1):
        mean = "" if row["mean"] is None else f"{row['mean']:.3g}"
        fault = f'<div class="bad">{html.escape(row["fault"])}</div>' if row["fault"] else ""
        lines.append(
            f'<tr><td class="number">{rank}<td>{html.escape(row["name"])}{fault}'
            f'<td class="number">{row["rating"]:.1f} &plusmn; {SURE * row["deviation"]:.1f}'
            f'<td class="number">{row["matches"]}<td class="number">{row["firsts"]}<td class="number">{mean}</tr>'
        )
    head = '<th class="number">#<th>Who<th class="number">Rating<th class="number">Matches<th class="number">First'
    return (
        f'<table><thead><tr>{head}<th class="number">Mean {html.escape(court.assignment.measure)}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table>"
    )
