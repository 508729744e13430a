"""Rules of the house that no other tool checks."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("aira_agents", "environments", "scenarios", "viz", "tests", "benchmarks")
FILES = [path for folder in FOLDERS for kind in ("py", "js") for path in (ROOT / folder).rglob(f"*.{kind}")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_one_idea_of_at_most_300_lines(path):
    assert len(path.read_text().splitlines()) <= 300


def test_the_lock_pins_every_package_and_names_no_index():
    lines = [
        line for line in (ROOT / "requirements.lock").read_text().splitlines() if line and not line.startswith("#")
    ]
    assert lines
    assert all("==" in line for line in lines)
    assert not any("://" in line or line.startswith("-") for line in lines)
