"""`aira sweep`: a table that is whole or goes on, whatever happens on the way."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from shell import free_address

from aira_agents.cli.sweep import sweep_command
from aira_agents.errors import CorruptFileError, InputError

SMALL = [
    "foraging",
    "--vary",
    "food_at_start=0.1:0.5:3",
    "--vary",
    "n_agents=3",
    "--vary",
    "width=6",
    "--vary",
    "height=5",
]
HERE = {**os.environ, "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(Path(__file__).parents[1])}

# Two nodes on this machine; the second is killed as soon as there are rows.
LAUNCHER = """
import sys, threading, time
from pathlib import Path
import ray
from ray.cluster_utils import Cluster
from aira_agents.cli.sweep import sweep_command

out = Path(sys.argv[1])
parts = out.with_name("table.csv.parts")
options = dict(num_cpus=1, object_store_memory=80_000_000)
cluster = Cluster(initialize_head=True, head_node_args=options | {"include_dashboard": False})
doomed = cluster.add_node(**options)
ray.init(address=cluster.address, log_to_driver=False)
died = []

def kill():
    while len([*parts.glob("[0-9]*.csv")]) < 3:
        time.sleep(0.02)
    left = not out.exists()
    cluster.remove_node(doomed, allow_graceful=False)
    died.append(left)

