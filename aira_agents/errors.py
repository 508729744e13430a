"""The one family of errors that a user can cause; everything else that is raised is a bug.

The command `aira` prints the message of an `AiraError` and exits with 2.
"""

import difflib
from collections.abc import Iterable


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
