"""Feedback events: a signal that a person, or a simulated teacher, gave about an agent at a step.

Rules, which the store keeps:
- The client makes the event's `id`. An id that is there already is refused, so that sending again after a broken
  connection is safe: nothing counts twice.
- A signal that is not a finite number, a time or step before the session began, or a step later than the one shown
  (where the caller says which that is) is refused.
- Events may arrive in any order. They are read in the order of what the person saw: by session, step and time.
- Who gave it must be a participant that the store knows: whoever was forgotten cannot come back by a late event.
- What is refused is refused alone; the rest of a batch is stored.
"""

import dataclasses
import math
from typing import Any

KEPT = 64  # characters of an id or a name


@dataclasses.dataclass(frozen=True)
class FeedbackEvent:
    """A signal. Whether `uid` lives in that step is for who knows the world to say."""

    id: str  # made by the client, unlike any other's
    time_s: float  # since the session began; simulated for a simulated teacher
    step: int  # the step that was shown when the signal was given
    uid: int  # of the agent meant
    signal: float
    who: str  # the random id of a participant
    channel: str  # such as "evaluation", "preference", "takeover"
    world: str
    session: str


@dataclasses.dataclass(frozen=True)
class Receipt:
    """What became of a batch: these are in the database for good, those were refused, each for a reason."""

    stored: tuple[str, ...]  # ids of events
    refused: dict[str, str]  # id to reason


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= KEPT and value.isprintable()


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


_TEXT = (_is_text, f"text of 1 to {KEPT} printable characters")
EXPECTED = {
    **dict.fromkeys(("id", "who", "channel", "world", "session"), _TEXT),
    **dict.fromkeys(("time_s", "signal"), (_is_finite, "a finite number")),
    **dict.fromkeys(("step", "uid"), (_is_whole, "a whole number")),
}


def fault(event: FeedbackEvent, current_step: int | None) -> str | None:
    """Returns why an event cannot be kept, or `None`; `current_step` is the last step that anybody can have seen."""
    for name, (sound, expected) in EXPECTED.items():
        value = getattr(event, name)
        if not sound(value):
            return f"`{name}` must be {expected}; got {value!r:.80}."
    if event.time_s < 0 or event.step < 0:
        return f"it is from before its session began: time {event.time_s:g} s, step {event.step}."
    if event.uid < 1:
        return f"`uid` must be that of an agent, at least 1; got {event.uid}."
    if current_step is not None and event.step > current_step:
        return f"it is from the future: step {event.step}, while step {current_step} is shown."
    return None
