"""A solution: to food in sight, else onward, never back. Students never see this file."""

STEPS = {(2, 1): 1, (0, 1): 2, (1, 0): 3, (1, 2): 4}  # cell of what it sees -> move


def act(observation, rng):
    """Steps onto food that is free; looks for a way around the corner else; keeps a course where there is nothing."""
    food, agents = observation["vision"]
    free = (food > 0) & (agents == 0)
    for cell, move in STEPS.items():
        if free[cell]:
            return move
    if free[2].any():
        return 1
    if free[0].any():
        return 2
    return rng.choice([1, 4])
