"""Who acts when: all together, or one by one in random order, as models on one processor do it.

Where everybody acts together, all decide on the same world. One by one, a step of the world is one agent's turn:
everybody sees what the others before it did, and as many steps as agents live make a round, in which each has one turn.
The loop is the same.
"""

from typing import Any

import jax.numpy as jnp

from aira_agents.arrays import lots
from aira_agents.parameters import option
from aira_agents.types import Array, Bool, Key, UInt32

TOGETHER, ONE_BY_ONE = "together", "one_by_one"


def turn_option() -> Any:
    """Declares the choice as a parameter of a world."""
    return option(
        TOGETHER, (TOGETHER, ONE_BY_ONE), help="whether all act in a step, or one, in an order drawn every round"
    )


def first_turns(kind: str, capacity: int, key: Key) -> UInt32[Array, " turns"]:
    """Returns the lots of the first round, the highest of which acts next; none where all act together."""
    return lots(key, capacity) if kind == ONE_BY_ONE else jnp.zeros(0, jnp.uint32)


def acting(turns: UInt32[Array, " turns"], alive: Bool[Array, " capacity"]) -> Bool[Array, " capacity"]:
    """Says who of those alive acts in this step."""
    if not turns.size:
        return alive
    left = jnp.where(alive, turns, 0)
    return (left > 0) & (left == jnp.max(left))


def next_turns(turns: UInt32[Array, " turns"], alive: Bool[Array, " capacity"], key: Key) -> UInt32[Array, " turns"]:
    """Returns the lots after this step: whoever acted has none, and when nobody alive has any, a new round begins."""
    if not turns.size:
        return turns
    rest = jnp.where(acting(turns, alive), 0, turns)
    return jnp.where(jnp.max(jnp.where(alive, rest, 0)) > 0, rest, lots(key, turns.size))
