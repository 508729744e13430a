"""What a student handed in, laid out in a folder of its own: a file, a folder, an archive, a notebook, or weights.

What cannot be a submission is told in one line, as a fault of the submission, never of the grader.
"""

import io
import json
import shutil
import stat
import tokenize
import zipfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from aira_agents.assignments.faults import SubmissionError
from aira_agents.assignments.loading import MANIFEST, POLICY, WEIGHTS
from aira_agents.errors import InputError

NOTEBOOK = ".ipynb"
NAMED = f"policy{NOTEBOOK}"
MOST_FILES = 500
NO_MODULES = (POLICY, "solution.py")  # beside a file that is handed in by itself, these are no modules of it


class Submission(NamedTuple):
    """One student's."""

    name: str
    path: Path


def find_submissions(folder: Path) -> list[Submission]:
    """Returns what lies in `folder`, by name: a folder, archive or file for each student.

    Raises:
        InputError: There is no such folder, or nothing in it.
    """
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}; expected one with a file, folder or archive for each student.")
    found = [path for path in sorted(folder.iterdir()) if _is_submission(path)]
    if not found:
        raise InputError(f"{folder} holds no submissions: no folder, .py, {NOTEBOOK} or .zip.")
    stems = [path.stem if path.is_file() else path.name for path in found]
    names = [stem if stems.count(stem) == 1 else path.name for stem, path in zip(stems, found, strict=True)]
    return [Submission(name, path) for name, path in zip(names, found, strict=True)]


def lay_out(path: Path, into: Path, most_mb: int, *, with_modules: bool = False) -> None:
    """Copies a submission into the empty folder `into`, its policy under the name `policy.py`.

    Args:
        path: A file, folder or archive.
        into: Where to.
        most_mb: The most that it may hold, unpacked.
        with_modules: Takes the weights and modules beside a file, too: a student's own folder.

    Raises:
        SubmissionError: It is no submission: INVALID, in one line.
        InputError: There is nothing at `path`.
    """
    if not path.exists():
        raise InputError(f"There is no {path}; expected a {POLICY}, a notebook, a folder or an archive.")
    if path.is_dir():
        _copy_folder(path, into, most_mb)
        _choose(into)
    elif path.suffix == ".zip":
        _extract(path, into, most_mb)
        _choose(into)
    else:
        _copy_file(path, into, with_modules)
    if (into / POLICY).exists():
        _check_text(into / POLICY)
    for own in [into, *into.rglob("*")]:  # readable for a user of its own, whatever the archive said
        own.chmod(0o755 if own.is_dir() else 0o644)


def _is_submission(path: Path) -> bool:
    if path.name.startswith((".", "__")):
        return False
    return path.is_dir() or path.suffix in (".py", NOTEBOOK, ".zip")


def _invalid(told: str) -> SubmissionError:
    return SubmissionError("INVALID", told)


def _choose(folder: Path) -> None:
    """Makes the one policy in `folder` its `policy.py`."""
    files = {entry.name: entry for entry in _unwrapped(folder) if entry.is_file()}
    policies = _policies(files)
    if len(policies) > 1:
        raise _invalid(f"Two or more files could be the policy: {', '.join(sorted(policies))}. Hand in one, {POLICY}.")
    if policies and policies[0].endswith(NOTEBOOK):
        (folder / POLICY).write_text(_source(files[policies[0]]), "utf-8")
    elif policies:
        files[policies[0]].rename(folder / POLICY)
    elif not files:
        raise _invalid(f"It is empty. Hand in a {POLICY}, or {WEIGHTS} with {MANIFEST}.")
    elif not {WEIGHTS, MANIFEST} <= set(files):
        raise _invalid(f"There is no {POLICY} in it, only {', '.join(sorted(files))}.")


def _unwrapped(folder: Path) -> list[Path]:
    """Returns what lies in `folder`, after what an archive of a folder holds was taken out of that one."""
    entries = [entry for entry in folder.iterdir() if not entry.name.startswith((".", "__"))]
    if len(entries) == 1 and entries[0].is_dir():
        inner = entries[0].rename(folder / ".inner")
        for entry in inner.iterdir():
            entry.rename(folder / entry.name)
        inner.rmdir()
        entries = list(folder.iterdir())
    return entries


