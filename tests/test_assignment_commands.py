"""The commands of assignments: from a new folder over what students see to a graded class."""

import json
import random
from pathlib import Path

import jsonschema
import pytest
from courts import GREEDY, TOML, UP, court, written
from report_schemas import CLASSROOM50, GRADESCOPE

from aira_agents.assignments.spec import load_assignment
from aira_agents.assignments.starting import new_assignment, shipped_assignments
from aira_agents.cli.main import main
from aira_agents.policies import RandomPolicy


@pytest.fixture
def folder(tmp_path):
    """The folder of a tiny assignment, with a starter."""
    made = written(tmp_path / "tiny", TOML, "assignment.toml")
    return written(written(made, UP), "# Tiny\n", "README.md")


def _fails(capsys, arguments):
    with pytest.raises(SystemExit) as leaving:
        main([str(argument) for argument in arguments])
    told = capsys.readouterr().err.strip()
    assert leaving.value.code == 2
    assert len(told.splitlines()) == 1
    return told


@pytest.mark.slow
@pytest.mark.parametrize("name", shipped_assignments())
def test_a_starter_earns_little_and_a_solution_everything_on_worlds_that_nobody_has_seen(name, tmp_path, monkeypatch):
    # The same lot each time: of twenty worlds drawn anew, a solution fares a little worse than its goal now and then.
    monkeypatch.setattr("aira_agents.assignments.starting.secrets.randbelow", random.Random(0).randrange)
    copy = tmp_path / name
    main(["assignment", "new", name, "--like", name, "--folder", str(tmp_path)])
    given = load_assignment(copy)
    assert set(given.seeds["hidden"]).isdisjoint(load_assignment(shipped_assignments()[name]).seeds["hidden"])
    judge = court(copy, **{field: getattr(given, field) for field in given.__dataclass_fields__ if field != "folder"})
    starter, solution = (judge.grade(file, copy / f"{file}.py") for file in ("policy", "solution"))
    assert (starter.state, solution.state) == ("DONE", "DONE")
    assert starter.points < given.points / 2
    assert solution.points == given.points, solution.outcomes


@pytest.mark.slow
def test_the_commands_lead_from_a_new_assignment_to_grades(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["assignment", "new", "week-1", "--world", "thermostat"])
    assert {p.name for p in Path("week-1").iterdir()} == {"assignment.toml", "policy.py", "README.md", "solution.py"}
    text = Path("week-1/assignment.toml").read_text()
    assert len(load_assignment(Path("week-1")).seeds["hidden"]) == 20
    tests = load_assignment(Path("week-1")).tests
    assert (len(tests), all(test.hint for test in tests)) == (3, True)
    main(["assignment", "new", "poles", "--world", "cartpole"])  # has no rule to compare with
    assert "# goal = 0.0" in Path("poles/assignment.toml").read_text()
    assert len(load_assignment(Path("poles")).tests) == 1
    assert _fails(capsys, ["assignment", "new", "week-1", "--world", "thermostat"]).endswith("remove it.")
    assert "Did you mean 'thermostat'" in _fails(capsys, ["assignment", "new", "a", "--world", "thermostatt"])
    assert "prey|predator" in _fails(capsys, ["assignment", "new", "a", "--world", "predator_prey"])
    Path("week-1/assignment.toml").write_text(text.replace("title =", "titel ="))
    assert "Did you mean 'title'" in _fails(capsys, ["check", "week-1/policy.py"])


def test_a_new_assignment_asks_for_no_more_than_chance_where_its_rule_earns_no_more(tmp_path, monkeypatch):
    monkeypatch.setattr("aira_agents.assignments.starting.rules_of", lambda world: {"random": RandomPolicy()})
    folder = new_assignment("even", tmp_path, world="foraging")
    text = (folder / "assignment.toml").read_text()
    assert "# The test 'Better than chance, public worlds' leads nowhere" in text
    assert [test.name for test in load_assignment(folder).tests] == ["It acts"]


def test_check_says_what_it_earns_and_shows_the_first_mistake(folder, tmp_path, capsys):
    main(["check", str(folder / "policy.py"), "--results", str(tmp_path / "results")])
    told = capsys.readouterr().out
    assert "2 of 2 points: acts" in told
    assert "decide about 4 more" in told
    assert "First mistake: in step" in told
    assert "`greedy` does move" in told
    made = next((tmp_path / "results").iterdir())
    assert {p.name for p in made.iterdir()} == {"mistake.png", "replay.gif"}


