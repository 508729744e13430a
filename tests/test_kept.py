"""Compiled programs are kept for the next command, and what came to harm there harms nobody."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aira_agents.cli import kept
from aira_agents.cli.kept import SETTINGS, WHERE, keep_programs

EVALUATE = ["evaluate", "foraging", "--policy", "random", "--episodes", "4", "--seed", "3"]
KNOWN = ("JAX_", "XDG_", "AIRA_")


@pytest.fixture
def nothing_said(monkeypatch, tmp_path):
    """A user who has said nothing of caches, and whose JAX is not there yet."""
    for name in (WHERE, *SETTINGS):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(name, "")  # so that what the test sets is taken back
        del os.environ[name]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delitem(sys.modules, "jax")
    return tmp_path


@pytest.mark.skipif(sys.platform != "linux", reason="where a user's cache is differs between systems")
def test_programs_are_kept_in_the_users_cache_for_this_machine(nothing_said):
    keep_programs()
    folder = Path(os.environ[WHERE])
    assert folder.is_dir() and folder.is_relative_to(nothing_said / "aira_agents")
    assert {name: float(os.environ[name]) for name in SETTINGS} == SETTINGS


def test_who_has_said_where_is_obeyed(nothing_said, monkeypatch):
    monkeypatch.setenv(WHERE, "elsewhere")
    keep_programs()
    assert os.environ[WHERE] == "elsewhere" and not [*nothing_said.iterdir()]


@pytest.mark.skipif(sys.platform != "linux", reason="where a user's cache is differs between systems")
def test_where_nothing_can_be_written_nothing_is_kept(nothing_said, monkeypatch):
    (nothing_said / "aira_agents").write_text("in the way")
    keep_programs()
    assert WHERE not in os.environ
    (nothing_said / "aira_agents").unlink()
    monkeypatch.setattr(kept.os, "access", lambda folder, how: False)
    keep_programs()
    assert WHERE not in os.environ


@pytest.mark.skipif(sys.platform != "linux", reason="where a user's cache is differs between systems")
def test_a_scenario_that_has_imported_jax_keeps_its_programs_too(tmp_path):
    own = {name: value for name, value in os.environ.items() if not name.startswith(KNOWN)}
    code = "import jax; from aira_agents.cli.kept import keep_programs; keep_programs(); "
    code += "print(jax.config.jax_compilation_cache_dir, jax.config.jax_compilation_cache_max_size)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=own | {"XDG_CACHE_HOME": str(tmp_path)}, capture_output=True, text=True
    )
    folder, most = done.stdout.split()
    assert Path(folder).is_relative_to(tmp_path) and int(most) == SETTINGS["JAX_COMPILATION_CACHE_MAX_SIZE"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="where a user's cache is differs between systems")
def test_a_second_command_compiles_nothing_and_one_with_spoilt_files_says_the_same(tmp_path):
    def evaluate():
        own = {name: value for name, value in os.environ.items() if not name.startswith(KNOWN)}
        command = [sys.executable, "-c", "from aira_agents.cli.main import main; main()", *EVALUATE]
        done = subprocess.run(
            command, env=own | {"XDG_CACHE_HOME": str(tmp_path)}, capture_output=True, text=True, timeout=300
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    first = evaluate()
    (folder,) = (tmp_path / "aira_agents" / "programs").iterdir()
    programs = {path: path.stat().st_mtime_ns for path in folder.glob("*-cache")}
    assert programs
    assert evaluate() == first
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*-cache")} == programs
    for path in programs:
        path.write_bytes(path.read_bytes()[:100])  # as a killed process leaves it
    assert evaluate() == first