threading.Thread(target=kill, daemon=True).start()
sweep_command([*sys.argv[2:], "--engine", "ray", "--out", str(out)])
assert died == [True], "the sweep was over before the node died"
assert "jax" not in sys.modules
ray.shutdown()
cluster.shutdown()
print("killed a node, imported no JAX")
"""


def command(*arguments):
    return [sys.executable, "-m", "aira_agents.cli.main", "sweep", *map(str, arguments)]


def test_a_table_and_a_picture_are_left_and_a_sentence_says_what_came_of_it(tmp_path, capsys):
    out = tmp_path / "table.parquet"
    sweep_command([*SMALL, "--seeds", "2", "--steps", "5", "--out", str(out), "--show", "mean_food"])
    told = capsys.readouterr().out
    assert "3 settings x 2 seeds = 6 runs of 5 steps" in told
    assert re.search(r"food_at_start 0.1: \S+ \[\S+, \S+\], 2 runs", told)
    table = pd.read_parquet(out)
    assert table["run"].tolist() == list(range(6))
    assert table["seed"].tolist() == [0, 1] * 3
    with Image.open(out.with_suffix(".png")) as picture:
        assert len(picture.convert("RGB").getcolors(10**6)) > 10
    assert not out.with_name("table.parquet.parts").exists()
    with pytest.raises(InputError, match="--overwrite"):
        sweep_command([*SMALL, "--seeds", "2", "--steps", "5", "--out", str(out)])
    sweep_command([*SMALL, "--seeds", "1", "--steps", "5", "--out", str(out), "--overwrite"])
    assert len(pd.read_parquet(out)) == 3
    assert re.search(r"food_at_start 0.1: \S+, one run\n", capsys.readouterr().out)


@pytest.mark.slow
def test_killed_and_resumed_on_another_number_of_devices_it_leaves_the_same_table(tmp_path):
    whole, cut = tmp_path / "whole.csv", tmp_path / "cut.csv"
    options = [
        *SMALL,
        "--vary",
        "regrowth=0.1,0.2",
        "--seeds",
        60,
        "--steps",
        300,
        "--at-once",
        4,
        "--policy",
        "greedy",
    ]
    process = subprocess.Popen(command(*options, "--out", cut, "--devices", 2), env=HERE, stdout=subprocess.DEVNULL)
    parts = tmp_path / "cut.csv.parts"
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None and len([*parts.glob("[0-9]*.csv")]) < 4:
            time.sleep(0.005)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not cut.exists()
    done = len([*parts.glob("[0-9]*.csv")])
    assert 4 <= done < 90
    told = subprocess.run(
        command(*options, "--out", cut, "--devices", 1, "--resume"), env=HERE, capture_output=True, text=True
    )
    assert f"{4 * done} runs are there already" in " ".join(told.stdout.split())
    sweep_command([*map(str, options[:-4]), "--at-once", "128", "--policy", "greedy", "--out", str(whole)])
    assert cut.read_bytes() == whole.read_bytes()


@pytest.mark.slow
def test_what_is_done_is_kept_when_the_disk_is_full(tmp_path):
    out = tmp_path / "table.csv"
    options = [*SMALL, "--seeds", 4, "--steps", 5, "--at-once", 4, "--out", out]
    one_kilobyte = ["bash", "-c", 'ulimit -f 1; exec "$@"', "bash"]
    full = subprocess.run([*one_kilobyte, *command(*options)], env=HERE, capture_output=True, text=True)
    assert full.returncode == 2
    assert "Cannot write to" in full.stderr and "Traceback" not in full.stderr
    assert not out.exists()
    sweep_command([*map(str, options), "--resume"])
    assert len(pd.read_csv(out)) == 12


def test_parts_of_another_sweep_and_torn_ones_are_refused(tmp_path):
    out = tmp_path / "table.csv"
    parts = tmp_path / "table.csv.parts"
    parts.mkdir()
    (parts / "sweep.json").write_text("{}")
    with pytest.raises(InputError, match="unfinished sweep"):
        sweep_command([*SMALL, "--out", str(out)])
    with pytest.raises(InputError, match="another sweep"):
        sweep_command([*SMALL, "--out", str(out), "--resume"])
    (parts / "sweep.json").write_text("torn")
    with pytest.raises(CorruptFileError, match="cannot be read"):
        sweep_command([*SMALL, "--out", str(out), "--resume"])


@pytest.mark.slow
def test_two_hosts_leave_the_table_of_one(tmp_path):
    options = [*SMALL, "--seeds", "5", "--steps", "20", "--at-once", "4", "--policy", "greedy"]
    together = [*options, "--devices", "1", "--hosts", "2", "--coordinator", free_address()]
    hosts = [
        subprocess.Popen(
            command(*together, "--host", host, "--out", tmp_path / f"of_{host}.csv"),
            env=HERE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for host in (0, 1)
    ]  # fmt: skip
    told = [host.communicate(timeout=120) for host in hosts]
    assert [host.returncode for host in hosts] == [0, 0], told
    sweep_command([*options, "--out", str(tmp_path / "whole.csv")])
    assert (tmp_path / "of_0.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert not (tmp_path / "of_1.csv").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("other", "first_says", "second_says"),
    [
        (["--seeds", "6"], "All hosts must be given the same settings", "All hosts must be given the same settings"),
        (["--show", "nothing"], "Unknown measure 'nothing'", "Another host refused this sweep"),
    ],
)
def test_what_one_of_two_hosts_refuses_ends_both_with_a_line(tmp_path, other, first_says, second_says):
    together = [*SMALL, "--steps", "5", "--devices", "1", "--hosts", "2", "--coordinator", free_address()]
    hosts = [
        subprocess.Popen(
            command(*together, *own, "--host", host, "--out", tmp_path / f"of_{host}.csv"),
            env=HERE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for host, own in ((0, other), (1, []))
    ]  # fmt: skip
    said = [host.communicate(timeout=60)[1] for host in hosts]
    assert [host.returncode for host in hosts] == [2, 2]
    assert said[0].startswith(first_says) and said[1].startswith(second_says), said


@pytest.mark.slow
def test_every_row_is_there_once_though_a_node_of_the_cluster_dies(tmp_path):
    out = tmp_path / "table.csv"
    whole = tmp_path / "whole.csv"
    options = [*SMALL, "--seeds", "24", "--steps", "200", "--at-once", "4", "--policy", "greedy"]
    told = subprocess.run(
        [sys.executable, "-c", LAUNCHER, str(out), *options], env=HERE, capture_output=True, text=True, timeout=240
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout.endswith("killed a node, imported no JAX\n")
    sweep_command([*options, "--out", str(whole)])
    assert out.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "needs the name of a world"),
        (["forging", "--out", "t.csv"], "Did you mean 'foraging'"),
        (["foraging"], "--out PATH"),
        (["foraging", "--out", "t.xlsx"], "must end in .parquet or .csv"),
        (["foraging", "--out", "t.csv", "--vary", "food_at_start"], "NAME=LOW:HIGH:COUNT"),
        (["foraging", "--out", "t.csv", "--vary", "food_at_start=1", "--vary", "food_at_start=2"], "varied twice"),
        (["foraging", "--out", "t.csv", "--vary", "food_at_strat=1"], "Did you mean 'food_at_start'"),
        (["foraging", "--out", "t.csv", "--seeds", "0"], "`--seeds` must be"),
        (["foraging", "--out", "t.csv", "--at-once", "-1"], "`--at-once` must be"),
        (["foraging", "--out", "t.csv", "--resume", "--overwrite"], "give one of them"),
        (["foraging", "--out", "t.csv", "--hosts", "2"], "needs `--coordinator"),
        (["foraging", "--out", "t.csv", "--policy", "greedi"], "greedy"),
        (["foraging", "--out", "t.csv", "--show", "mean_fod"], "Did you mean 'mean_food'"),
        (["foraging", "--out", "t.csv", "--seeds", "300000000"], "`--seeds` must be at most"),
        (["foraging", "--out", "t.csv", "--learner", "ppo", "--policy", "greedy"], "give one of them"),
        (["foraging", "--out", "t.csv", "--train-steps", "5"], "name one, such as `--learner ppo`"),
        (
            ["foraging", "--out", "t.csv", "--workers", "2"],
            "is for `--engine processes`; got it with the engine `local`",
        ),
        (["foraging", "--out", "t.csv", "--address", "a:1"], "is for `--engine ray`; got it with the engine `local`"),
        (["foraging", "--out", "t.csv", "--devices", "2", "--engine", "processes"], "is for the engine `local`"),
    ],
)
def test_nonsense_is_told_in_one_line_and_leaves_nothing_behind(tmp_path, monkeypatch, arguments, told):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=told):
        sweep_command(arguments)
    assert list(tmp_path.iterdir()) == []


def test_what_is_to_be_overwritten_stays_until_the_new_sweep_is_known_to_be_sound(tmp_path):
    out, parts = tmp_path / "table.csv", tmp_path / "table.csv.parts"
    parts.mkdir()
    (parts / "000000000000.csv").write_text("rows of hours")
    with pytest.raises(InputError, match="Did you mean"):
        sweep_command([*SMALL, "--vary", "regrowht=0.5", "--overwrite", "--out", str(out)])
    assert (parts / "000000000000.csv").read_text() == "rows of hours"


def test_who_found_no_room_is_told_of(tmp_path, capsys):
    flock = ["flocking", "--vary", "neighbours=cells", "--vary", "room=1", "--seeds", "1", "--steps", "2"]
    sweep_command([*flock, "--vary", "n_birds=300", "--out", str(tmp_path / "t.csv")])
    assert "In 1 runs somebody was not seen" in " ".join(capsys.readouterr().out.split())
