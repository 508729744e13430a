"""A solution: to the nearest prey in sight, else anywhere. Students never see this file."""

import numpy as np


def act(observation, rng):
    """Goes the longer of both ways to the nearest prey first."""
    prey = observation["vision"][1]
    radius = prey.shape[0] // 2
    ys, xs = np.nonzero(prey)
    if not len(ys):
        return rng.integers(1, 5)
    dys, dxs = ys - radius, xs - radius
    nearest = np.argmin(np.abs(dys) + np.abs(dxs) + 0.5 * rng.random(len(ys)))  # predators that tie should part
    dy, dx = dys[nearest], dxs[nearest]
    if dy == 0 and dx == 0:
        return 0
    if abs(dx) > abs(dy):
        return 4 if dx > 0 else 3
    return 1 if dy > 0 else 2
