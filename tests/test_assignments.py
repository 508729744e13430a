"""Assignments: the rules of grading, and every command from a new folder to a leaderboard."""

import csv
import datetime
import json
import os
import shutil

import jsonschema
import numpy as np
import pytest
from courts import GREEDY, PARAMETERS, TOML, UP, assignment, court, need_level, written
from report_schemas import CLASSROOM50, GRADESCOPE

from aira_agents.assignments import pipe
from aira_agents.assignments.arena import Arena, PolicyPlayer
from aira_agents.assignments.classes import grade_class, is_late
from aira_agents.assignments.grading import Grade
from aira_agents.assignments.levels import chosen_level, known_levels
from aira_agents.assignments.reports import classroom50, gradescope
from aira_agents.assignments.scoring import judged
from aira_agents.assignments.spec import LEVELS, Test, for_students, load_assignment
from aira_agents.assignments.submission import Submission
from aira_agents.errors import InputError
from aira_agents.policies import Rule
from environments.foraging import Foraging, greedy


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    """One court for the file: its programs compile once."""
    folder = tmp_path_factory.mktemp("assignment")
    (folder / "assignment.toml").write_text(TOML)
    return court(folder)


@pytest.fixture
def folder(tmp_path):
    """The folder of a tiny assignment, with a starter."""
    made = written(tmp_path / "tiny", TOML, "assignment.toml")
    return written(written(made, UP), "# Tiny\n", "README.md")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (("title =", "titel ="), "Did you mean 'title'?"),
        (("public = [1, 2]", "pubic = [1, 2]"), "Did you mean 'public'?"),
        (("[1, 2]", "[1, 1]"), "different whole numbers"),
        (("[1, 2]", '["a"]'), "different whole numbers"),
        (("points = 4", "points = 3"), "must divide its 3 points"),
        (('floor = "random"\n', ""), "needs both `floor` and `goal`"),
        (("points = 2", "points = -2"), "at least 1; got -2"),
        (("[seeds]", '[limits]\nlevel = "landlok"\n[seeds]'), "Did you mean 'landlock'?"),
        (("[seeds]", "[limits]\nmemory_mb = 0\n[seeds]"), "`limits.memory_mb` must be a number above 0"),
        (("[seeds]", "[limits]\nstep_s = inf\n[seeds]"), "`limits.step_s` must be a number above 0; got inf"),
        (('world = "foraging"', "world = 3"), "`world` must be text"),
        (('title = "T"', 'title = ""'), "`title` must be text"),
        (('floor = "random"', "floor = nan"), "must be a rule of the world's file, `random`, or a number; got nan"),
        (('goal = "greedy"', "goal = true"), "must be a rule of the world's file, `random`, or a number; got True"),
        (('name = "acts"', "name = 3"), "`name` in [[tests]] 1 must be text; got 3"),
        (('name = "acts"', 'name = "better"'), "must have a name of its own; got 'better', 'better'"),
        (("[seeds]", "[sedes]"), "Did you mean 'seeds'?"),
        (("title", '"""'), "is not TOML"),
    ],
)
def test_a_typo_in_an_assignment_is_told_with_the_nearest_key(tmp_path, wrong, told):
    (tmp_path / "assignment.toml").write_text(TOML.replace(*wrong, 1))
    with pytest.raises(InputError) as fault:
        load_assignment(tmp_path)
    assert told in str(fault.value)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"n_agents": "many"}, "n_agents = 'many'"),
        ({"max_steps": 1e99}, "`max_steps` must be"),
        ({"width": -1}, r"`width` must be .*in \d"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_named(tmp_path, parameters, said):
    with pytest.raises(InputError, match=said):
        court(tmp_path, parameters=parameters)


def test_a_test_that_leads_nowhere_is_told_before_anybody_is_graded(tmp_path):
    judge = court(tmp_path, tests=(Test("back", 2, "public", "greedy", "random"),))
    with pytest.raises(InputError, match="'back' leads nowhere"):
        grade_class(judge, [Submission("anna", written(tmp_path / "anna", UP))], tmp_path / "out")
    assert not (tmp_path / "out" / "anna").exists()


def test_an_assignment_for_students_keeps_what_is_public_and_nothing_hidden(folder, tmp_path):
    given = for_students(load_assignment(folder))
    (tmp_path / "given.toml").write_text(given)
    found = load_assignment(tmp_path / "given.toml")
    assert (found.points, found.seeds) == (6, {"public": (1, 2), "hidden": ()})
    assert [test.name for test in found.tests] == ["acts"]
    assert found.parameters == load_assignment(folder).parameters


def test_arrays_come_out_of_a_message_as_they_went_in_and_another_length_is_refused():
    specs = [pipe.Spec("a", "<f4", (2, 3)), pipe.Spec("b", "|b1", (2,))]
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([True, False])}
    body = pipe.pack(specs, arrays)
    out = pipe.unpack(specs, body)
    assert all(np.array_equal(out[name], arrays[name]) for name in arrays)
    with pytest.raises(pipe.ProtocolError, match="25 bytes"):
        pipe.unpack(specs, body[:-1])


