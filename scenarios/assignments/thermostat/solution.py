"""A solution: it switches off before the room is warm, since it is told too late. Students never see this file."""


def act(observation, rng):
    """Heats while the room was clearly too cold."""
    del rng  # deterministic
    return int(observation["thermometer"] < -0.3)