def test_check_shows_the_line_of_a_syntax_error_and_the_agent_of_a_wrong_action(folder, tmp_path, capsys):
    written(folder, "def act(observation, rng):\n    return (1\n")
    assert "line 2: return (1" in _fails(capsys, ["check", folder / "policy.py"])
    written(folder, "def act(observation, rng):\n    return 9\n")
    arguments = ["check", folder / "policy.py", "--results", tmp_path / "results", "--no-replay"]
    assert "got 9" in _fails(capsys, arguments)
    assert "There is no" in _fails(capsys, ["check", folder / "nothing.py"])


def test_grade_writes_what_gradescope_reads_and_refuses_a_level_below(folder, tmp_path, capsys):
    results = tmp_path / "results.json"
    arguments = ["--single", "--assignment", str(folder), "--out", str(tmp_path / "out"), "--gradescope", str(results)]
    arguments += ["--classroom50", str(tmp_path / "result.json")]
    main(["grade", str(folder / "policy.py"), *arguments])
    assert "Level: " in capsys.readouterr().out
    jsonschema.validate(json.loads((tmp_path / "result.json").read_text()), CLASSROOM50)
    jsonschema.validate(json.loads(results.read_text()), GRADESCOPE)
    below = ["grade", folder, "--assignment", folder, "--level", "process", "--require", "limits"]
    assert "is below it" in _fails(capsys, below)
    assert "say `--single`" in _fails(capsys, ["grade", folder, "--assignment", folder, "--gradescope", results])


def test_a_tournament_of_all_against_all_leaves_a_leaderboard_with_a_match_of_the_best(folder, tmp_path, capsys):
    for name, source in (("Zoë K.", GREEDY), ("chance", UP), ("<b>broken", "x = 1\n")):
        written(tmp_path / "class" / name, source)
    arguments = [str(tmp_path / "class"), "--assignment", str(folder), "--results", str(tmp_path / "results")]
    main(["tournament", *arguments, "--system", "round-robin", "--worlds", "2"])
    told = capsys.readouterr().out
    assert told.index("  Zoë K.") < told.index("  chance") < told.index("  <b>broken  INVALID")
    (out,) = (tmp_path / "results").iterdir()
    table = json.loads((out / "leaderboard.json").read_text())["table"]
    assert {row["name"]: row["matches"] for row in table} == {"Zoë K.": 2, "chance": 2, "<b>broken": 2}
    page = (out / "index.html").read_text("utf-8")
    assert "data:image/gif;base64," in page and "Zoë K." in page
    assert "<b>" not in page and "&lt;b&gt;broken" in page


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["check", "--level"], "needs the policy first"),
        (["check", "{folder}", "--level", "non"], "Unknown level 'non'"),
        (["check", "{folder}/README.md"], "There is no policy.py in it, only README.md"),
        (["grade", "--assignment", "{folder}"], "needs the folder with the submissions first"),
        (["grade", "{folder}"], "--assignment"),
        (["grade", "{folder}/nowhere", "--assignment", "{folder}"], "There is no folder"),
        (["grade", "{folder}", "--assignment", "{folder}", "--workers", "0"], "at least 1; got 0"),
        (["grade", "{folder}", "--assignment", "{folder}", "--out", "/dev/null/x"], "Cannot write to"),
        (["grade", "{folder}", "--assignment", "{folder}", "--require", "kontainer"], "Did you mean 'container'"),
        (["tournament", "{folder}", "--assignment", "{folder}", "--system", "cup"], "'swiss', 'round-robin'"),
        (["tournament", "{folder}", "--assignment", "{folder}", "--together", "1"], "at least 2; got 1"),
        (["assignment", "pak", "{folder}"], "Did you mean 'pack'"),
        (["assignment", "new", "a/b", "--world", "foraging"], "letters, digits"),
        (["assignment", "new", "a"], "one of both"),
        (["assignment", "new", "a", "--like", "foragr"], "Did you mean 'forager'"),
        (["assignment", "pack", "{folder}/nowhere"], "There is no"),
        (["assignment", "pack", "{folder}", "--out", "/dev/null/x"], "Cannot write to"),
    ],
)
def test_nonsense_is_answered_in_one_line(folder, capsys, arguments, told):
    assert told in _fails(capsys, [argument.replace("{folder}", str(folder)) for argument in arguments])
