"""The one family of errors that a user can cause; everything else that is raised is a bug.

The command `aira` prints the message of an `AiraError` and exits with 2.
"""

import difflib
from collections.abc import Iterable

# JAX's errors where code asks for the value of what is still being compiled.
TRACED = (
    "TracerBoolConversionError",
    "TracerIntegerConversionError",
    "TracerArrayConversionError",
    "ConcretizationTypeError",
)


class AiraError(Exception):
    """What was expected, what came, and what to try."""


class InputError(AiraError, ValueError):
    """A value, a name or a file from outside is not what it must be."""


class IncompatiblePolicyError(AiraError, ValueError):
    """A policy does not fit the role it is to act for."""


class CorruptFileError(AiraError, ValueError):
    """A file is truncated, foreign, or of another version."""


class StoreError(AiraError, OSError):
    """The database cannot be reached or used: locked, full, of another version, or not there."""


class NumericalError(AiraError, ArithmeticError):
    """Numbers became infinite or not-a-number where they must be finite."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> InputError:
    """Returns the error for `name`, with the nearest of the names that exist."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return InputError(f"Unknown {kind} {name!r}.{hint} There is: {', '.join(known) or 'none'}.")


def traced_hint(error: str) -> str:
    """Returns what to try about an error in a rule, by the error's name; nothing for all but JAX's own `TRACED`."""
    if error not in TRACED:
        return ""
    return (
        " In JAX use `jnp.where(...)` in place of `if`, and no `int(...)`; or write `act(observation, rng)` in NumPy."
    )
