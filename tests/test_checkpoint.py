"""What is saved is whole: killed, resumed, cut or foreign."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy
from toy_learner import toy_learner

from aira_agents.array_files import load_arrays, save_arrays
from aira_agents.errors import CorruptFileError, InputError
from aira_agents.learning.checkpoint import NAME, Progress, load_checkpoint
from aira_agents.learning.ppo import PPO
from aira_agents.learning.train import train
from aira_agents.policies.networks import Network
from environments.foraging import Foraging

TREE = {
    "weights": jnp.arange(6, dtype=jnp.float32).reshape(2, 3),
    "key": jax.random.key(3),
    "keys": jax.random.split(jax.random.key(4), 3),
    "flag": jnp.ones((), bool),
    "none": jnp.zeros((0, 4)),
    "function": jnp.tanh,
}

KILLED = """
import sys, time
from pathlib import Path
from test_checkpoint import RUNS
from aira_agents.learning.train import train

def look(state):
    time.sleep(0.02)
    return state

learner = RUNS[sys.argv[2]]()
train(learner, n_steps=2000 * learner.steps_per_update, seed=5, folder=Path(sys.argv[1]), checkpoint_every_updates=25,
      updates_per_dispatch=10, between=look)
"""


def ppo_with_memory():
    world, network = Foraging(n_agents=3, width=6, height=6, max_steps=7), Network("gru", hidden=(8,))
    ppo = PPO(n_worlds=4, n_steps=8, n_minibatches=2, critic_width=8, normalize=True)
    return ppo.learner(world, network.builders(world))


RUNS = {"toy": toy_learner, "ppo": ppo_with_memory}


def _same(one, other) -> bool:
    def numbers(tree):
        return [
            np.asarray(jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf)
            for leaf in jax.tree.leaves(eqx.filter(tree, eqx.is_array))
        ]

    return all(a.tobytes() == b.tobytes() for a, b in zip(numbers(one), numbers(other), strict=True))


def _rows(folder: Path) -> list[list[str]]:
    # Without the seconds, which no two runs share.
    lines = [line.split(",") for line in (folder / "metrics.csv").read_text().splitlines()]
    return [line[:2] + line[3:] for line in lines]


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_a_run_killed_in_the_middle_and_resumed_equals_an_unbroken_one_bit_for_bit(tmp_path, name):
    learner = RUNS[name]()
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1])])
    environment = {**os.environ, "PYTHONPATH": paths, "JAX_PLATFORMS": "cpu"}
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(killed), name], env=environment)
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            if (killed / "metrics.csv").exists() and len((killed / "metrics.csv").read_text().splitlines()) > 130:
                break
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    rows_at_death = len(_rows(killed)) - 1
    _, saved = load_checkpoint(killed, learner.init(jax.random.key(0)))
    assert 100 <= saved.update <= rows_at_death < 500

    n_steps = 500 * learner.steps_per_update
    resumed = train(learner, n_steps=n_steps, seed=5, folder=killed, resume=True)
    unbroken = train(learner, n_steps=n_steps, seed=5, folder=whole)
    assert _same(resumed.state, unbroken.state)
    assert _rows(killed) == _rows(whole)
    assert len(_rows(whole)) == 501


def test_arrays_come_back_as_they_were(tmp_path):
    save_arrays(tmp_path / "a", TREE, {"name": "toy"})
    for like in (TREE, eqx.filter_eval_shape(lambda: TREE)):
        loaded, record = load_arrays(tmp_path / "a", like)
        assert _same(loaded, TREE)
        assert loaded["function"] is jnp.tanh
        assert record == {"name": "toy"}


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_never_loaded(tmp_path, share):
    save_arrays(tmp_path / "a", TREE, {})
    whole = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(CorruptFileError, match="truncated"):
        load_arrays(tmp_path / "a", TREE)


def test_an_altered_number_is_noticed(tmp_path):
    save_arrays(tmp_path / "a", TREE, {})
    altered = bytearray((tmp_path / "a").read_bytes())
    altered[-1] ^= 1
    (tmp_path / "a").write_bytes(altered)
    with pytest.raises(CorruptFileError, match="altered"):
        load_arrays(tmp_path / "a", TREE)


def test_a_foreign_file_is_refused(tmp_path):
    safetensors.numpy.save_file({"weights": np.ones(2)}, tmp_path / "a")
    with pytest.raises(CorruptFileError, match="not written by this version"):
        load_arrays(tmp_path / "a", TREE)


def test_a_file_of_another_structure_names_the_difference(tmp_path):
    save_arrays(tmp_path / "a", TREE, {})
    with pytest.raises(CorruptFileError, match=r"expected float32\[5\] at \['weights'\], got float32\[2, 3\]"):
        load_arrays(tmp_path / "a", {**TREE, "weights": jnp.zeros(5)})


def test_a_checkpoint_that_fails_to_be_written_leaves_the_one_before(tmp_path, monkeypatch):
    first = train(toy_learner(), n_steps=100, folder=tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("aira_agents.results.os.replace", full)
        with pytest.raises(InputError, match="No space left"):
            train(toy_learner(), n_steps=200, folder=tmp_path, resume=True)
    loaded, progress = load_checkpoint(tmp_path, first.state)
    assert progress.update == 10
    assert _same(loaded, first.state)
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_a_missing_checkpoint_is_one_clear_line(tmp_path):
    with pytest.raises(InputError, match=f"expected a file {NAME}"):
        load_checkpoint(tmp_path, TREE)


def test_arrays_that_are_no_training_run_are_refused(tmp_path):
    save_arrays(tmp_path / NAME, TREE, {"name": "toy"})
    with pytest.raises(CorruptFileError, match="not a training run's"):
        load_checkpoint(tmp_path, TREE)


def test_progress_adds_up():
    assert Progress(1, 2, 3.0).after(4, 0.5) == Progress(1, 6, 3.5)
