"""What a NumPy rule is given and what it returns, without JAX: the grader's processes start in a blink.

Source: counter-based generators: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", section 3.
"""

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from aira_agents.errors import InputError


def generators(seeds: np.ndarray) -> Iterator[np.random.Generator]:
    """Yields a generator for each seed `[agents, 2]`; one object set anew: making one costs 8 us, setting it 1."""
    source = np.random.Philox(key=np.zeros(2, np.uint64))
    rng, begin = np.random.Generator(source), source.state
    for seed in seeds:
        begin["state"]["key"][:] = seed
        source.state = begin
        yield rng


def by_effector(effectors: Collection[str], returned: Any) -> dict[str, Any]:
    """Returns an action for each effector; raises `InputError` where `returned` holds others, or lacks one."""
    if isinstance(returned, dict):
        if set(returned) != set(effectors):
            raise InputError(f"`act` must return an action for each of {sorted(effectors)}; got {sorted(returned)}.")
        return returned
    if len(effectors) != 1:
        raise InputError(
            f"`act` must return a dictionary with an action for each of {sorted(effectors)}; "
            f"got {type(returned).__name__}."
        )
    return dict.fromkeys(effectors, returned)
