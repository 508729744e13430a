"""Folders and files of results: never overwritten, never half-written."""

import json
import math
import os
import re
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

from aira_agents.errors import InputError


def results_folder(name: str, base: Path = Path("results")) -> Path:
    """Makes and returns a new folder `base/<name>-<date>`, with `-2`, `-3`, ... where that exists already.

    Raises:
        InputError: The name cannot be part of a folder's name, or the folder cannot be made or written to.
    """
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise InputError(f"The name of results must be letters, digits, `-`, `_` and `.`; got {name!r}.")
    stem = f"{name}-{date.today().isoformat()}"
    try:
        base.mkdir(parents=True, exist_ok=True)
        count = 1
        while True:
            folder = base / (stem if count == 1 else f"{stem}-{count}")
            try:
                folder.mkdir()  # whoever makes it owns it: two runs at once never share a folder
                return folder
            except FileExistsError:
                count += 1
    except OSError as error:
        raise unwritable(base, error) from error


def unwritable(path: Path, error: OSError) -> InputError:
    """Returns the error for a place that cannot be written to."""
    return InputError(
        f"Cannot write to {path} ({error.strerror or error}); expected a folder with room that you may write to. "
        "Name another one."
    )


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as JSON, completely or not at all; what is not a finite number becomes `null`."""
    write_atomically(path, (json.dumps(plain_json(value), indent=2, allow_nan=False) + "\n").encode())


def write_atomically(path: Path, data: bytes) -> None:
    """Writes `data` beside `path` and then renames: a reader finds the old file or the new one, never a half.

    Raises:
        InputError: The place cannot be written to; what was there before is untouched.
    """
    temporary = None
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise unwritable(path, error) from error


def _umask() -> int:
    # The only way to read it is to set it.
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return  # elsewhere a folder cannot be opened, and a rename is durable as it is
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def plain_json(value: Any) -> Any:
    """Returns `value` as JSON can hold it: keys are text, arrays are lists, what is not a finite number is `None`."""
    if isinstance(value, dict):
        return {str(key): plain_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # an array, or a NumPy number
        return plain_json(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
