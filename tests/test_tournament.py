"""Tournaments: who is strong is told from who is weak, whoever plays the matches and in whatever order they end."""

import json

import numpy as np
import pytest
from courts import GREEDY, PATIENT, TOML, UP, court, written
from shell import python

from aira_agents.assignments.matches import play_match
from aira_agents.assignments.playing import Playing
from aira_agents.assignments.submission import Submission
from aira_agents.assignments.tournament import Tournament
from aira_agents.engines import Local
from aira_agents.errors import InputError

STILL = "def act(observation, rng):\n    return 0\n"


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    """One court for the file: its programs compile once."""
    return court(tmp_path_factory.mktemp("assignment"), limits=PATIENT)


@pytest.mark.slow
def test_a_tournament_tells_strong_from_weak_and_is_the_same_from_the_same_seed(judge, tmp_path):
    sources = {
        "greedy": GREEDY,
        "chance": UP,
        "still": STILL,
        "broken": "x = 1\n",
    }
    entrants = [Submission(name, written(tmp_path / name, source)) for name, source in sources.items()]
    held = Tournament(rounds=3, together=2, worlds=5, seed=1)
    playing = Playing(judge.assignment, "process", Local())
    first, second = held.hold(playing, entrants), held.hold(playing, entrants)
    assert [(one.name, one.rating.mu) for one in first] == [(one.name, one.rating.mu) for one in second]
    assert first[0].name == "greedy"
    broken = next(one for one in first if one.name == "broken")
    assert broken.fault.startswith("INVALID")
    assert all(one.rating.mu > broken.rating.mu for one in first if one is not broken)
    with pytest.raises(InputError, match="at least two"):
        held.hold(playing, entrants[:1])


class Backwards(Local):
    """Is done with the last call first."""

    def calls(self, task, arguments):
        yield from reversed([*super().calls(task, arguments)])


def test_ratings_do_not_depend_on_which_match_is_over_first(judge, tmp_path):
    entrants = [Submission(name, written(tmp_path / name, source)) for name, source in (("a", UP), ("b", GREEDY))]
    entrants.append(Submission("c", written(tmp_path / "c", "x = 1\n")))
    held, over = Tournament("round-robin", worlds=2), []
    first, second = (
        held.hold(Playing(judge.assignment, "process", engine), entrants, lambda match: over.append(match.names))
        for engine in (Local(), Backwards())
    )
    assert [(one.name, one.rating.mu) for one in first] == [(one.name, one.rating.mu) for one in second]
    assert len(over) == 2 * held.n_matches(3) and over[:3] == over[:2:-1]


def test_in_a_match_each_acts_for_its_own_agents_only(judge, tmp_path):
    sources = {"still": STILL, "up": STILL.replace("0", "1")}
    entrants = [Submission(name, written(tmp_path / name, source)) for name, source in sources.items()]
    match = play_match(judge, entrants, [1, 2, 3, 4, 5], keep=True)
    ys = np.array([state.agents["forager"].y for state in match.states])
    assert np.all(ys[:, match.owners[0] == 0] == ys[0, match.owners[0] == 0])
    assert np.any(ys[:, match.owners[0] == 1] != ys[0, match.owners[0] == 1])


LAUNCHER = """
import sys
from aira_agents.cli.tournament import tournament_command
tournament_command(sys.argv[1:])
assert "jax" not in sys.modules, "who only hands out matches started JAX"
"""


@pytest.mark.slow
@pytest.mark.parametrize("system", ["swiss", "round-robin"])
def test_a_tournament_is_the_same_whoever_plays_its_matches(tmp_path, system):
    assignment = written(tmp_path / "tiny", TOML, "assignment.toml")
    for name, source in (("greedy", GREEDY), ("up", UP), ("still", STILL), ("broken", "x = 1\n")):
        written(tmp_path / "class" / name, source)
    arguments = [tmp_path / "class", "--assignment", assignment, "--system", system, "--worlds", 2]
    arguments += ["--rounds", 2, "--together", 2, "--level", "process"]
    engines = [["local"], ["processes", "--workers", 2]] + ([["ray"]] if system == "swiss" else [])
    tables = []
    for engine in engines:
        results = tmp_path / engine[0]
        own = [*map(str, [*arguments, "--results", results, "--engine", *engine])]
        done = python("-c", LAUNCHER if engine != ["local"] else LAUNCHER.rsplit("assert", 1)[0], *own, timeout=300)
        assert done.returncode == 0, done.stderr
        (out,) = results.iterdir()
        tables.append(json.loads((out / "leaderboard.json").read_text()))
        assert "data:image/gif;base64," in (out / "index.html").read_text("utf-8")
    assert all(table == tables[0] for table in tables)
    assert tables[0]["table"][0]["name"] == "greedy"
    assert {row["name"] for row in tables[0]["table"]} == {"greedy", "up", "still", "broken"}
