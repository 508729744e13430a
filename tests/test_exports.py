"""Exports are read by the tools they are for, and come back with all that counted."""

import importlib
import json
import sys

import numpy as np
import pandas as pd
import pytest
from recorded import carts, meadow, rooms, wildlife

from aira_agents.data.episodes import arrays_of
from aira_agents.data.minari_files import export_minari, import_minari
from aira_agents.data.parquet import export_parquet, import_parquet
from aira_agents.errors import CorruptFileError, InputError
from environments.predator_prey import PREY

ALL = pytest.mark.parametrize("recorded", [meadow, carts, wildlife, rooms])


def assert_same_where_it_counts(one, other):
    assert one.interfaces == other.interfaces
    for mine, theirs in zip(one.episodes, other.episodes, strict=True):
        assert mine.provenance == theirs.provenance
        for role, track in mine.tracks.items():
            assert_same_lives(track, theirs.tracks[role])


def assert_same_lives(track, other):
    arrays, others = arrays_of(track), arrays_of(other)
    assert arrays.keys() == others.keys()
    np.testing.assert_array_equal(track.active, other.active)
    seen_last = track.active[-1] & track.truncated[-1]
    for name, array in arrays.items():
        assert array.dtype == others[name].dtype and array.shape == others[name].shape
        where = seen_last if name == "final" else track.active
        where = where & track.fresh if name == "parent" else where
        np.testing.assert_array_equal(array[where], others[name][where])


@ALL
def test_parquet_gives_back_every_decision(recorded, tmp_path):
    data = recorded()
    export_parquet(data, tmp_path)
    assert_same_where_it_counts(data, import_parquet(tmp_path))


def test_a_table_is_readable_by_anybody(tmp_path):
    (path,) = export_parquet(carts(), tmp_path)
    table = pd.read_parquet(path)
    decisions = table[~table.after_end]
    assert len(decisions) == carts().n_samples
    assert {"feature: angle_rad", "action: push", "reward", "uid"} <= {*table.columns}
    assert decisions.groupby("episode").size().tolist() == [episode.n_steps for episode in carts().episodes]
    assert decisions["feature: angle_rad"].iloc[0] == carts().episodes[0].tracks["cart"].features[0, 0, 2]


@ALL
def test_minaris_format_gives_back_every_life(recorded, tmp_path):
    data = recorded()
    paths = export_minari(data, tmp_path)
    assert len(paths) == len(data.interfaces)
    assert_same_where_it_counts(data, import_minari(paths[0].parents[1]))


@pytest.mark.parametrize(("recorded", "role"), [(meadow, "forager"), (wildlife, PREY), (rooms, "thermostat")])
def test_minari_itself_opens_it(recorded, role, tmp_path, monkeypatch):
    data = recorded()
    minari = importlib.import_module("minari")  # slow to import, and only this test needs it
    export_minari(data, tmp_path)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    world = data.episodes[0].provenance.world
    opened = minari.load_dataset(f"{world}/{role}-v0")
    tracks = [episode.tracks[role] for episode in data.episodes]
    assert opened.total_steps == sum(track.n_samples for track in tracks)
    assert opened.total_episodes == sum(int((track.fresh & track.active).sum()) for track in tracks)
    for life in opened.iterate_episodes():
        assert len(life.observations) == len(life.actions) + 1 == len(life.rewards) + 1
        assert opened.observation_space.contains(life.observations[0])
        assert opened.action_space.contains(life.actions[0])
        ends = life.terminations | life.truncations
        assert ends.tolist() == [False] * (len(ends) - 1) + [True]
    assert sum(life.rewards.sum() for life in opened.iterate_episodes()) == pytest.approx(
        sum(float(track.reward[track.active].sum()) for track in tracks), abs=1e-3
    )


@pytest.mark.parametrize("export", [export_parquet, export_minari])
def test_nothing_is_not_exported(export, tmp_path):
    with pytest.raises(InputError, match="no episode to export"):
        export(meadow().filter(lambda e: False), tmp_path)


def test_what_is_truncated_missing_or_foreign_is_one_clear_line(tmp_path):
    with pytest.raises(InputError, match="no Parquet file"):
        import_parquet(tmp_path)
    with pytest.raises(InputError, match="no dataset of Minari"):
        import_minari(tmp_path)
    first, _ = export_parquet(wildlife(), tmp_path / "tables")
    whole = first.read_bytes()
    first.write_bytes(whole[:100])
    with pytest.raises(CorruptFileError, match="truncated or not a Parquet file"):
        import_parquet(tmp_path / "tables")
    first.unlink()
    with pytest.raises(CorruptFileError, match="lacks a role"):
        import_parquet(tmp_path / "tables")
    pd.DataFrame({"x": [1]}).to_parquet(tmp_path / "foreign.parquet")
    with pytest.raises(CorruptFileError, match="not exported by aira_agents"):
        import_parquet(tmp_path)
    (data,) = export_minari(meadow(), tmp_path)
    file = data / "main_data.hdf5"
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(CorruptFileError, match="truncated or not an HDF5 file"):
        import_minari(data.parents[1])
    metadata = json.loads((data / "metadata.json").read_text())
    del metadata["aira_agents"]
    (data / "metadata.json").write_text(json.dumps(metadata))
    with pytest.raises(CorruptFileError, match="not exported by aira_agents"):
        import_minari(data.parents[1])


@pytest.mark.parametrize(("package", "export"), [("pyarrow", export_parquet), ("h5py", export_minari)])
def test_without_the_package_the_line_says_what_to_install(package, export, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=rf"needs the package {package}.*aira-agents\[data\]"):
        export(meadow(), tmp_path)
