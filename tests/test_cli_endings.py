"""How commands and scripts end: well, or with one clear line, whatever went wrong; a bug shows where it is."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from shell import ROOT, python

from aira_agents.cli.run import run_scenario

SCENARIO = '''"""A lesson in a few lines."""
from pathlib import Path

from aira_agents.cli.run import run_scenario
from aira_agents.errors import InputError


def main(seed: int = 0, n_agents: int = 3, results: Path = Path("results")) -> None:
    if n_agents < 1:
        raise InputError(f"`n_agents` must be at least 1; got {n_agents}.")
    print(seed, n_agents, results)


if __name__ == "__main__":
    run_scenario(main)
'''


def test_a_scenario_runs_from_elsewhere_and_says_what_is_wrong_in_one_line(tmp_path):
    (tmp_path / "lesson.py").write_text(SCENARIO)
    done = python(str(tmp_path / "lesson.py"), "--seed", "4", cwd="/")
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "4 3 results", "")
    for arguments in (["--n-agents", "0"], ["--n-agents", "x"], ["--n-agent", "3"]):
        wrong = python(str(tmp_path / "lesson.py"), *arguments, cwd=tmp_path)
        assert wrong.returncode == 2
        assert len(wrong.stderr.strip().splitlines()) == 1
    assert "A lesson in a few lines." in python(str(tmp_path / "lesson.py"), "--help").stdout


WRONG_RULE = """
import logging, sys
from aira_agents.errors import AiraError
from environments.foraging import ForagingModel

model = ForagingModel(n_agents=2, width=5, height=5, policy=lambda observation, rng: 9, rng=1)
for level in ("NOTSET", "DEBUG"):
    logging.getLogger("jax._src.callback").setLevel(level)
    try:
        model.step()
    except AiraError as error:
        print(error, file=sys.stderr)
"""


def test_a_wrong_rule_in_a_plain_script_is_one_line():
    done = python("-c", WRONG_RULE)
    assert done.returncode == 0
    first, *debugged = done.stderr.strip().splitlines()
    assert first.startswith("`act` must return an i") and debugged[-1] == first
    assert any(line.startswith("Traceback") for line in debugged)


CONFUSED = """
import jax
from aira_agents.errors import AiraError
from aira_agents.learning.ppo import PPO
from aira_agents.policies.mlp import MLPPolicy
from environments.foraging import Foraging

for world, network in [
    (Foraging, MLPPolicy.build), (Foraging(), 3), (Foraging(), MLPPolicy), (Foraging(), {"forager": None})
]:
    try:
        PPO().learner(world, network)
    except AiraError as error:
        print(error)
"""


def test_a_plain_script_that_mistakes_a_class_for_what_it_makes_is_told():
    # In a process of its own, without the type checker of the tests.
    lines = python("-c", CONFUSED).stdout.splitlines()
    assert lines[0] == "This takes a world, `Foraging()`; got the class Foraging."
    assert [line.split("; got ")[1] for line in lines[1:]] == ["int.", "MLPPolicy.", "NoneType."]
    assert all("such as `MLPPolicy.build`" in line for line in lines[1:])


def test_ctrl_c_leaves_with_one_line(capsys):
    def lesson() -> None:
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever a test before left
    try:
        with pytest.raises(SystemExit) as leaving:
            run_scenario(lesson, [])
    finally:
        signal.signal(signal.SIGINT, before)
    assert leaving.value.code == 130
    assert capsys.readouterr().err.strip() == "Interrupted."


def test_ctrl_c_during_an_import_is_no_bug(capsys):
    def lesson() -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as pressed:
            raise ImportError("numpy: initialization failed") from pressed

    with pytest.raises(SystemExit) as leaving:
        run_scenario(lesson, [])
    assert leaving.value.code == 130
    assert capsys.readouterr().err.strip() == "Interrupted."
    with pytest.raises(ImportError, match="really missing"):
        run_scenario(_imports_what_is_not_there, [])


def _imports_what_is_not_there() -> None:
    raise ImportError("really missing")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("arguments", [["list"], ["--help"]])
def test_a_full_disk_is_one_line(arguments):
    command = [sys.executable, "-m", "aira_agents.cli.main", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for buffered in ("", "1"):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                command,
                cwd=ROOT,
                env={**environment, "PYTHONUNBUFFERED": buffered},
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                timeout=60,
            )
        assert done.returncode == 2
        assert done.stderr.strip().splitlines() == [
            "Cannot write the output (No space left on device): free some space, or send it elsewhere."
        ]


def test_a_device_that_is_not_there_is_one_line():
    code = "import os; os.environ['JAX_PLATFORMS'] = 'nothing_such'\n"
    code += "from aira_agents.cli.main import main; main(['evaluate', 'foraging', '--policy', 'random'])"
    done = python("-c", code)
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1
    assert "JAX does not start with JAX_PLATFORMS=nothing_such" in done.stderr and "`aira doctor`" in done.stderr


def test_a_bug_shows_its_traceback():
    def lesson() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_scenario(lesson, [])
