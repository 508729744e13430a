"""Room in cells, grown outside the compiled program: shapes are fixed inside it, so it can only count who had none."""

from typing import Any

from aira_agents.parameters import parameters_of, replace

ROOM = "room"  # of a world: how many a cell holds
CROWDED = "crowded"  # of a state: how many times somebody found no room


def grown(environment: Any) -> Any:
    """Returns a world with twice the `room` in its cells; `None` where it has none, or the most there can be."""
    parameter = parameters_of(environment).get(ROOM)
    most = 0 if parameter is None else parameter.high or float("inf")
    if parameter is None or environment.room >= most:
        return None
    return replace(environment, room=int(min(2 * environment.room, most)))