def _policies(files: Collection[str]) -> list[str]:
    """Returns the names that could be the policy's; modules and drafts beside one that has its name could not."""
    notebooks = [name for name in files if name.endswith(NOTEBOOK)]
    if POLICY in files:
        return [POLICY, *notebooks]
    return [NAMED] if NAMED in files else [name for name in files if name.endswith(".py")] + notebooks


def _source(notebook: Path) -> str:
    """Returns the code of a notebook's cells, without lines for the notebook itself (`%`, `!`)."""
    try:
        cells = json.loads(notebook.read_text("utf-8-sig"))["cells"]
        parts = []
        for number, cell in enumerate(cells, 1):
            if cell["cell_type"] == "code":
                lines = "".join(cell["source"]).splitlines()
                kept = ["" if line.lstrip().startswith(("%", "!")) else line for line in lines]
                parts.append("\n".join([f"# cell {number}", *kept]))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _invalid(f"{notebook.name} is no notebook: {type(error).__name__}: {error}.") from None
    return "\n\n".join(parts) + "\n"


def _check_text(path: Path) -> None:
    data = path.read_bytes()
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        data.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError):
        line = data[: _first_wrong(data)].count(b"\n") + 1
        raise _invalid(f"{POLICY} is not text in UTF-8 (see line {line}). Save it as UTF-8.") from None


def _first_wrong(data: bytes) -> int:
    try:
        data.decode("utf-8")
        return 0  # it declares an encoding that there is not
    except UnicodeDecodeError as error:
        return error.start


def _copy_file(path: Path, into: Path, with_modules: bool) -> None:
    for beside in path.parent.iterdir() if with_modules else ():
        module = beside.suffix == ".py" and beside.name not in NO_MODULES
        if beside != path and beside.is_file() and (module or beside.name in (WEIGHTS, MANIFEST)):
            shutil.copyfile(beside, into / beside.name)
    if path.suffix == ".py":
        shutil.copyfile(path, into / POLICY)
    elif path.suffix == NOTEBOOK:
        (into / POLICY).write_text(_source(path), "utf-8")
    else:
        shutil.copyfile(path, into / path.name)
        _choose(into)


def _copy_folder(path: Path, into: Path, most_mb: int) -> None:
    files = [file for file in sorted(path.rglob("*")) if not _is_aside(file.relative_to(path))]
    for file in files:
        mode = file.lstat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise _invalid(f"{file.name} is a link or a device; only plain files can be handed in.")
    _check_sizes([file.lstat().st_size for file in files if file.is_file()], most_mb)
    for file in files:
        target = into / file.relative_to(path)
        if file.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)


def _is_aside(path: Path) -> bool:
    """Says whether it is none of the submission: what editors, Git and Python leave."""
    return any(part.startswith(".") or part in ("__pycache__", "__MACOSX") for part in path.parts)


def _check_sizes(sizes: Sequence[int], most_mb: int) -> None:
    if len(sizes) > MOST_FILES:
        raise _invalid(f"It holds {len(sizes)} files; at most {MOST_FILES} are taken.")
    if sum(sizes) > most_mb * 2**20:
        raise _invalid(f"It is {sum(sizes) / 2**20:.0f} MB unpacked; at most {most_mb} MB are taken.")


def _extract(archive: Path, into: Path, most_mb: int) -> None:
    try:
        with zipfile.ZipFile(archive) as file:
            entries = [
                e for e in file.infolist() if not e.is_dir() and not _is_aside(Path(e.filename.replace("..", "_")))
            ]
            _check_sizes([entry.file_size for entry in entries], most_mb)
            for entry in entries:
                _extract_one(file, entry, into)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError) as error:
        raise _invalid(f"{archive.name} cannot be unpacked: {error}.") from None


def _extract_one(file: Any, entry: zipfile.ZipInfo, into: Path) -> None:
    target = into / entry.filename
    if not target.resolve().is_relative_to(into.resolve()):
        raise _invalid(f"The archive would write outside its folder: {entry.filename}.")
    target.parent.mkdir(parents=True, exist_ok=True)
    # No more than the archive says of itself: a bomb lies about its size. What is a link becomes a plain file.
    with file.open(entry) as source, target.open("wb") as copy:
        left = entry.file_size
        while left and (part := source.read(min(left, 2**20))):
            copy.write(part)
            left -= len(part)
        if source.read(1):
            raise _invalid(f"The archive says less than it holds: {entry.filename}.")
