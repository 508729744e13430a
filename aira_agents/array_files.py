"""Arrays in a file, whole or not at all: of a learner's state, or of a policy.

One safetensors file: the arrays, and a JSON header with their structure, a checksum and the caller's record.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
import safetensors
import safetensors.numpy

from aira_agents.errors import CorruptFileError, InputError
from aira_agents.results import write_atomically

FORMAT = "aira_agents arrays, version 1"


def save_arrays(path: Path, tree: Any, record: dict[str, Any]) -> None:
    """Writes the arrays of `tree` and `record` (JSON); what was at `path` stays until the new file is complete.

    Raises:
        InputError: The place cannot be written to; the old file is untouched.
    """
    arrays = {name: stored(leaf) for name, leaf in _named(tree).items()}
    write_atomically(path, _packed(arrays, record, _structure(tree)))


def load_arrays(path: Path, like: Any) -> tuple[Any, dict[str, Any]]:
    """Returns a tree structured like `like` with the arrays of the file, and the record saved with them.

    Args:
        path: A file that `save_arrays` wrote.
        like: A tree of arrays, or of their shapes (`eqx.filter_eval_shape`); leaves that are neither are taken over.

    Raises:
        InputError: There is no such file.
        CorruptFileError: It is truncated, altered, not ours, or holds arrays of another structure.
    """
    arrays, header = _read(path)
    found, wanted = json.loads(header.get("structure", "{}")), _structure(like)
    if found != wanted:
        raise CorruptFileError(f"{path} holds other arrays than expected: {_difference(wanted, found)}")
    _check_sum(arrays, header, str(path))
    leaves, treedef = jax.tree_util.tree_flatten_with_path(like)
    filled = [restored(leaf, arrays[_name(key)]) if _is_array(leaf) else leaf for key, leaf in leaves]
    return jax.tree_util.tree_unflatten(treedef, filled), json.loads(header["record"])


def pack_arrays(arrays: Mapping[str, np.ndarray], record: dict[str, Any]) -> bytes:
    """Returns arrays by name and `record` (JSON) as the bytes of a file, for `read_arrays` and `unpack_arrays`."""
    return _packed({name: stored(array) for name, array in arrays.items()}, record, None)


def read_arrays(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Returns the arrays of a file by name, whatever they are, and the record saved with them.

    Raises:
        InputError: There is no such file.
        CorruptFileError: It is truncated, altered or not ours.
    """
    arrays, header = _read(path)
    _check_sum(arrays, header, str(path))
    return arrays, json.loads(header["record"])


def unpack_arrays(data: bytes, what: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Does the same with the bytes of a file; `what` names them in the error."""
    try:
        # Eight bytes say how long the header is; safetensors itself tells it of files only.
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")]).get("__metadata__") or {}
        arrays = safetensors.numpy.load(data)
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CorruptFileError(f"{what} is truncated or not in safetensors' format ({error}).") from error
    _check_format(header, what)
    _check_sum(arrays, header, what)
    return arrays, json.loads(header["record"])


def _packed(arrays: dict[str, np.ndarray], record: dict[str, Any], structure: dict[str, str] | None) -> bytes:
    header = {"format": FORMAT, "record": json.dumps(record), "checksum": _checksum(arrays)}
    if structure is not None:
        header["structure"] = json.dumps(structure)
    return safetensors.numpy.save(arrays, metadata=header)


def _check_sum(arrays: dict[str, np.ndarray], header: Mapping[str, str], what: str) -> None:
    if header["checksum"] != _checksum(arrays):
        raise CorruptFileError(f"{what} was altered: its checksum does not fit its content. Take another copy of it.")


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    if path.is_dir():  # the library says, on some systems, that there is no such device
        raise InputError(f"{path} is a folder; name a file in it.")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a dictionary
    except FileNotFoundError as error:
        raise InputError(f"There is no file {path}.") from error
    except (safetensors.SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise CorruptFileError(
            f"{path} is truncated or not a safetensors file ({error}). Take another copy."
        ) from error
    _check_format(header, str(path))
    return arrays, header


def _check_format(header: Mapping[str, str], what: str) -> None:
    if header.get("format") != FORMAT:
        raise CorruptFileError(
            f"{what} was not written by this version; expected {FORMAT!r}, got {header.get('format')!r}."
        )


def _named(tree: Any) -> dict[str, Any]:
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {_name(key): leaf for key, leaf in leaves if _is_array(leaf)}


def _name(key: Any) -> str:
    return jax.tree_util.keystr(key) or "."


def _is_array(leaf: Any) -> bool:
    return eqx.is_array_like(leaf) or isinstance(leaf, jax.ShapeDtypeStruct)


def is_key(leaf: Any) -> bool:
    """Says whether a leaf is an array of keys."""
    return hasattr(leaf, "dtype") and jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def stored(leaf: Any) -> np.ndarray:
    """Returns the numbers of an array, of keys too, or of a plain number, as a row-major copy."""
    return np.array(jax.random.key_data(leaf) if is_key(leaf) else leaf, order="C")


def restored(like: Any, stored: np.ndarray) -> Any:
    """Returns what `stored` made of a leaf like `like`."""
    if is_key(like):
        return jax.random.wrap_key_data(jax.numpy.asarray(stored), impl=_key_kind(like))
    if isinstance(like, jax.Array | jax.ShapeDtypeStruct):
        return jax.numpy.array(stored)
    return stored if isinstance(like, np.ndarray) else type(like)(stored.item())


def _structure(tree: Any) -> dict[str, str]:
    return {name: _description(leaf) for name, leaf in _named(tree).items()}


def _description(leaf: Any) -> str:
    kind = (
        _key_kind(leaf) if is_key(leaf) else str(np.asarray(leaf).dtype if not hasattr(leaf, "dtype") else leaf.dtype)
    )
    return f"{kind}{list(np.shape(leaf))}"


def _key_kind(leaf: Any) -> Any:
    # Asked of an array, since a mere shape does not know its generator's name.
    return jax.random.key_impl(jax.numpy.empty((), leaf.dtype))


def _difference(wanted: dict[str, str], found: dict[str, str]) -> str:
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            expected, got = wanted.get(name, "nothing"), found.get(name, "nothing")
            return f"expected {expected} at {name}, got {got}. Was it written with other settings?"
    return "the same arrays in another order."


def _checksum(arrays: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(name.encode())
        digest.update(arrays[name].tobytes())
    return digest.hexdigest()
