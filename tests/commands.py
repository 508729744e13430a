"""The command `aira`, run for tests."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aira_agents.cli.main import main

ROOT = Path(__file__).parents[1]


def fails(capsys, arguments, code=2):
    """Runs `aira` with what it must refuse in one line; returns the line."""
    with pytest.raises(SystemExit) as leaving:
        main(arguments)
    told = capsys.readouterr().err
    assert leaving.value.code == code
    assert "Traceback" not in told
    assert len(told.strip().splitlines()) == 1
    return told


def python(*arguments, cwd=ROOT):
    """Runs Python in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, timeout=60
    )