def test_a_message_that_is_too_long_or_no_message_is_refused_unread():
    reading, writing = os.pipe()
    end = pipe.Pipe(reading, writing)
    end.send(pipe.ACTIONS, 1, bytes(100))
    with pytest.raises(pipe.ProtocolError):
        end.receive(99)
    os.write(writing, b"score 100 for me, please")
    with pytest.raises(pipe.ProtocolError):
        end.receive(10_000)
    os.close(reading)
    os.close(writing)


def test_a_seed_is_the_same_world_whatever_stands_beside_it():
    arena = Arena(Foraging(**PARAMETERS), "forager", {})
    together = arena.play(PolicyPlayer(arena.role, Rule(greedy)), [7, 8, 9]).means
    apart = arena.play(PolicyPlayer(arena.role, Rule(greedy)), [9, 5, 7]).means
    assert (together[0], together[2]) == (apart[2], apart[0])


def test_a_hidden_seed_cannot_be_tried_out_by_the_keys_that_a_submission_is_handed():
    seeds = [7, 8, 9]

    def told(hidden):
        arena = Arena(Foraging(**PARAMETERS), "forager", {}, hidden)
        standing, view = arena.begin(seeds)
        _, later = arena.step(standing, {"move": np.zeros((3, PARAMETERS["n_agents"]))})
        assert np.all(view.batch["keys"] != later.batch["keys"])
        return view.batch

    plain, hiding, other = told(()), told((8, 9)), told((9, 10))
    assert [*(plain["keys"] == hiding["keys"]).all(axis=1)] == [True, False, False]
    assert [*(hiding["keys"] == other["keys"]).all(axis=1)] == [True, False, False]  # seed 8 is hidden in one
    assert not np.any(plain["row_keys"][1:, :, 1] == hiding["row_keys"][1:, :, 1])
    assert np.array_equal(plain["features"], hiding["features"])  # the world is the same


def test_points_follow_the_way_from_floor_to_goal_and_noise_is_not_held_against_anybody():
    test = Test("way", 4, "hidden", "random", "greedy", 4)
    chance = np.random.default_rng(0)
    floor, goal = np.zeros(20), np.full(20, 8.0)
    baselines = {"random": floor, "greedy": goal}

    def points(means):
        return judged(test, means, baselines, "meals").points

    assert [points(np.full(20, mean)) for mean in (-1.0, 1.9, 2.0, 5.9, 6.0, 8.0, 99.0)] == [0, 0, 1, 2, 3, 4, 4]
    assert points(goal) == 4  # a tie
    noise = chance.normal(0, 3, 20)
    assert points(goal - 0.5 + noise - noise.mean()) == 4  # within chance of it
    assert points(goal - 2.5 + 0.1 * noise) == 2  # for certain below
    assert "0% of the way" in judged(test, floor, baselines, "meals").came
    with pytest.raises(InputError, match="leads nowhere"):
        judged(test, goal, {"random": goal, "greedy": floor}, "meals")


def test_the_same_submission_gets_the_same_grade_twice_and_a_better_one_more(judge, tmp_path):
    anna, bob = written(tmp_path / "anna", UP), written(tmp_path / "bob", GREEDY)
    first, second, better = (judge.grade(p.name, p) for p in (anna, anna, bob))
    assert (first.points, first.means) == (second.points, second.means)
    assert better.points == 6 > first.points >= 2


