"""The host loop records every update once, stops where it should, and lets people in."""

import os
import signal
import sys
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toy_learner import toy_learner

from aira_agents.errors import CorruptFileError, InputError, NumericalError
from aira_agents.learning.checkpoint import load_checkpoint
from aira_agents.learning.train import train

TOY = toy_learner()


def _column(folder: Path, name: str) -> list[str]:
    header, *rows = [line.split(",") for line in (folder / "metrics.csv").read_text().splitlines()]
    return [row[header.index(name)] for row in rows]


def test_steps_are_rounded_up_to_whole_updates_and_each_has_a_row(tmp_path):
    trained = train(TOY, n_steps=95, folder=tmp_path)
    assert (trained.updates, trained.steps) == (10, 100)
    assert _column(tmp_path, "update") == [str(i) for i in range(1, 11)]
    assert _column(tmp_path, "steps")[-1] == "100"
    assert trained.last["reward"] == pytest.approx(float(_column(tmp_path, "reward")[-1]))


def test_what_was_not_measured_is_blank(tmp_path):
    train(TOY, n_steps=20, folder=tmp_path)
    assert _column(tmp_path, "return") == ["", "1"]


def test_the_number_of_updates_in_a_dispatch_changes_no_number():
    runs = [train(TOY, n_steps=300, updates_per_dispatch=count) for count in (1, 7, None)]
    for run in runs[1:]:
        np.testing.assert_array_equal(run.policies["toy"].layers[0].weight, runs[0].policies["toy"].layers[0].weight)


def test_the_toy_learns_and_another_seed_differs():
    one, other = train(TOY, n_steps=2000), train(TOY, n_steps=2000, seed=1)
    assert one.last["loss"] < 0.1
    assert not np.array_equal(one.state.worlds, other.state.worlds)


def test_people_are_let_in_between_updates():
    def add_one(state):
        return eqx.tree_at(lambda s: s.worlds, state, state.worlds + 1.0)

    plain = train(TOY, n_steps=100, updates_per_dispatch=2)
    visited = train(TOY, n_steps=100, updates_per_dispatch=2, between=add_one)
    np.testing.assert_allclose(visited.state.worlds - plain.state.worlds, 4.0, rtol=1e-5)  # 5 dispatches, 4 gaps


def test_numbers_that_blow_up_stop_training_at_the_last_good_checkpoint(tmp_path):
    with pytest.raises(NumericalError, match=r"In update 31 .* last good checkpoint, of update 20"):
        train(toy_learner(blows_up_at=30), n_steps=1000, folder=tmp_path, checkpoint_every_updates=20)
    state, progress = load_checkpoint(tmp_path, TOY.init(jax.random.key(0)))
    assert progress.update == 20
    assert bool(jnp.all(jnp.isfinite(state.policy.layers[0].weight)))
    assert len(_column(tmp_path, "update")) == 31  # the last row shows how it ended
    assert train(TOY, n_steps=400, folder=tmp_path, resume=True).updates == 40


def test_ctrl_c_saves_and_says_how_to_go_on(tmp_path):
    def press(state):
        os.kill(os.getpid(), signal.SIGINT)
        return state

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt, match=r"Stopped at update 3 of 100, saved in .* Go on with"):
        train(TOY, n_steps=1000, folder=tmp_path, updates_per_dispatch=3, between=press)
    assert signal.getsignal(signal.SIGINT) is before
    resumed = train(TOY, n_steps=1000, folder=tmp_path, resume=True)
    np.testing.assert_array_equal(resumed.state.worlds, train(TOY, n_steps=1000).state.worlds)
    assert _column(tmp_path, "update") == [str(i) for i in range(1, 101)]


def test_a_second_run_never_overwrites_the_first(tmp_path):
    train(TOY, n_steps=100, folder=tmp_path)
    with pytest.raises(InputError, match="holds a training run already"):
        train(TOY, n_steps=100, folder=tmp_path)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"n_steps": 0}, "Training takes 1 to 21,474,836,470 environment steps"),
        ({"updates_per_dispatch": 0}, "at least 1 update"),
        ({"checkpoint_every_s": -1.0}, "positive distance"),
        ({"checkpoint_every_updates": 0}, "positive distance"),
        ({"resume": True}, "must name the folder"),
        ({"tensorboard": True}, "must name the folder"),
    ],
)
def test_nonsense_is_refused_before_any_training(asked, message):
    with pytest.raises(InputError, match=message):
        train(TOY, **{"n_steps": 10, **asked})


def test_a_resume_with_another_seed_is_refused(tmp_path):
    train(TOY, n_steps=100, folder=tmp_path)
    with pytest.raises(InputError, match="begun with seed 0; got seed 1"):
        train(TOY, n_steps=200, folder=tmp_path, seed=1, resume=True)


def test_a_table_with_missing_rows_is_not_gone_on_with(tmp_path):
    train(TOY, n_steps=100, folder=tmp_path)
    lines = (tmp_path / "metrics.csv").read_text().splitlines(keepends=True)
    (tmp_path / "metrics.csv").write_text("".join(lines[:4] + lines[5:]))
    with pytest.raises(CorruptFileError, match=r"lacks rows: expected updates 1\.\.10"):
        train(TOY, n_steps=200, folder=tmp_path, resume=True)


def test_an_unwritable_folder_is_refused_before_any_training(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(InputError, match="Cannot write to"):
        train(TOY, n_steps=10, folder=tmp_path / "file")


def test_tensorboard_files_are_written_if_asked_for(tmp_path):
    train(TOY, n_steps=100, folder=tmp_path, tensorboard=True)
    assert list((tmp_path / "tensorboard").glob("events*"))


def test_without_tensorboard_installed_the_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(InputError, match=r"pip install 'aira-agents\[tensorboard\]'"):
        train(TOY, n_steps=100, folder=tmp_path, tensorboard=True)
    assert [*tmp_path.iterdir()] == []  # the folder can be used for the next attempt
