"""This library as a wheel, as it is here: what packed assignments install where no release can be had.

The assignments that ship are left out: with their solutions and hidden seeds they are for lecturers.

Source: the Python packaging user guide, "Binary distribution format", file contents and the `.dist-info` directory.
"""

import base64
import hashlib
import importlib.metadata
import zipfile
from importlib.util import find_spec
from pathlib import Path

NAME = "aira-agents"
WHEEL = "Wheel-Version: 1.0\nGenerator: aira_agents\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
FROM_RELEASE = ("METADATA", "entry_points.txt", "licenses/LICENSE")
NOT_FOR_STUDENTS = "scenarios/assignments/"
MOMENT = (2026, 1, 1, 0, 0, 0)  # the same content gives the same archive


def own_wheel() -> tuple[str, list[tuple[str, bytes]]]:
    """Returns the name of the wheel, and what is in it, by path; changes that were made to a source tree included."""
    found = importlib.metadata.distribution(NAME)
    stem = f"{NAME.replace('-', '_')}-{found.version}"
    entries = []
    for package in sorted({entry.module.split(".")[0] for entry in found.entry_points}):
        spec = find_spec(package)
        for root in map(Path, spec.submodule_search_locations or [] if spec else []):
            files = [f for f in sorted(root.rglob("*")) if f.is_file() and "__pycache__" not in f.parts]
            named = [(f.relative_to(root.parent).as_posix(), f) for f in files]
            entries += [(name, f.read_bytes()) for name, f in named if not name.startswith(NOT_FOR_STUDENTS)]
    info = f"{stem}.dist-info"
    entries += [(f"{info}/{file}", text.encode()) for file in FROM_RELEASE if (text := found.read_text(file))]
    entries.append((f"{info}/WHEEL", WHEEL.encode()))
    record = [f"{path},{_digest(content)},{len(content)}\n" for path, content in entries]
    entries.append((f"{info}/RECORD", "".join([*record, f"{info}/RECORD,,\n"]).encode()))
    return f"{stem}-py3-none-any.whl", entries


def archived(target: zipfile.ZipFile, entries: list[tuple[str, bytes]], executable: tuple[str, ...] = ()) -> None:
    """Writes files into an archive, by path, each as everybody may read it."""
    for path, content in entries:
        entry = zipfile.ZipInfo(path, date_time=MOMENT)
        entry.external_attr = (0o755 if path in executable else 0o644) << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        target.writestr(entry, content)


def _digest(content: bytes) -> str:
    digest = hashlib.sha256(content).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
