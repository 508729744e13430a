"""How Mesa counts the steps of a model, and how one that failed is taken back."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def taken_back(model: Any) -> Iterator[None]:
    """Undoes the count of the step in which this is entered, if it fails.

    Mesa 3.5 counts by events, each of which plans the next: after one that failed, the model would never step again,
    and not say so.
    """
    try:
        yield
    except Exception:
        model.steps -= 1
        if hasattr(model, "time"):
            model.time -= 1
        schedule = getattr(model, "_default_schedule", None)
        if schedule is not None:
            schedule.pause()
            schedule.resume()  # plans the next step anew
        raise
