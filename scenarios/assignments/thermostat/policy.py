"""A thermostat in one line: your policy. Change `act`.

`.venv/bin/aira check policy.py` tries it on the public worlds and says what it earns.
"""

import numpy as np


def act(observation: dict[str, np.ndarray], rng: np.random.Generator) -> int:
    """Decides for one room whether it is heated in the next ten minutes.

    observation["thermometer"]: how many degrees the room is above its target of 20, half an hour ago
    observation["window"]: how warm it is outdoors, in tens of degrees
    rng: the only source of chance to use, so that the same policy gets the same grade twice.

    Returns 0 (off) or 1 (on).
    """
    # TODO: look at `observation`, and do better than chance.
    return int(rng.integers(0, 2))
