"""Augmentation: each episode seen through the symmetries of its world, as more data that are just as true.

Source: in reinforcement learning: Laskin et al. 2020, "Reinforcement learning with augmented data"; that an optimal
policy of a symmetric world is equivariant: Ravindran and Barto 2001, "Symmetries and model minimization".
"""

import dataclasses

from aira_agents.data.dataset import Dataset
from aira_agents.data.episodes import Episode, Track
from aira_agents.environment import Environment, Role
from aira_agents.errors import InputError
from aira_agents.spaces import Discrete
from aira_agents.symmetries import Relabelling, Symmetry


def augment(dataset: Dataset, environment: Environment) -> Dataset:
    """Returns the episodes and their images under every symmetry that `environment` declares.

    What the agents perceived and did is relabelled; columns say where the original stood. Split before or after: a
    split keeps an episode and its images together.

    Raises:
        InputError: The world declares no symmetry, a sensor or effector does not know one, or the episodes are of
            another world.
    """
    dataset.check_fits(environment)
    if not environment.symmetries:
        raise InputError(
            f"{type(environment).__name__} declares no symmetries, so there is nothing to augment by; "
            "a world does by its property `symmetries`."
        )
    # Images are made of what was recorded, so that augmenting twice changes nothing.
    recorded = [episode for episode in dataset.episodes if not episode.provenance.symmetry]
    images = list(dataset.episodes)
    present = {(episode.source, episode.provenance.symmetry) for episode in images}
    for symmetry in environment.symmetries:
        maps = {role.name: _relabellings(role, symmetry) for role in environment.roles}
        for episode in recorded:
            if (episode.source, symmetry.name) not in present:
                images.append(_image(episode, environment, symmetry, maps))
    return dataclasses.replace(dataset, episodes=tuple(images))


def _relabellings(role: Role, symmetry: Symmetry) -> tuple[Relabelling, dict[str, Relabelling]]:
    """Returns what becomes of all features of a role, and of the actions of each effector."""
    order: list[int] = []
    sign: list[int] = []
    for sensor in role.sensors:
        own = _known(sensor.under(symmetry), sensor.name, symmetry)
        order += [len(sign) + place for place in own.order]
        sign += own.sign
    return Relabelling(tuple(order), tuple(sign)), {
        effector.name: _known(effector.under(symmetry), effector.name, symmetry) for effector in role.effectors
    }


def _known(own: Relabelling | None, name: str, symmetry: Symmetry) -> Relabelling:
    if own is None:
        raise InputError(
            f"{name!r} does not say what becomes of it under {symmetry.name!r}: write its method `under`, or take the "
            "symmetry out of the world's."
        )
    return own


def _image(
    episode: Episode,
    environment: Environment,
    symmetry: Symmetry,
    maps: dict[str, tuple[Relabelling, dict[str, Relabelling]]],
) -> Episode:
    about = dataclasses.replace(episode.provenance, symmetry=symmetry.name, origin=episode.source)
    roles = {role.name: role for role in environment.roles}
    tracks = {name: _seen(track, roles[name], *maps[name]) for name, track in episode.tracks.items()}
    return Episode(about, tracks)


def _seen(track: Track, role: Role, features: Relabelling, actions: dict[str, Relabelling]) -> Track:
    return dataclasses.replace(
        track,
        features=features.of_numbers(track.features),
        final=features.of_numbers(track.final),
        valid={name: actions[name].of_flags(mask) for name, mask in track.valid.items()},
        actions={
            name: actions[name].of_choices(own)
            if isinstance(role.spaces[name], Discrete)
            else actions[name].of_numbers(own)
            for name, own in track.actions.items()
        },
    )
