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

from aira_agents.assignments.page import figure, page
from aira_agents.assignments.playing import Match, Playing
from aira_agents.assignments.spec import LARGEST_SEED
from aira_agents.assignments.submission import Submission
from aira_agents.errors import InputError, unknown_name
from aira_agents.results import write_atomically, write_json

SYSTEMS = ("swiss", "round-robin")
SURE = 2  # deviations on either side of a rating that are shown: about 95 %


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
        self, playing: Playing, entrants: Sequence[Submission], said: Callable[[Match], None] = lambda match: None
    ) -> list[Standings]:
        """Returns the entrants by rating, the best first; the same seed gives the same matches and ratings.

        Args:
            playing: Plays the matches; those of a round in any order.
            entrants: Who takes part.
            said: Is told of each match when it is over.

        Raises:
            InputError: There are fewer than two entrants, or fewer agents than entrants in a match.
        """
        if len(entrants) < 2:
            raise InputError(f"A tournament takes at least two; got {len(entrants)}.")
        at_once, capacity = self._at_once(len(entrants)), playing.capacity()
        if capacity < at_once:
            raise InputError(f"{capacity} agents are too few for {at_once} entrants in a match.")
        model, chance = PlackettLuce(), np.random.default_rng(self.seed)
        table = {entrant.name: Standings(entrant.name, model.rating(name=entrant.name)) for entrant in entrants}
        order = [entrants[int(i)] for i in chance.permutation(len(entrants))]
        for groups in self._rounds(order, table):
            games = [(group, chance.integers(0, LARGEST_SEED, self.worlds).tolist()) for group in groups]
            played: dict[int, Match] = {}
            for place, match in playing.matches(games):
                played[place] = match
                said(match)
            for place in range(len(games)):  # in the same order, whoever was done first
                _rate(model, table, played[place])
        return sorted(table.values(), key=lambda one: -one.sure)

    def n_matches(self, n_entrants: int) -> int:
        """Returns how many matches there will be."""
        if self.system == "round-robin":
            return math.comb(n_entrants, 2)
        return self.rounds * self._n_groups(n_entrants)

    def _at_once(self, n_entrants: int) -> int:
        return 2 if self.system == "round-robin" else min(self.together, n_entrants)

    def _n_groups(self, n_entrants: int) -> int:
        return max(1, n_entrants // max(self._at_once(n_entrants), 1))

    def _rounds(self, order: list[Submission], table: dict[str, Standings]) -> Any:
        if self.system == "round-robin":
            yield list(itertools.combinations(order, 2))
            return
        for _ in range(self.rounds):
            # Those who rate alike meet; who failed at once meets others who did.
            ranked = sorted(order, key=lambda one: -table[one.name].rating.mu)
            parts = np.array_split(np.arange(len(ranked)), self._n_groups(len(ranked)))
            yield [[ranked[int(i)] for i in part] for part in parts]


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
    playing: Playing, held: Tournament, table: Sequence[Standings], entrants: Sequence[Submission], out: Path
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
    measure, told = playing.assignment.measure, _told(playing.level, held, len(table))
    body = f'<p class="dim">{html.escape(told)}</p>{_table(rows, measure)}{_clip(playing, held, table, entrants, out)}'
    write_atomically(out / "index.html", page(f"{playing.assignment.title}: tournament", body).encode())
    return out / "index.html"


def _clip(
    playing: Playing, held: Tournament, table: Sequence[Standings], entrants: Sequence[Submission], out: Path
) -> str:
    """Plays one more match of the best, which counts for nothing, and returns it as a picture of the page."""
    paths = {entrant.name: entrant for entrant in entrants}
    best = [paths[one.name] for one in table if not one.fault][: held.together]
    if len(best) < 2:
        return ""
    seeds = np.random.default_rng([held.seed, 1]).integers(0, LARGEST_SEED, held.worlds).tolist()
    match, film = playing.clip((best, seeds))
    path = out / "best.gif"
    write_atomically(path, film)
    scores = ", ".join(f"{name} {score:.3g}" for name, score in zip(match.names, match.scores, strict=True))
    return f"<h2>The best, once more</h2>{figure(path, f'{scores} ({playing.assignment.measure})')}"


def _told(level: str, held: Tournament, count: int) -> str:
    how = "everybody met everybody" if held.system == "round-robin" else f"{held.rounds} rounds among equals"
    return (
        f"{count} entrants, {how}, {held.worlds} worlds a match, seed {held.seed}. A rating is a belief about "
        f"strength, with {SURE} deviations: who overlaps is not told apart. The order is by what is almost certain. "
        f"Level {level}."
    )


def _table(rows: Sequence[dict[str, Any]], measure: str) -> str:
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
        f'<table><thead><tr>{head}<th class="number">Mean {html.escape(measure)}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table>"
    )
