"""The type checker of the tests: an int is welcome where a float is annotated, as everywhere in Python."""

from beartype import BeartypeConf, beartype

_checked = beartype(conf=BeartypeConf(is_pep484_tower=True))


def check(function):
    # One within another is made anew in every call, and its check compiled anew: 5 % of the time. Shapes are worth it.
    shaped = any(hasattr(hint, "dim_str") for hint in function.__annotations__.values())
    return _checked(function) if shaped or "<locals>" not in function.__qualname__ else function
