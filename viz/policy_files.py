"""Policies to take home and to bring back: the two files of `aira train` as one zip, and no path on this machine."""

import io
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from aira_agents.environment import Environment
from aira_agents.errors import AiraError, CorruptFileError
from aira_agents.learning.learner import partners
from aira_agents.policies.files import ARRAYS, MANIFEST, load_policies, read_manifest, save_policies
from aira_agents.policies.policy import AbstractPolicy
from aira_agents.registry import find_learner

LARGEST = 64 * 2**20  # bytes of one file


def policies_as_zip(policies: dict[str, AbstractPolicy], environment: Environment, **made_by: Any) -> bytes:
    """Returns the files of `save_policies`; `made_by` is its `network` and `learner`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_policies(folder, policies, environment, **made_by)
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in (ARRAYS, MANIFEST):
                archive.write(folder / file, file)
        return out.getvalue()


def term_at(path: str) -> str:
    """Returns what the policies in a folder were learned from: "TD", recorded data, or "ML", which is all else."""
    try:
        learner = read_manifest(Path(path)).get("learner")
        return "TD" if learner and "demonstrations" in partners(find_learner(learner["name"])) else "ML"
    except (AiraError, KeyError, TypeError):  # no folder, or a learner that is not known here
        return "ML"


def policies_from_zip(data: bytes, environment: Environment) -> tuple[dict[str, AbstractPolicy], str]:
    """Returns the policies in a zip, and as `term_at` what they were learned from.

    Raises:
        CorruptFileError: It is no such zip, or its files are too large or damaged.
        IncompatiblePolicyError: They are for another world.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                for file in (ARRAYS, MANIFEST):  # by name: no other file is ever written
                    if archive.getinfo(file).file_size > LARGEST:
                        raise CorruptFileError(f"{file} in the zip is larger than {LARGEST // 2**20} MB.")
                    (folder / file).write_bytes(archive.read(file))
        except (zipfile.BadZipFile, KeyError, OSError, NotImplementedError, RuntimeError) as error:
            raise CorruptFileError(
                f"This is no zip with {ARRAYS} and {MANIFEST}, as `Save` on this page makes it. "
                "From a folder of `aira train`, zip those two files."
            ) from error
        try:
            return load_policies(folder, environment), term_at(name)
        except AiraError as error:
            raise type(error)(str(error).replace(f"{folder}/", "").replace(str(folder), "the zip")) from error
