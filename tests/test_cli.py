"""The command: what it does, and one clear line with exit code 2 for whatever it cannot do."""

import json
import os

import pytest
from shell import aira, python

from aira_agents.cli.doctor import faults, installed
from aira_agents.cli.guard import guarded
from aira_agents.cli.main import COMMANDS, main
from aira_agents.errors import InputError, NumericalError
from aira_agents.learning.metrics import read_rows
from aira_agents.learning.train import train
from viz.curves import draw_metrics

SMALL = ["--world.n-agents", "2", "--world.width", "5", "--world.height", "5", "--learner.n-worlds", "2"]
SMALL += ["--learner.n-steps", "8", "--learner.n-minibatches", "2", "--network.hidden", "4"]


def _fails(capsys, arguments, code=2):
    with pytest.raises(SystemExit) as leaving:
        main(arguments)
    told = capsys.readouterr().err
    assert leaving.value.code == code
    assert "Traceback" not in told
    assert len(told.strip().splitlines()) == 1
    return told


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    base = tmp_path_factory.mktemp("results")
    done = aira("train", "foraging", "--steps", "40", "--seed", "3", "--results", str(base), *SMALL)
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


BAD = [
    (["trian"], "Did you mean 'train'?"),
    (["list", "x"], "takes no arguments"),
    (["doctor", "x"], "takes no arguments"),
    (["run"], "needs the name of a scenario"),
    (["run", "forragin"], "Did you mean 'foraging'?"),
    (["train"], "needs the name of a world"),
    (["train", "--steps", "3"], "needs the name of a world"),
    (["train", "foragin"], "Did you mean 'foraging'?"),
    (["train", "foraging", "--learner", "pop"], "Did you mean 'ppo'?"),
    (["train", "foraging", "--learner"], "`--learner` needs a value"),
    (["train", "foraging", "stray"], "Unrecognized options: stray"),
    (["train", "foraging", "--steps", "0"], "Training takes 1 to 4,398,046,509,056"),
    (["train", "foraging", "--steps", "-3"], "; got -3."),
    (["train", "cartpole", "--steps", "99999999999999999999"], "; got 99,999,999,999,999,999,999."),
    (["train", "cartpole", "--learner.n-worlds", "100000000"], "at most 2,147,483,647 environment steps; got 12,800"),
    (["train", "foraging", "--steps", "many"], "--steps"),
    (["train", "foraging", "--seed", "1.5"], "--seed"),
    (["train", "foraging", "--seed", "-1"], "`--seed` must be a whole number in 0..4294967295; got -1"),
    (["train", "foraging", "--seed", "99999999999999999999"], "in 0..4294967295; got 99999999999999999999"),
    (["train", "foraging", "--checkpoint-seconds", "-1"], "positive distance; got -1 s"),
    (["train", "foraging", "--world.regrowth", "2"], "`regrowth` must be a number in 0..1; got 2"),
    (["train", "foraging", "--world.regrowth", "nan"], "`regrowth` must be a number in 0..1; got nan"),
    (["train", "foraging", "--world.n-agents", "-1"], "`n_agents` must be a whole number"),
    (["train", "foraging", "--world.width", "2.5"], "--world.width"),
    (["train", "foraging", "--world.wdth", "5"], "Did you mean --world.width?"),
    (["train", "foraging", "--learner.learning-rate", "-1"], "`learning_rate` must be a number in 0..1"),
    (["train", "foraging", "--learner.normalize", "maybe"], "'maybe'"),
    (["train", "foraging", "--network.kind", "mpl"], "'mpl'"),
    (["train", "foraging", "--network.hidden", "0"], "at least 1"),
    (["train", "cartpole", "--network.kind", "conv"], "Use `mlp`"),
    (["train", "foraging", "--learner", "q_learning", "--network.hidden", "3"], "A table has no hidden layers"),
    (["train", "foraging", "--learner", "q_learning", "--network.kind", "mlp"], "needs one table for all agents"),
    (["train", "predator_prey", "--learner", "q_learning"], "has none for energy"),
    (["train", "foraging", "--learner", "dqn", "--network.kind", "gru"], "cannot train a recurrent network"),
    (["train", "foraging", "--learner", "tamer"], "give `--expert POLICY`, named as for `aira evaluate`"),
    (["train", "foraging", "--learner", "dagger", "--expert", "gredy"], "Did you mean 'greedy'?"),
    (["train", "foraging", "--learner", "cloning"], "`aira data record` makes such files"),
    (["train", "foraging", "--expert", "greedy"], "The learner 'ppo' takes no `--expert`"),
    (["train", "foraging", "--demonstrations", "x"], "The learner 'ppo' takes no `--demonstrations`"),
    (["train", "foraging", "--rl", "dqn"], "`--rl` names the learner within another"),
    (["train", "foraging", "--learner", "preferences", "--rl", "pop"], "Did you mean 'ppo'?"),
    (["train", "foraging", "--learner", "preferences", "--judge.mistakes", "2"], "`mistakes` must be a number in 0..1"),
    (["train", "--resume", "nowhere"], "There is no run to resume in nowhere"),
    (["evaluate"], "needs the name of a world"),
    (["evaluate", "foraging"], "needs `--policy`: a path, random, greedy"),
    (["evaluate", "foraging", "--policy", "gredy"], "Did you mean 'greedy'?"),
    (["evaluate", "foraging", "--policy", "./nowhere"], "There is no policy at ./nowhere"),
    (["evaluate", "foraging", "--policy", "sheep=random"], "Unknown role 'sheep'"),
    (["evaluate", "foraging", "--policy", "forager="], "there is none for forager"),
    (["evaluate", "foraging", "--policy", "forager=random, forager=greedy"], "got random and greedy for forager"),
    (["evaluate", "foraging", "--policy", "random", "--world.max-steps", "99999999999999"], "below 2147483648"),
    (["sweep", "segregation", "--vary", "homophily=0.1", "--workers", "-2", "--out", "t.csv"], "at least 0; got -2"),
    (
        ["sweep", "segregation", "--vary", "homophily=0.1", "--steps", "9999999999", "--out", "t.csv"],
        "below 2147483648",
    ),
    (["evaluate", "foraging", "--policy", "random", "--episodes", "0"], "at least 1 episode; got 0"),
    (["evaluate", "foraging", "--policy", "random", "--seed", "4294967296"], "in 0..4294967295; got 4294967296"),
    (["run", "segregation", "--seed", "99999999999999999999"], "`--seed` must be a whole number in 0..4294967295"),
    (["run", "segregation", "--seed", "-1"], "in 0..4294967295; got -1"),
    (["data", "record", "foraging", "--policy", "random", "--seed", "-1"], "in 0..4294967295; got -1"),
    (["demonstrate", "foraging", "--seed", "-1"], "in 0..4294967295; got -1"),
    (["view", "foraging", "--no-open", "--database", "."], "The database . cannot be opened"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD, ids=[" ".join(arguments) for arguments, _ in BAD])
def test_what_makes_no_sense_is_one_clear_line(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert message in _fails(capsys, arguments)
    assert [*tmp_path.iterdir()] == []  # nothing is begun


def test_a_folder_that_cannot_be_written_to_is_refused_before_any_training(capsys, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    assert "Cannot write to" in _fails(capsys, ["train", "foraging", "--results", str(tmp_path / "file"), *SMALL])


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
    told = _fails(capsys, ["evaluate", "cartpole", "--policy", str(trained)])
    assert "This policy is for the world 'foraging'" in told


def test_only_a_policys_own_files_are_one(capsys, trained):
    for name in ("policy.json", "policy.safetensors"):
        main(["evaluate", "foraging", "--policy", str(trained / name), "--episodes", "2"])
    told = _fails(capsys, ["evaluate", "foraging", "--policy", str(trained / "metrics.csv")])
    assert "There is no policy at" in told and "metrics.csv: expected a folder with policy.safetensors" in told


@pytest.mark.parametrize(
    ("ending", "code"), [(KeyboardInterrupt("Stopped at update 3"), 130), (NumericalError("It blew up."), 2)]
)
def test_what_was_learned_until_it_ended_badly_can_be_judged(capsys, tmp_path, monkeypatch, ending, code):
    def until(*args, **kwargs):
        train(*args, **kwargs)
        raise ending

    monkeypatch.setattr("aira_agents.cli.train.train", until)
    _fails(capsys, ["train", "foraging", "--steps", "40", "--results", str(tmp_path), *SMALL], code)
    (folder,) = tmp_path.iterdir()
    main(["evaluate", "foraging", "--policy", str(folder), "--episodes", "2"])
    assert "4 lives in 2 episodes" in capsys.readouterr().out


@pytest.mark.slow
def test_a_run_goes_on_by_its_folder(trained):
    assert "trained 80 steps" in aira("train", "--resume", str(trained), "--steps", "80").stdout
    assert [row[0] for row in read_rows(trained / "metrics.csv")[1]] == ["1", "2", "3", "4", "5"]


def test_a_config_that_is_no_config_is_refused(capsys, tmp_path):
    (tmp_path / "config.json").write_text('{"world":')
    assert "not the config of a training run" in _fails(capsys, ["train", "--resume", str(tmp_path)])


def test_a_learning_curve_is_drawn(trained, tmp_path):
    assert draw_metrics(trained / "metrics.csv", tmp_path / "curve.png").read_bytes()[:4] == b"\x89PNG"


def test_a_curve_of_nothing_is_refused(tmp_path):
    (tmp_path / "metrics.csv").write_text("update,steps,seconds,reward\n")
    with pytest.raises(InputError, match="nothing to draw"):
        draw_metrics(tmp_path / "metrics.csv", tmp_path / "curve.png")


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
    said = capsys.readouterr().out
    assert f"kept in {os.environ['JAX_COMPILATION_CACHE_DIR']}." in said and "Nothing is wrong." in said


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError("Unable to allocate 745 GiB"), "not enough memory"),
        (RuntimeError("RESOURCE_EXHAUSTED: allocating 8 bytes"), "not enough memory"),
        (RuntimeError("INTERNAL: Out of memory allocating 8 bytes"), "not enough memory"),
        (OverflowError("Python int too large to convert"), "A number is too large"),
    ],
)
def test_what_asks_for_too_much_is_one_line_and_debug_shows_it_whole(capsys, error, told):
    def command(arguments):
        raise error

    with pytest.raises(SystemExit) as left:
        guarded(command, [])
    assert left.value.code == 2 and told in capsys.readouterr().err
    with pytest.raises(type(error)):
        guarded(command, ["--debug"])


@pytest.mark.parametrize(
    ("there", "arguments"),
    [
        ("clip.png", ["record", "foraging", "--steps", "1", "--out", "clip.png"]),
        ("table.png", ["sweep", "segregation", "--vary", "homophily=0.1,0.5", "--out", "table.csv"]),
    ],
)
def test_a_picture_that_is_there_is_not_replaced_unasked(capsys, tmp_path, monkeypatch, there, arguments):
    monkeypatch.chdir(tmp_path)
    (tmp_path / there).write_text("mine")
    assert "say `--overwrite`" in _fails(capsys, arguments)
    assert (tmp_path / there).read_text() == "mine"
