"""Names for the array types that appear everywhere."""

import zlib
from typing import TYPE_CHECKING, Any

import jax
from jaxtyping import Array, Bool, Float, Int, Num, PRNGKeyArray, PyTree, Shaped, UInt, UInt32

Key = PRNGKeyArray

# A scalar array in every module; who makes one may pass a plain number, which the field's converter turns into it.
if TYPE_CHECKING:
    Number = Any
else:
    Number = Num[Array, ""]

Actions = dict[str, dict[str, Array]]
"""`actions[role][effector]`: `[capacity]` of int32 for `Discrete`, `[capacity, size]` of float32 for `Box`."""

Memory = PyTree[Any]
"""What a policy remembers between two steps, or `None`; stacked over agents: `[capacity, ...]`."""


def named_key(key: Key, purpose: str) -> Key:
    """Derives the key of one purpose: the same name gives the same key, whatever else is drawn."""
    return jax.random.fold_in(key, zlib.crc32(purpose.encode()))


__all__ = [
    "Actions",
    "Array",
    "Bool",
    "Float",
    "Int",
    "Key",
    "Memory",
    "Num",
    "Number",
    "PyTree",
    "Shaped",
    "UInt",
    "UInt32",
    "named_key",
]