def test_grades_are_what_gradescope_and_classroom_50_read(judge, tmp_path):
    for name, source in (("anna", GREEDY), ("mallory", "raise ValueError('<script>')")):
        grade = judge.grade(name, written(tmp_path / name, source))
        jsonschema.validate(json.loads(json.dumps(gradescope(grade, judge.assignment))), GRADESCOPE)
        jsonschema.validate(json.loads(json.dumps(classroom50(grade, {}))), CLASSROOM50)
        assert Grade.from_record(json.loads(json.dumps(grade.record()))).points == grade.points
    found = classroom50(grade, {"OWNER": "anna", "CLASSROOM": "c", "ASSIGNMENT": "a", "SUBMISSION_TAG": "submit/x"})
    assert (found["owner"], found["classroom"], found["submission"]) == ("anna", "c", "submit/x")


@pytest.mark.slow
def test_a_class_is_graded_whatever_one_hands_in_and_only_what_changed_is_graded_again(judge, tmp_path):
    handed_in = tmp_path / "class"
    written(handed_in / "anna", GREEDY)
    written(handed_in / "=cmd", "x = 1\n")
    written(handed_in / "bob", "import time\ntime.sleep(20)\n")
    submissions = [Submission(p.name, p) for p in sorted(handed_in.iterdir())]
    told = []
    grades = grade_class(judge, submissions, tmp_path / "out", workers=2, said=lambda g, kept: told.append(kept))
    assert {g.name: g.state for g in grades} == {"anna": "DONE", "=cmd": "INVALID", "bob": "TIMEOUT"}
    assert told == [False] * 3
    rows = list(csv.DictReader((tmp_path / "out" / "grades.csv").read_text("utf-8-sig").splitlines()))
    assert {row["name"]: row["points"] for row in rows} == {"anna": "6", "'=cmd": "0", "bob": "0"}
    assert "anna" in (tmp_path / "out" / "index.html").read_text()
    jsonschema.validate(json.loads((tmp_path / "out" / "bob" / "results.json").read_text()), GRADESCOPE)

    written(handed_in / "bob", UP)
    record = tmp_path / "out" / "anna" / "grade.json"
    record.write_text(record.read_text().replace('"DONE"', '"FAULT"'))  # as if the grader had failed
    told.clear()
    grades = grade_class(judge, submissions, tmp_path / "out", workers=2, said=lambda g, kept: told.append(kept))
    assert sorted(told) == [False, False, True]
    assert {g.name: g.state for g in grades}["bob"] == "DONE"


def test_results_are_written_when_grading_is_broken_off(judge, tmp_path, monkeypatch):
    submissions = [Submission(name, written(tmp_path / name, GREEDY)) for name in ("anna", "bob")]
    whole = judge.grade

    def broken(name, path):
        if name == "bob":
            raise KeyboardInterrupt
        return whole(name, path)

    monkeypatch.setattr(judge, "grade", broken)
    with pytest.raises(KeyboardInterrupt):
        grade_class(judge, submissions, tmp_path / "out", workers=1)
    assert "anna" in (tmp_path / "out" / "grades.csv").read_text("utf-8-sig")


def test_what_was_written_after_it_was_due_is_late(tmp_path):
    due = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    anna = written(tmp_path / "anna", UP)
    assert is_late(assignment(tmp_path, due=due), anna)
    os.utime(anna / "policy.py", (0, 0))
    assert not is_late(assignment(tmp_path, due=due), anna)
    assert not is_late(assignment(tmp_path), anna)


def test_a_level_that_this_machine_cannot_give_is_refused(monkeypatch):
    assert [*known_levels()] == [*LEVELS]
    with pytest.raises(InputError, match="Did you mean 'limits'"):
        chosen_level("limit", "process")
    with pytest.raises(InputError, match="is below it"):
        chosen_level("process", "limits")
    known = {**known_levels()}
    known["container"] = known["container"]._replace(available=False, told="needs bubblewrap")
    monkeypatch.setattr("aira_agents.assignments.levels.known_levels", lambda: known)
    with pytest.raises(InputError, match="needs bubblewrap"):
        chosen_level(None, "container")


def test_on_ci_a_level_that_lacks_a_package_fails_and_one_that_the_kernel_lacks_is_skipped(monkeypatch):
    known = {name: level._replace(available=False, told="cannot") for name, level in known_levels().items()}
    monkeypatch.setattr("courts.known_levels", lambda: known)
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(pytest.fail.Exception, match="apt-get install bubblewrap"):
        need_level("container")
    with pytest.raises(pytest.skip.Exception, match="the level landlock cannot"):
        need_level("landlock")
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/bwrap")
    with pytest.raises(pytest.skip.Exception, match="the level container cannot"):
        need_level("container")
