"""A world that does not wait for who steers: a step every so often, with the key that was pressed in time."""

import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from typing import Literal, Protocol, runtime_checkable

from aira_agents.errors import InputError, unknown_name

Unpressed = Literal["policy", "stay", "last"]
FASTEST_S, SLOWEST_S = 0.02, 60.0


@runtime_checkable
class TimedKeys(Iterator[str], Protocol):
    """Keys that can be waited for until a moment."""

    def within(self, seconds: float) -> str | None:
        """Returns the next key, at once if it was pressed before; `None` if none is pressed within `seconds`."""
        ...


@dataclasses.dataclass(frozen=True)
class Pace:
    """How fast a world steps on, and who acts where nobody pressed a key in time.

    Raises:
        InputError: The time is no number in 0.02..60 s.
    """

    step_s: float
    unpressed: Unpressed = "policy"
    """`policy`: the agent's policy, and such steps are not the person's. `stay`, `last`: it stays, or does again what
    the person did last; that counts as theirs."""
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        if not (math.isfinite(self.step_s) and FASTEST_S <= self.step_s <= SLOWEST_S):
            raise InputError(
                f"A step of a world at a pace takes {FASTEST_S:g} to {SLOWEST_S:g} s; got {self.step_s:g}. "
                "Without a pace it waits for you."
            )

    def __str__(self) -> str:
        """Returns what a person must know, in one line."""
        else_ = {"policy": "the policy decides", "stay": "it stays", "last": "it does again what you did last"}
        return f"a step every {self.step_s:g} s from your first key on; where you press none, {else_[self.unpressed]}"

    def stay(self, names: tuple[str, ...]) -> int | None:
        """Returns the action of who presses nothing, if it is always the same one.

        Raises:
            InputError: They should stay, and no action is called that.
        """
        if self.unpressed != "stay":
            return None
        if "stay" not in names:
            raise unknown_name("action", "stay", names)
        return names.index("stay")
