"""What is packed works where it is unpacked, by what lies in it alone: at a student's, on Gradescope, on Classroom 50.

Nothing comes from a network: pip installs what an archive holds, and finds the packages of others where they are here.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import jsonschema
import pytest
from courts import GREEDY, TOML, UP, written
from report_schemas import CLASSROOM50, GRADESCOPE

from aira_agents.assignments.packing import TEMPLATES, pack
from aira_agents.assignments.starting import new_assignment, shipped_assignments
from aira_agents.cli.main import main
from aira_agents.errors import InputError

as_on_linux = pytest.mark.skipif(os.name != "posix" or shutil.which("timeout") is None, reason="a script of Linux")
IMPOSTOR = "raise SystemExit('a module of the checkout was imported')\n"


@pytest.fixture
def folder(tmp_path):
    """The folder of a tiny assignment, with a starter and a solution."""
    made = written(tmp_path / "tiny", TOML, "assignment.toml")
    return written(written(written(made, UP), "# Tiny\n", "README.md"), GREEDY, "solution.py")


@pytest.fixture
def environment(tmp_path):
    """The variables of a machine without a network."""
    home = tmp_path / "home"
    home.mkdir()
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_FORCE_REINSTALL": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PYTHONPATH": sysconfig.get_path("purelib"),
    }  # fmt: skip


def _unpacked(folder, into, which):
    paths = {path.stem.rpartition("-")[2]: path for path in pack(folder, folder.parent / "packed")}
    with zipfile.ZipFile(paths[which]) as archive:
        archive.extractall(into)
        return archive.namelist()


def test_an_archive_holds_what_is_needed_and_nothing_hidden(folder, tmp_path):
    (folder / "map.png").write_bytes(b"\x89PNG\xff")
    (wheel,) = {name for name in _unpacked(folder, tmp_path / "given", "student") if name.endswith(".whl")}
    given = {path.name for path in (tmp_path / "given" / "tiny").iterdir()}
    files = {"assignment.toml", "policy.py", "README.md", "map.png", "requirements.txt"}
    assert given == files | {Path(wheel).name}
    assert "hidden = " not in (tmp_path / "given" / "tiny" / "assignment.toml").read_text()
    assert {"setup.sh", "run_autograder"} <= {*_unpacked(folder, tmp_path / "gradescope", "gradescope")}
    for file in [*(tmp_path / "given").rglob("*"), *(tmp_path / "gradescope").rglob("*")]:
        assert "solution" not in file.name


@pytest.mark.parametrize("which", ["student", "gradescope", "classroom50"])
def test_the_wheel_in_an_archive_holds_no_solution_and_no_hidden_seeds(folder, tmp_path, which):
    (wheel,) = (name for name in _unpacked(folder, tmp_path / "given", which) if name.endswith(".whl"))
    with zipfile.ZipFile(tmp_path / "given" / wheel) as archive:
        held = [name for name in archive.namelist() if "templates" not in name]
        record = archive.read(next(name for name in held if name.endswith("RECORD"))).decode()
    assert "scenarios/foraging.py" in held
    assert not [name for name in held if "solution" in name or "assignment.toml" in name]
    assert "scenarios/assignments" not in record


def test_a_lecturer_says_what_is_installed(folder, tmp_path, capsys):
    text = (folder / "assignment.toml").read_text()
    wheel = tmp_path / "aira_agents-9.9-py3-none-any.whl"
    wheel.write_bytes(b"any")
    main(["assignment", "pack", str(folder), "--out", str(tmp_path / "by-wheel"), "--wheel", str(wheel)])
    with zipfile.ZipFile(tmp_path / "by-wheel" / "tiny-student.zip") as archive:
        assert archive.read("tiny/requirements.txt") == f"./{wheel.name}\n".encode()
        assert archive.read(f"tiny/{wheel.name}") == b"any"
    for line in ("git+https://example.org/aira.git@v1", "aira-agents==1.2", "aira-agents @ https://example.org/a.whl"):
        (folder / "assignment.toml").write_text(f'install = "{line}"\n{text}')
        names = _unpacked(folder, tmp_path / "by-line", "gradescope")
        assert (tmp_path / "by-line" / "requirements.txt").read_text() == f"{line}\n"
        assert not any(name.endswith(".whl") for name in names)


@pytest.mark.parametrize("line", [" ", "--index-url x", "a b c", "aira\\nrm"])
def test_a_line_that_pip_would_not_take_is_refused(folder, line):
    text = (folder / "assignment.toml").read_text()
    (folder / "assignment.toml").write_text(f'install = "{line}"\n{text}')
    with pytest.raises(InputError, match="`install` must be one line for pip"):
        pack(folder, folder)


def test_what_cannot_be_packed_is_told(folder, tmp_path):
    with pytest.raises(InputError, match=r"must be a \.whl of aira_agents; got .*nothing\.whl"):
        pack(folder, tmp_path, wheel=tmp_path / "nothing.whl")
    (folder / "requirements.txt").write_text("torch\n")
    with pytest.raises(InputError, match=r"as `install` in assignment\.toml"):
        pack(folder, tmp_path)
    (folder / "policy.py").unlink()
    with pytest.raises(InputError, match="the starter that students get"):
        pack(folder, tmp_path)


def test_every_readme_installs_and_checks_alike(tmp_path):
    made = new_assignment("week-1", tmp_path, world="foraging")
    told = [_commands(path / "README.md") for path in (made, *shipped_assignments().values())]
    assert told == [told[0]] * len(told)
    assert [command.split()[-1] for command in told[0]] == [".venv", "requirements.txt", "policy.py"]


def _commands(readme):
    """Returns the commands that a README tells a student of Linux or macOS to type, in their order."""
    return re.findall(r"`((?:python3 -m venv|\.venv/bin/)[^`]+)`", readme.read_text())


@pytest.mark.slow
@as_on_linux
def test_a_student_gets_from_the_archive_to_a_result_by_the_readme_alone(folder, tmp_path, environment):
    shutil.copy(next(iter(shipped_assignments().values())) / "README.md", folder / "README.md")
    _unpacked(folder, tmp_path / "Zoë's downloads", "student")
    place = tmp_path / "Zoë's downloads" / "tiny"
    for command in _commands(place / "README.md"):
        came = subprocess.run(["bash", "-c", command], cwd=place, env=environment, capture_output=True, text=True)
        assert came.returncode == 0, came.stderr
    assert "2 of 2 points: acts" in came.stdout
    where = [".venv/bin/python", "-Pc", "import aira_agents, viz; print(aira_agents.__file__, viz.__file__)"]
    for path in subprocess.check_output(where, cwd=place, env=environment, text=True).split(".py "):
        assert path.startswith(str(place))


@pytest.mark.slow
@as_on_linux
def test_the_gradescope_archive_grades_a_submission_in_a_clean_folder(folder, tmp_path, environment):
    home = tmp_path / "autograder"
    _unpacked(folder, home / "source", "gradescope")
    written(home / "submission", GREEDY)
    environment["AUTOGRADER"] = str(home)

    def run(script):
        subprocess.run(["bash", home / "source" / script], env=environment, cwd=tmp_path, check=True, timeout=240)
        return home / "results" / "results.json"

    run("setup.sh")
    found = json.loads(run("run_autograder").read_text())
    jsonschema.validate(found, GRADESCOPE)
    assert sum(test["score"] for test in found["tests"]) == 6
    (home / "source" / "assignment" / "assignment.toml").write_text("title = ")  # the grader itself is broken
    assert "grader's own fault" in json.loads(run("run_autograder").read_text())["output"]


@pytest.mark.slow
@as_on_linux
def test_classroom_50s_runner_gets_a_result_that_it_takes(folder, tmp_path, environment):
    # As its `runner.py` does: the bundle lies in a folder of its own, and runs where the student's checkout is.
    _unpacked(folder, tmp_path / "bundle", "classroom50")
    entry = tmp_path / "bundle" / "autograders" / "tiny" / "autograder.py"
    checkout = written(tmp_path / "checkout", GREEDY)
    for name in ("aira_agents", "pip", "json", "venv", "subprocess", "sitecustomize"):
        written(checkout, IMPOSTOR, f"{name}.py")
    written(checkout / ".github" / "workflows", "name: autograde\n", "autograde.yaml")
    address = "https://example.org/c/c-tiny-anna"
    environment |= {
        "CLASSROOM": "c", "ASSIGNMENT": "tiny", "SUBMISSION_TAG": "submit/2026-11-25T03-00-00Z-0123abc",
        "USERNAME": "anna", "OWNER": "anna", "ASSIGNMENT_TYPE": "team", "COMMIT_URL": f"{address}/commit/0123abc",
        "RELEASE_URL": f"{address}/releases/1", "REVIEW_URL": f"{address}/compare/0...1",
        "CLASSROOM50_BUNDLE_DIR": str(entry.parent),
    }  # fmt: skip
    command = [sys.executable, str(entry)]
    subprocess.run(command, env=environment, cwd=checkout, check=True, timeout=240)
    found = json.loads((checkout / "result.json").read_text())
    jsonschema.validate(found, CLASSROOM50)
    assert (found["owner"], found["classroom"], found["assignment_type"]) == ("anna", "c", "team")
    assert found["review"] == f"{address}/compare/0...1"
    assert (found["score"], found["max-score"], [test["passed"] for test in found["tests"]]) == (6, 6, [True, True])


def test_classroom_50_is_told_when_its_python_is_too_old(tmp_path):
    source = (TEMPLATES / "autograder.py.txt").read_text().replace("(3, 11)", "(9, 0)")
    came = subprocess.run([sys.executable, "-c", source.replace("__file__", "'x'")], capture_output=True, text=True)
    assert came.returncode != 0
    assert "Set `python` in the runtime block" in came.stderr
