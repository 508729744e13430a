"""The command: what it does, and one clear line with exit code 2 for whatever it cannot do."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from commands import ROOT, fails, python

from aira_agents.cli.doctor import faults, installed
from aira_agents.cli.main import COMMANDS, main
from aira_agents.cli.run import run_scenario
from aira_agents.errors import InputError, NumericalError
from aira_agents.learning.metrics import read_rows
from aira_agents.learning.train import train
from viz.curves import draw_metrics

SMALL = ["--world.n-agents", "2", "--world.width", "5", "--world.height", "5", "--learner.n-worlds", "2"]
SMALL += ["--learner.n-steps", "8", "--learner.n-minibatches", "2", "--network.hidden", "4"]

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


def _aira(*arguments):
    return python("-m", "aira_agents.cli.main", *arguments)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    base = tmp_path_factory.mktemp("results")
    done = _aira("train", "foraging", "--steps", "40", "--seed", "3", "--results", str(base), *SMALL)
    assert (done.returncode, done.stderr) == (0, "")
    assert "foraging-ppo" in done.stdout
    (folder,) = base.iterdir()
    return folder


def test_help_imports_nothing_that_is_slow():
    slow = "{'jax', 'mesa', 'numpy', 'matplotlib', 'tyro', 'rich', 'equinox'}"
    code = (
        f"import sys; from aira_agents.cli.main import main; main(['--help']); print(sorted({slow} & set(sys.modules)))"
    )
    done = python("-c", code)
    assert done.stdout.strip().endswith("[]")
    assert all(f"  {command} " in done.stdout for command in COMMANDS)


def test_listing_names_everything_and_imports_no_world(capsys):
    main(["list"])
    told = capsys.readouterr().out
    assert "Foraging: agents on a grid" in told
    assert "ppo" in told
    code = "import sys; from aira_agents.cli.main import main; main(['list']); "
    code += "print({'jax', 'environments.foraging'} & set(sys.modules))"
    assert python("-c", code).stdout.strip().endswith("set()")


def test_a_folder_that_cannot_be_written_to_is_refused_before_any_training(capsys, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    assert "Cannot write to" in fails(capsys, ["train", "foraging", "--results", str(tmp_path / "file"), *SMALL])


def test_debug_shows_where_an_error_came_from(capsys):
    with pytest.raises(SystemExit) as leaving:
        main(["train", "foragin", "--debug"])
    assert leaving.value.code == 2
    assert "Traceback" in capsys.readouterr().err


def test_training_leaves_all_that_is_needed(trained):
    assert {"config.json", "metrics.csv", "policy.safetensors", "policy.json"} <= {
        path.name for path in trained.iterdir()
    }
    config = json.loads((trained / "config.json").read_text())
    assert (config["world"]["name"], config["learner"]["name"], config["seed"]) == ("foraging", "ppo", 3)
    assert config["world"]["parameters"]["n_agents"] == 2
    assert len(read_rows(trained / "metrics.csv")[1]) == 3  # 40 steps are three updates of 16


def test_a_trained_policy_is_judged_in_the_world_it_was_trained_in(capsys, trained):
    main(["evaluate", "foraging", "--policy", str(trained), "--episodes", "5"])
    told = capsys.readouterr().out
    assert "In foraging with n_agents 2, width 5, height 5." in told
    assert "forager: mean return" in told
    assert "10 lives in 5 episodes" in told


def test_a_trained_policy_is_refused_in_another_world(capsys, trained):
    told = fails(capsys, ["evaluate", "cartpole", "--policy", str(trained)])
    assert "This policy is for the world 'foraging'" in told


def test_only_a_policys_own_files_are_one(capsys, trained):
    for name in ("policy.json", "policy.safetensors"):
        main(["evaluate", "foraging", "--policy", str(trained / name), "--episodes", "2"])
    told = fails(capsys, ["evaluate", "foraging", "--policy", str(trained / "metrics.csv")])
    assert "There is no policy at" in told and "metrics.csv: expected a folder with policy.safetensors" in told


@pytest.mark.parametrize(
    ("ending", "code"), [(KeyboardInterrupt("Stopped at update 3"), 130), (NumericalError("It blew up."), 2)]
)
def test_what_was_learned_until_it_ended_badly_can_be_judged(capsys, tmp_path, monkeypatch, ending, code):
    def until(*args, **kwargs):
        train(*args, **kwargs)
        raise ending

    monkeypatch.setattr("aira_agents.cli.train.train", until)
    fails(capsys, ["train", "foraging", "--steps", "40", "--results", str(tmp_path), *SMALL], code)
    (folder,) = tmp_path.iterdir()
    main(["evaluate", "foraging", "--policy", str(folder), "--episodes", "2"])
    assert "4 lives in 2 episodes" in capsys.readouterr().out


def test_a_run_goes_on_by_its_folder(trained):
    assert "trained 80 steps" in _aira("train", "--resume", str(trained), "--steps", "80").stdout
    assert [row[0] for row in read_rows(trained / "metrics.csv")[1]] == ["1", "2", "3", "4", "5"]


def test_a_config_that_is_no_config_is_refused(capsys, tmp_path):
    (tmp_path / "config.json").write_text('{"world":')
    assert "not the config of a training run" in fails(capsys, ["train", "--resume", str(tmp_path)])


def test_a_learning_curve_is_drawn(trained, tmp_path):
    assert draw_metrics(trained / "metrics.csv", tmp_path / "curve.png").read_bytes()[:4] == b"\x89PNG"


def test_a_curve_of_nothing_is_refused(tmp_path):
    (tmp_path / "metrics.csv").write_text("update,steps,seconds,reward\n")
    with pytest.raises(InputError, match="nothing to draw"):
        draw_metrics(tmp_path / "metrics.csv", tmp_path / "curve.png")


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
import sys
from aira_agents.errors import AiraError
from environments.foraging import ForagingModel

model = ForagingModel(n_agents=2, width=5, height=5, policy=lambda observation, rng: 9, rng=1)
try:
    model.step()
except AiraError as error:
    print(error, file=sys.stderr)
"""


