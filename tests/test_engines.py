"""Whoever makes the calls, each is made and its result is there once, and what a task refuses is said."""

import json
import os
import time

import pytest
from courts import GREEDY, TOML, UP, written
from shell import python

from aira_agents.engines import Local, Processes, engine_named
from aira_agents.errors import InputError

STILL = "def act(observation, rng):\n    return 0\n"


def slowly(seconds, number):
    time.sleep(seconds)
    return number * number


def refuse(number):
    raise InputError(f"not {number}")


def vanish():
    os._exit(1)


@pytest.mark.parametrize("engine", [Local(), Processes(2)])
def test_each_call_is_made_once_whoever_is_done_first(engine):
    arguments = [(0.3, 1), (0.0, 2), (0.0, 3)]
    assert sorted(engine.calls(slowly, arguments)) == [(0, 1), (1, 4), (2, 9)]
    assert [*engine.calls(slowly, [])] == []


@pytest.mark.parametrize("engine", [Local(), Processes(1)])
def test_what_a_task_refuses_is_said(engine):
    with pytest.raises(InputError, match="not 3"):
        [*engine.calls(refuse, [(3,)])]


def test_a_process_that_is_lost_is_said():
    with pytest.raises(InputError, match="A process was killed"):
        [*Processes(1).calls(vanish, [()])]


def test_nonsense_is_refused():
    with pytest.raises(InputError, match="at least 1; got -1"):
        engine_named("processes", workers=-1)


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
        done = python("-c", LAUNCHER if engine != ["local"] else LAUNCHER.rsplit("assert", 1)[0], *own, timeout=180)
        assert done.returncode == 0, done.stderr
        (out,) = results.iterdir()
        tables.append(json.loads((out / "leaderboard.json").read_text()))
        assert "data:image/gif;base64," in (out / "index.html").read_text("utf-8")
    assert all(table == tables[0] for table in tables)
    assert tables[0]["table"][0]["name"] == "greedy"
    assert {row["name"] for row in tables[0]["table"]} == {"greedy", "up", "still", "broken"}
