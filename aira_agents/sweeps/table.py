"""The table of a sweep on disk: parts while it runs, so that a kill loses no finished batch; one file in the end."""

import io
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from aira_agents.errors import CorruptFileError, InputError
from aira_agents.results import unwritable, write_atomically, write_json
from aira_agents.sweeps.spec import Spec

SUFFIXES = (".parquet", ".csv")


class Table:
    """Where rows go, and which are there already."""

    def __init__(self, out: Path, spec: Spec, *, resume: bool, overwrite: bool) -> None:
        """Looks whether rows may go to `out`; changes nothing.

        Raises:
            InputError: The suffix is unknown, the file or parts exist and neither flag says what to do, or the parts
                are of another sweep.
        """
        if out.suffix not in SUFFIXES:
            raise InputError(f"`--out` must end in {' or '.join(SUFFIXES)}; got {out.name!r}.")
        self._out, self._spec = out, spec
        self._parts = out.with_name(out.name + ".parts")
        self._record = self._parts / "sweep.json"
        self._anew = overwrite or not self._record.exists()
        if overwrite:
            return
        if out.exists() and not (resume and self._parts.exists()):
            raise InputError(f"{out} exists; `--overwrite` replaces it, another `--out` keeps it.")
        if self._parts.exists() and not resume:
            raise InputError(f"{self._parts} holds an unfinished sweep; `--resume` goes on, `--overwrite` begins anew.")
        if not self._anew:
            self._check()

    def open(self) -> None:
        """Makes the folder of parts, `OUT.parts`; what is to be replaced goes now.

        Raises:
            InputError: It cannot be written.
        """
        if not self._anew:
            return
        shutil.rmtree(self._parts, ignore_errors=True)
        try:
            self._parts.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(self._out.parent, error) from error
        write_json(self._record, {"identity": self._spec.identity})

    def _check(self) -> None:
        try:
            same = json.loads(self._record.read_text("utf-8")).get("identity") == self._spec.identity
        except (ValueError, AttributeError) as error:
            raise CorruptFileError(f"{self._record} cannot be read ({error}); `--overwrite` begins anew.") from error
        if not same:
            raise InputError(
                f"{self._parts} is of another sweep: other values, seeds, steps or policy. Give the same options as "
                "then, or `--overwrite`."
            )

    def done(self) -> frozenset[int]:
        """Returns the runs that have their rows."""
        if self._anew:
            return frozenset()
        return frozenset(int(run) for part in self._read() for run in part["run"].unique())

    def add(self, rows: pd.DataFrame) -> None:
        """Writes the rows of a batch, completely or not at all; a batch that comes twice is written once."""
        write_atomically(self._parts / f"{_first_run(rows):012d}{self._out.suffix}", _bytes(rows, self._out.suffix))

    def finish(self) -> pd.DataFrame:
        """Joins the parts, in order of runs, writes the table and removes them; returns it."""
        together: Any = pd.concat([part for part in self._read() if len(part)], ignore_index=True)
        together = together.sort_values(["run", "step"], ignore_index=True)
        together["error"] = together["error"].fillna("")
        together = together[[name for name in together if name != "error"] + ["error"]]
        write_atomically(self._out, _bytes(together, self._out.suffix))
        shutil.rmtree(self._parts)
        return together

    def _read(self) -> Iterator[pd.DataFrame]:
        for path in sorted(self._parts.glob(f"*{self._out.suffix}")):
            if path.name.startswith("."):  # what was being written when it was killed
                continue
            yield read_table(path)


def marked(spec: Spec, faults: Mapping[int, str]) -> pd.DataFrame:
    """Returns a row for each run that cannot be, or raised: what it was to be, and why it was not."""
    return pd.DataFrame([{**spec.labels(run), "step": 0, "error": told} for run, told in faults.items()])


def read_table(path: Path) -> pd.DataFrame:
    """Reads a table of a sweep, or a part; raises `CorruptFileError` for what is none."""
    try:
        return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype={"error": str})
    except ImportError as error:
        raise _no_parquet() from error
    except (ValueError, OSError) as error:
        raise CorruptFileError(f"{path} is no table of a sweep: {error}. `--overwrite` begins anew.") from error


def _first_run(rows: Any) -> int:
    return int(rows["run"].min())


def _bytes(rows: pd.DataFrame, suffix: str) -> bytes:
    if suffix == ".csv":
        return rows.to_csv(index=False).encode()
    file = io.BytesIO()
    try:
        rows.to_parquet(file, index=False)
    except ImportError as error:
        raise _no_parquet() from error
    return file.getvalue()


def _no_parquet() -> InputError:
    return InputError(
        'Parquet needs the package pyarrow: `pip install "aira-agents[data]"`, or name an `--out` in .csv.'
    )
