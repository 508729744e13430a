"""What a learner reads of a dataset: the decisions of one role, as loose rows or in the order they were made in."""

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Bool, Float, Int

from aira_agents.data.dataset import Dataset
from aira_agents.data.episodes import Track
from aira_agents.errors import InputError, unknown_name
from aira_agents.types import Array

Numbers = np.ndarray | Array


class Samples(eqx.Module):
    """Decisions, with any leading axes."""

    features: Float[Numbers, "*batch features"]
    valid: dict[str, Any]  # effector to mask `[*batch, n]`; absent: all actions are valid
    actions: dict[str, Any]  # `[*batch]` of `Discrete`, `[*batch, size]` of `Box`
    weight: Float[Numbers, "*batch"]  # 0: nobody was there, or it is not to be learned


class Sequences(eqx.Module):
    """Decisions in order, episodes padded to the longest and to the most agents: the weight of padding is 0."""

    samples: Samples
    reward: Float[Numbers, "episodes steps capacity"]
    terminated: Bool[Numbers, "episodes steps capacity"]
    truncated: Bool[Numbers, "episodes steps capacity"]
    active: Bool[Numbers, "episodes steps capacity"]
    fresh: Bool[Numbers, "episodes steps capacity"]
    parent: Int[Numbers, "episodes steps capacity"]
    final: Float[Numbers, "episodes capacity features"]


def rows(dataset: Dataset, role: str) -> Samples:
    """Returns the decisions of living agents that have a weight, one a row, as NumPy arrays `[n, ...]`.

    Raises:
        InputError: There is no such role, or no such decision.
    """
    tracks = _tracks(dataset, role)
    chosen = [track.active & (track.weight > 0) for track in tracks]

    def joined(read: Callable[[Track], np.ndarray]) -> np.ndarray:
        return np.concatenate([read(track)[own] for track, own in zip(tracks, chosen, strict=True)])

    return _samples(tracks, joined)


def sequences(dataset: Dataset, role: str) -> Sequences:
    """Returns all that agents lived through, as NumPy arrays `[episodes, steps, capacity, ...]`; raises as `rows`."""
    tracks = _tracks(dataset, role)
    n_steps, capacity = (max(track.active.shape[axis] for track in tracks) for axis in (0, 1))

    def joined(read: Callable[[Track], np.ndarray]) -> np.ndarray:
        return np.stack([_padded(read(track), (n_steps, capacity)) for track in tracks])

    return Sequences(
        samples=_samples(tracks, joined),
        **{
            name: joined(lambda track, name=name: getattr(track, name))
            for name in ("reward", "terminated", "truncated", "active", "fresh", "parent")
        },
        final=np.stack([_padded(track.final, (capacity,)) for track in tracks]),
    )


def _samples(tracks: Sequence[Track], joined: Callable[[Callable[[Track], np.ndarray]], np.ndarray]) -> Samples:
    first = tracks[0]
    weight = joined(lambda track: np.where(track.active, track.weight, 0).astype(np.float32))
    return Samples(
        joined(lambda track: track.features),
        {name: joined(lambda track, name=name: track.valid[name]) for name in first.valid},
        {name: joined(lambda track, name=name: track.actions[name]) for name in first.actions},
        weight,
    )


def _tracks(dataset: Dataset, role: str) -> list[Track]:
    if role not in dataset.interfaces:
        raise unknown_name("role", role, dataset.interfaces)
    tracks = [episode.tracks[role] for episode in dataset.episodes]
    if not any(np.any(track.active & (track.weight > 0)) for track in tracks):
        raise InputError(
            f"There is nothing to learn from: in {len(tracks)} episode(s) no {role} that counts decided anything. "
            "Record some, or look at what a filter left."
        )
    return tracks


def _padded(array: np.ndarray, shape: tuple[int, ...]) -> Any:
    return np.pad(
        array,
        [(0, to - now) for to, now in zip(shape, array.shape, strict=False)] + [(0, 0)] * (array.ndim - len(shape)),
    )
