"""Names stand for worlds, scenarios and learners; a broken one is one clear line."""

import json
import math
import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from aira_agents import registry
from aira_agents.errors import InputError
from aira_agents.results import results_folder, write_atomically, write_json


def _pretend(monkeypatch, *entries):
    found = EntryPoints(EntryPoint(name, value, "aira_agents.environments") for name, value in entries)
    monkeypatch.setattr(registry, "entry_points", lambda group: found)


@pytest.fixture(autouse=True)
def what_is_installed_is_asked_anew():
    registry._installed.cache_clear()
    yield
    registry._installed.cache_clear()


def test_a_world_is_found_by_its_name():
    assert registry.find_environment("foraging").__name__ == "Foraging"


def test_an_unknown_world_names_the_nearest_one():
    with pytest.raises(InputError, match=r"Unknown world 'foragin'\. Did you mean 'foraging'\?"):
        registry.find_environment("foragin")


def test_what_is_installed_is_asked_once_and_again_for_a_name_that_is_not_known(monkeypatch):
    _pretend(monkeypatch, ("mars", "json:JSONEncoder"))
    assert registry.names("world") == ["mars"]
    _pretend(monkeypatch, ("venus", "json:JSONDecoder"))
    assert registry.names("world") == ["mars"]
    assert registry.find_environment("venus") is json.JSONDecoder
    assert registry.names("world") == ["venus"]


def test_listing_names_and_summaries_imports_none_of_them(monkeypatch):
    _pretend(monkeypatch, ("antigravity", "antigravity:nothing"))
    assert registry.names("world") == ["antigravity"]
    assert isinstance(registry.summary("world", "antigravity"), str)
    assert "antigravity" not in sys.modules


def test_a_summary_is_the_first_line_of_the_file():
    assert registry.summary("world", "foraging").startswith("Foraging: agents on a grid")


@pytest.mark.parametrize("value", ["no_such_package:World", "json:no_such_name", "broken_world:World", "json:loads"])
def test_a_broken_entry_point_is_one_clear_line(monkeypatch, tmp_path, value):
    (tmp_path / "broken_world.py").write_text("raise RuntimeError('out of order')")
    monkeypatch.syspath_prepend(tmp_path)
    _pretend(monkeypatch, ("mars", value))
    with pytest.raises(
        InputError, match=r"The world 'mars' (cannot be loaded: .*Repair or uninstall|must be a class)"
    ) as caught:
        registry.find_environment("mars")
    assert "\n" not in str(caught.value)


def test_two_claims_to_one_name_are_refused_and_one_listed_twice_is_not(monkeypatch):
    _pretend(
        monkeypatch,
        ("mars", "json:JSONEncoder"),
        ("mars", "json:JSONDecoder"),
        ("venus", "json:JSONEncoder"),
        ("venus", "json:JSONEncoder"),
    )
    with pytest.raises(InputError, match="Two distributions claim the world 'mars'"):
        registry.find_environment("mars")
    assert registry.find_environment("venus") is json.JSONEncoder


def test_results_are_never_overwritten(tmp_path):
    folders = [results_folder("foraging", tmp_path / "results") for _ in range(3)]
    assert len(set(folders)) == 3
    assert [folder.name[-2:] for folder in folders[1:]] == ["-2", "-3"]


@pytest.mark.parametrize("name", ["../escape", "", "a b", "-x"])
def test_a_name_that_is_no_folder_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="name of results"):
        results_folder(name, tmp_path)


def test_a_place_that_cannot_be_written_to_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(InputError, match=r"Cannot write to .*file"):
        results_folder("foraging", tmp_path / "file")
    with pytest.raises(InputError, match="Cannot write to"):
        write_json(tmp_path / "file" / "config.json", {})


def test_json_holds_plain_values_and_no_half_is_left(tmp_path):
    write_json(tmp_path / "config.json", {"a": math.nan, "b": Path("x"), "c": (1, 2.5)})
    assert json.loads((tmp_path / "config.json").read_text()) == {"a": None, "b": "x", "c": [1, 2.5]}
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    target = tmp_path / "kept"
    write_atomically(target, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("aira_agents.results.os.fsync", full)
    with pytest.raises(InputError, match="No space left"):
        write_atomically(target, b"new")
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
