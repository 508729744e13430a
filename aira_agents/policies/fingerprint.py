"""A fingerprint of a policy: equal for equal rules and equal weights, in any process."""

import dataclasses
import hashlib
import inspect
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np


def fingerprint(policy: Any) -> str:
    """Returns 16 hexadecimal digits that tell this policy from any other; of a rule, its source counts."""
    digest = hashlib.sha256()
    _add(digest, policy)
    return digest.hexdigest()[:16]


def _add(digest: Any, value: Any) -> None:
    """Describes `value` to the digest, never by an address in memory."""
    if isinstance(value, jax.Array | np.ndarray):
        array = np.asarray(value)
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        digest.update(type(value).__qualname__.encode())
        _add(digest, {field.name: getattr(value, field.name) for field in dataclasses.fields(value)})
    elif isinstance(value, Mapping):
        _add(digest, sorted(value.items()))
    elif isinstance(value, list | tuple):
        for one in value:
            _add(digest, one)
    elif callable(value):
        digest.update(_source(value).encode())
    else:
        digest.update(repr(value).encode())


def _source(function: Any) -> str:
    name = getattr(function, "__qualname__", type(function).__qualname__)
    try:
        return name + inspect.getsource(function)
    except (OSError, TypeError):  # typed at a prompt, or compiled
        return name
