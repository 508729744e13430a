"""How what was handed in is laid out: what counts as a submission, and one clear line for whatever does not."""

import json
import zipfile

import pytest
from courts import UP, written

from aira_agents.assignments.faults import SubmissionError
from aira_agents.assignments.submission import find_submissions, lay_out
from aira_agents.errors import InputError


def _laid_out(tmp_path, path, **options):
    into = tmp_path / "laid out"
    into.mkdir()
    lay_out(path, into, 2, **options)
    return into


@pytest.mark.parametrize("whole", [True, False])
def test_a_notebook_may_have_modules_and_drafts_beside_it(tmp_path, whole):
    cells = [{"cell_type": "code", "source": "from helpers import act"}]
    folder = written(tmp_path / "submission", json.dumps({"cells": cells}), "policy.ipynb")
    written(written(folder, UP, "helpers.py"), "{}", "draft.ipynb")
    into = _laid_out(tmp_path, folder if whole else folder / "policy.ipynb", with_modules=True)
    assert "from helpers import act" in (into / "policy.py").read_text()
    assert (into / "helpers.py").read_text() == UP


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"a.py": UP, "b.py": UP}, "a.py, b.py"),
        ({"policy.py": UP, "policy.ipynb": "{}"}, "policy.ipynb, policy.py"),
        ({}, "It is empty. Hand in a policy.py"),
        ({"readme.txt": "hello"}, "no policy.py in it, only readme.txt"),
        ({"policy.ipynb": "not json"}, "is no notebook"),
        ({"policy.py": "# caf\udce9\n" + UP}, "not text in UTF-8 (see line 1)"),
        ({"policy.py": UP, "big.bin": "x" * 3 * 2**20}, "3 MB unpacked; at most 2 MB"),
    ],
)
def test_what_is_no_submission_is_told_in_one_line(tmp_path, files, told):
    folder = tmp_path / "submission"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(SubmissionError) as fault:
        _laid_out(tmp_path, folder)
    assert fault.value.state == "INVALID"
    assert told in fault.value.told


def test_a_link_is_not_followed(tmp_path):
    folder = written(tmp_path / "submission", UP)
    (folder / "seeds.toml").symlink_to("/etc/passwd")
    with pytest.raises(SubmissionError, match="link"):
        _laid_out(tmp_path, folder)


def _archive(path, entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def test_an_archive_of_a_folder_is_unpacked(tmp_path):
    archive = _archive(tmp_path / "anna.zip", {"week 1/policy.py": UP, "__MACOSX/week 1/._policy.py": "junk"})
    assert (_laid_out(tmp_path, archive) / "policy.py").read_text() == UP


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ({"policy.py": UP, "zeros": bytes(50 * 2**20)}, "50 MB unpacked"),
        ({"../../policy.py": UP}, "outside its folder"),
        ({f"file{i}.txt": "x" for i in range(600)}, "600 files"),
    ],
)
def test_a_bomb_is_not_unpacked(tmp_path, entries, told):
    with pytest.raises(SubmissionError, match=told):
        _laid_out(tmp_path, _archive(tmp_path / "anna.zip", entries))


def test_a_bomb_that_lies_about_its_size_is_not_unpacked(tmp_path):
    archive = _archive(tmp_path / "anna.zip", {"zeros": bytes(10 * 2**20)})
    true, told = (size.to_bytes(4, "little") for size in (10 * 2**20, 10))
    data = archive.read_bytes().replace(true, told)
    archive.write_bytes(data)
    with pytest.raises(SubmissionError, match=r"cannot be unpacked|less than it holds"):
        _laid_out(tmp_path, archive)


def test_a_truncated_archive_is_told(tmp_path):
    archive = _archive(tmp_path / "anna.zip", {"policy.py": UP})
    archive.write_bytes(archive.read_bytes()[:40])
    with pytest.raises(SubmissionError, match="cannot be unpacked"):
        _laid_out(tmp_path, archive)


def test_submissions_are_found_by_name_and_nothing_else_is(tmp_path):
    for name in ("anna.py", "bob.ipynb", "notes.txt", ".hidden.py"):
        (tmp_path / name).write_text("")
    (tmp_path / "anna").mkdir()
    assert [one.name for one in find_submissions(tmp_path)] == ["anna", "anna.py", "bob"]
    with pytest.raises(InputError, match="no folder"):
        find_submissions(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no submissions"):
        find_submissions(tmp_path / "anna")
