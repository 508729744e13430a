"""A dataset: episodes of worlds whose roles perceive and do the same, to split, filter, merge, save and learn from."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from aira_agents.data import files
from aira_agents.data.episodes import Episode
from aira_agents.environment import Environment
from aira_agents.errors import InputError
from aira_agents.interfaces import Interface, interface_differences, interfaces_of, world_name


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """Episodes, and what each role of their world perceives and does."""

    interfaces: dict[str, Interface]
    episodes: tuple[Episode, ...]

    def __len__(self) -> int:
        return len(self.episodes)

    @property
    def n_samples(self) -> int:
        """How many decisions of living agents there are, over all roles."""
        return sum(episode.n_samples for episode in self.episodes)

    def filter(self, chosen: Callable[[Episode], bool]) -> "Dataset":
        """Returns the episodes for which `chosen` holds; there may be none."""
        return dataclasses.replace(self, episodes=tuple(own for own in self.episodes if chosen(own)))

    def without(self, who: str) -> "Dataset":
        """Returns what the participant `who` took no part in."""
        return self.filter(lambda episode: episode.provenance.who != who)

    def split(self, shares: Mapping[str, float], seed: int = 0) -> dict[str, "Dataset"]:
        """Splits by episode, at random: `split({"train": 0.8, "test": 0.2})`.

        Steps of one episode resemble each other, so an episode is never cut. Images of one episode stay together too.

        Raises:
            InputError: The shares are not positive or do not add up to 1, or a part would have no episode.
        """
        if not shares or min(shares.values()) <= 0 or abs(sum(shares.values()) - 1) > 1e-6:
            raise InputError(f"The shares of a split must be positive and add up to 1; got {dict(shares)}.")
        sources = sorted({episode.source for episode in self.episodes})
        order = np.random.default_rng(seed).permutation(len(sources))
        stops = np.rint(np.cumsum([*shares.values()]) * len(sources)).astype(int)
        parts, start = {}, 0
        for name, stop in zip(shares, stops, strict=True):
            own = {sources[place] for place in order[start:stop]}
            if not own:
                raise InputError(f"{len(sources)} episode(s) are too few for a part {name!r} of {shares[name]:g}.")
            parts[name] = self.filter(lambda episode, own=own: episode.source in own)
            start = stop
        return parts

    def check_fits(self, environment: Environment) -> None:
        """Raises `InputError` if these are not episodes of such a world."""
        differences = interface_differences(self.interfaces, interfaces_of(environment))
        if differences:
            worlds = ", ".join(sorted({episode.provenance.world for episode in self.episodes})) or "another world"
            raise InputError(
                f"These episodes are of {worlds} and do not fit {world_name(environment)!r} as it is set: "
                f"{'; '.join(differences)}. Record others, or set the world as it was."
            )

    def save(self, path: Path) -> Path:
        """Writes one file, completely or not at all; raises `InputError` if the place cannot be written to."""
        return files.save(path, self.interfaces, self.episodes)

    @classmethod
    def load(cls, path: Path) -> "Dataset":
        """Reads what `save` wrote.

        Raises:
            InputError: There is no such file.
            CorruptFileError: It is truncated, altered, or holds no episodes.
        """
        return cls(*files.load(path))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Dataset":
        """Reads what `to_bytes` wrote; raises `CorruptFileError` if it is no such thing."""
        return cls(*files.unpack(data, "A stored episode"))

    def to_bytes(self) -> bytes:
        """Returns what `save` would write."""
        return files.pack(self.interfaces, self.episodes)


def merge(datasets: Sequence[Dataset]) -> Dataset:
    """Puts the episodes of several datasets together; one that is in two of them is kept once.

    Raises:
        InputError: There is no dataset, or they are of worlds that differ in what a role perceives or does.
    """
    if not datasets:
        raise InputError("There is nothing to merge: give at least one dataset.")
    first = datasets[0]
    for other in datasets[1:]:
        differences = interface_differences(other.interfaces, first.interfaces)
        if differences:
            raise InputError(f"Datasets of different worlds cannot be merged: {'; '.join(differences)}.")
    kept = {episode.id: episode for dataset in datasets for episode in dataset.episodes}
    return Dataset(first.interfaces, tuple(kept.values()))
