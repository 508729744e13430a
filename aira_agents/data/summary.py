"""What is in a dataset: how many decisions, by action and by group, and how skewed; and weights that even it out."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from aira_agents.data.dataset import Dataset
from aira_agents.data.episodes import Track
from aira_agents.errors import InputError, unknown_name
from aira_agents.interfaces import spaces_of
from aira_agents.spaces import Box, Discrete, Space

MOST_GROUPS = 100
SKEWED = 10.0  # times as many of the commonest as of the rarest: worth a remark


@dataclasses.dataclass(frozen=True)
class Counts:
    """How many decisions fall into each class, by name; the order is that of the actions or of the values."""

    counts: dict[str, int]

    @property
    def evenness(self) -> float:
        """Entropy over its maximum: 1 where all classes are as frequent, 0 where there is one only."""
        total = sum(self.counts.values())
        shares = [count / total for count in self.counts.values() if count]
        if len(self.counts) < 2 or not shares:
            return 0.0
        return max(0.0, -sum(share * math.log(share) for share in shares) / math.log(len(self.counts)))

    @property
    def ratio(self) -> float:
        """How often the commonest class is there for each time the rarest is; infinite where one is missing."""
        rarest = min(self.counts.values(), default=0)
        return max(self.counts.values()) / rarest if rarest else math.inf

    @property
    def single(self) -> str | None:
        """The one class that all are of; `None` if there are several."""
        present = [name for name, count in self.counts.items() if count]
        return present[0] if len(present) == 1 else None

    def __str__(self) -> str:
        total = max(sum(self.counts.values()), 1)
        return ", ".join(f"{name} {count:,} ({count / total:.0%})" for name, count in self.counts.items())


@dataclasses.dataclass(frozen=True)
class RoleSummary:
    """What is there of one role."""

    samples: int  # decisions of living agents
    lives: int
    mean_reward: float  # of a decision; not-a-number where there is none
    actions: dict[str, Counts]  # of each `Discrete` effector
    ranges: dict[str, dict[str, tuple[float, float, float]]]  # of each `Box`: name to least, mean and greatest
    groups: Counts | None  # by the column asked for, if the role has it


@dataclasses.dataclass(frozen=True)
class Summary:
    """What is in a dataset."""

    episodes: int
    steps: int  # of worlds
    people: int
    roles: dict[str, RoleSummary]

    @property
    def remarks(self) -> list[str]:
        """What whoever learns from it should know."""
        if not self.episodes:
            return ["There is no episode in it."]
        told = []
        for role, own in self.roles.items():
            if not own.samples:
                told.append(f"No {role} decided anything.")
                continue
            classes = {f"action of {name}": counts for name, counts in own.actions.items()}
            classes |= {"group": own.groups} if own.groups else {}
            for what, counts in classes.items():
                told += _remark(role, what, counts)
        return told

    def __str__(self) -> str:
        lines = [f"{self.episodes:,} episodes, {self.steps:,} steps, {self.people} participants"]
        for role, own in self.roles.items():
            lines.append(f"{role}: {own.samples:,} decisions in {own.lives:,} lives, mean reward {own.mean_reward:.3g}")
            for name, counts in own.actions.items():
                lines.append(f"  {name}: {counts}; evenness {counts.evenness:.2f}")
            for name, ranges in own.ranges.items():
                each = (f"{part} {low:.3g}..{high:.3g}, mean {mean:.3g}" for part, (low, mean, high) in ranges.items())
                lines.append(f"  {name}: {'; '.join(each)}")
            if own.groups:
                lines.append(f"  groups: {own.groups}; evenness {own.groups.evenness:.2f}")
        return "\n".join([*lines, *self.remarks])


def summarize(dataset: Dataset, by: str | None = None) -> Summary:
    """Returns what is in it; `by` is a recorded column, such as a side, or a `Discrete` effector, to group by.

    Raises:
        InputError: No role has the column, or it has too many values to group by.
    """
    if by is not None:
        _check_known(dataset, by)
    roles = {}
    for role, interface in dataset.interfaces.items():
        tracks = [episode.tracks[role] for episode in dataset.episodes]
        spaces = spaces_of(interface)
        samples = sum(track.n_samples for track in tracks)
        earned = sum(float(track.reward[track.active].sum()) for track in tracks)
        roles[role] = RoleSummary(
            samples=samples,
            lives=sum(int((track.fresh & track.active).sum()) for track in tracks),
            mean_reward=earned / samples if samples else math.nan,
            actions={n: _counted(tracks, n, spaces) for n, space in spaces.items() if isinstance(space, Discrete)},
            ranges={n: _ranges(tracks, n, s) for n, s in spaces.items() if isinstance(s, Box) and samples},
            groups=_counted(tracks, by, spaces) if by and any(_has(track, by, spaces) for track in tracks) else None,
        )
    people = {episode.provenance.who for episode in dataset.episodes} - {None}
    return Summary(len(dataset), sum(episode.n_steps for episode in dataset.episodes), len(people), roles)


def balance(dataset: Dataset, by: str) -> Dataset:
    """Weighs decisions so that all groups count alike in learning; the weights of a role keep their sum.

    Args:
        dataset: What to weigh; weights that are there already are kept as shares within a group.
        by: A recorded column, such as a side, or a `Discrete` effector: then all actions count alike.

    Raises:
        InputError: No role has it, or it has too many values to group by.
    """
    _check_known(dataset, by)
    changed = [dict(episode.tracks) for episode in dataset.episodes]
    for role, interface in dataset.interfaces.items():
        spaces = spaces_of(interface)
        tracks = [own[role] for own in changed]
        if not all(_has(track, by, spaces) for track in tracks):
            continue
        sums: dict[str, float] = {}
        for track in tracks:
            labels, weights = _labels(track, by, spaces), track.weight[track.active]
            for label in np.unique(labels):
                sums[str(label)] = sums.get(str(label), 0.0) + float(weights[labels == label].sum())
        _check_few(by, len(sums))
        present = {label: total for label, total in sums.items() if total > 0}
        share = sum(present.values()) / max(len(present), 1)
        for own in changed:
            own[role] = _weighed(own[role], by, spaces, {label: share / total for label, total in present.items()})
    episodes = [dataclasses.replace(e, tracks=own) for e, own in zip(dataset.episodes, changed, strict=True)]
    return dataclasses.replace(dataset, episodes=tuple(episodes))


def _weighed(track: Track, by: str, spaces: dict[str, Space], factors: dict[str, float]) -> Track:
    weight = track.weight.copy()
    labels = _labels(track, by, spaces)
    weight[track.active] *= np.asarray([factors.get(str(label), 0.0) for label in labels], np.float32)
    return dataclasses.replace(track, weight=weight)


def _remark(role: str, what: str, counts: Counts) -> list[str]:
    if counts.single is not None:
        return [f"Every {what} of {role} is {counts.single!r}: nothing else can be learned from it."]
    missing = [name for name, count in counts.counts.items() if not count]
    if missing:
        return [f"No {what} of {role} is {', '.join(map(repr, missing))}."]
    if counts.ratio >= SKEWED:
        return [f"The commonest {what} of {role} is there {counts.ratio:.0f} times as often as the rarest: skewed."]
    return []


def _check_known(dataset: Dataset, by: str) -> None:
    known = {name for e in dataset.episodes for track in e.tracks.values() for name in track.columns}
    for interface in dataset.interfaces.values():
        known |= {name for name, space in spaces_of(interface).items() if isinstance(space, Discrete)}
    if by not in known and len(dataset):
        raise unknown_name("column or effector", by, known)


def _check_few(by: str, count: int) -> None:
    if count > MOST_GROUPS:
        raise InputError(f"{by!r} has {count} different values, more than {MOST_GROUPS}: too many to group by.")


def _has(track: Track, by: str, spaces: dict[str, Space]) -> bool:
    return by in track.columns or isinstance(spaces.get(by), Discrete)


def _labels(track: Track, by: str, spaces: dict[str, Space]) -> Any:
    """Returns the class of every decision of a living agent, as text or as numbers."""
    if by in track.columns:
        return track.columns[by][track.active].reshape(track.n_samples, -1)[:, 0]
    space = spaces[by]
    assert isinstance(space, Discrete)
    return np.asarray(space.names)[track.actions[by][track.active]]


def _counted(tracks: Sequence[Track], by: str, spaces: dict[str, Space]) -> Counts:
    space = spaces.get(by)
    counts = {} if by not in spaces or not isinstance(space, Discrete) else dict.fromkeys(space.names, 0)
    values = [_labels(track, by, spaces) for track in tracks]
    labels, found = np.unique(np.concatenate(values), return_counts=True) if values else ([], [])
    _check_few(by, len(labels))
    for label, count in zip(labels, found, strict=True):
        counts[str(label)] = int(count)
    return Counts(counts)


def _ranges(tracks: Sequence[Track], name: str, space: Box) -> dict[str, tuple[float, float, float]]:
    done = np.concatenate([track.actions[name][track.active] for track in tracks])
    least, mean, greatest = done.min(axis=0), done.mean(axis=0), done.max(axis=0)
    return {part: (float(least[i]), float(mean[i]), float(greatest[i])) for i, part in enumerate(space.names)}
