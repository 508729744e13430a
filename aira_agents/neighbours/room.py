"""Room in cells, grown outside the compiled program: shapes are fixed inside it, so it can only count who had none."""

from collections.abc import Callable
from typing import Any, TypeVar

from aira_agents.errors import InputError
from aira_agents.parameters import parameters_of, replace

_World = TypeVar("_World", bound=Any)
_Result = TypeVar("_Result")


def with_enough_room(
    environment: _World, run: Callable[[_World], _Result], crowded: Callable[[_Result], Any]
) -> tuple[_World, _Result]:
    """Runs a world, and again with twice the `room` a cell, until everybody found some.

    Args:
        environment: A world with a size `room`.
        run: Runs it; the same world must give the same result.
        crowded: How many found no room in a result; the cells of `State.crowded`, say.

    Returns:
        The world whose room sufficed, and its result. Where room sufficed at once, nothing ran twice.

    Raises:
        InputError: The most room that the world allows does not suffice.
    """
    most = parameters_of(environment)["room"].high or float("inf")
    while True:
        result = run(environment)
        left_out = int(crowded(result))
        if left_out == 0:
            return environment, result
        if environment.room >= most:
            raise InputError(
                f"{type(environment).__name__}: {left_out} times somebody found no room in a cell that holds "
                f"{environment.room}, the most there can be. Use smaller cells, or fewer agents."
            )
        environment = replace(environment, room=int(min(2 * environment.room, most)))