def test_a_wrong_rule_in_a_plain_script_is_one_line():
    done = python("-c", WRONG_RULE)
    assert done.returncode == 0
    assert [line[:22] for line in done.stderr.strip().splitlines()] == ["`act` must return an i"]
    debugged = "import logging; logging.getLogger('jax._src.callback').setLevel(logging.DEBUG)" + WRONG_RULE
    assert "Traceback" in python("-c", debugged).stderr


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


@pytest.mark.parametrize(
    ("versions", "python", "cure"),
    [
        ({"ipyvue": "3.0.0"}, (3, 11), "ipyvue<2"),
        ({"ipyvuetify": "3.0.0a1"}, (3, 13), "ipyvuetify<2"),
        ({"networkx": None}, (3, 13), "pip install networkx"),
        ({"mesa": "3.5.1"}, (3, 11), "mesa==3.3.1"),
        ({"mesa": "3.2.0"}, (3, 13), "mesa>=3.3.1,<3.6"),
        ({"jax": "0.12.0"}, (3, 11), "jax<0.11"),
        ({"jax": "0.10.2", "jaxlib": "0.9.0"}, (3, 11), "jaxlib==0.10.2"),
        ({"jax": "0.9.0"}, (3, 11), "jax>=0.10,<0.13"),
        ({}, (3, 10), "Python 3.11 or newer"),
    ],
)
def test_the_doctor_knows_the_cure(versions, python, cure):
    (finding,) = faults(versions, python)
    assert finding.serious
    assert cure in finding.cure


def test_a_page_without_internet_is_worth_a_note_only():
    (finding,) = faults({"solara": "1.64.1", "solara-assets": None}, (3, 11))
    assert not finding.serious


def test_the_doctor_finds_nothing_wrong_here(capsys):
    assert installed()["jax"]
    main(["doctor"])
    assert "Nothing is wrong." in capsys.readouterr().out
