"""Episodes: what the agents of a world perceived, did and got, from reset to end, and where it comes from.

Arrays are NumPy's and keyed by role. A row is a slot of the role; it belongs to the agent `uid` for as long as that is
`active` there, and `fresh` marks the first step of each life.
"""

import dataclasses
import functools
import hashlib
import json
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

UNSPECIFIED = "unspecified"


@dataclasses.dataclass(frozen=True, eq=False)
class Track:
    """What the agents of one role lived through. Rows that are not `active` mean nothing."""

    features: Float[np.ndarray, "steps capacity features"]
    valid: dict[str, Bool[np.ndarray, "steps capacity _"]]  # effector to mask; absent: all actions are valid
    actions: dict[str, Shaped[np.ndarray, "steps capacity *_"]]  # int32 of `Discrete`, float32 `[..., size]` of `Box`
    reward: Float[np.ndarray, "steps capacity"]
    terminated: Bool[np.ndarray, "steps capacity"]
    truncated: Bool[np.ndarray, "steps capacity"]  # also where recording stopped before the world did
    active: Bool[np.ndarray, "steps capacity"]
    fresh: Bool[np.ndarray, "steps capacity"]  # whose memory was renewed just before the step
    uid: Int[np.ndarray, "steps capacity"]
    parent: Int[np.ndarray, "steps capacity"]  # slot of the parent, in the first step of a life; -1: a founder
    weight: Float[np.ndarray, "steps capacity"]  # how much a step counts in learning; 0: not at all
    columns: dict[str, Shaped[np.ndarray, "steps capacity *_"]]  # of the population, before acting: for groups
    final: Float[np.ndarray, "capacity features"]  # seen after the last step

    @property
    def n_samples(self) -> int:
        """How many decisions of living agents there are."""
        return int(self.active.sum())


@dataclasses.dataclass(frozen=True)
class Provenance:
    """Where an episode comes from. Nobody is named: `who` is the random id of a participant."""

    world: str
    parameters: dict[str, Any]
    recorded_at: str  # UTC, ISO 8601
    policies: dict[str, str]  # role to fingerprint of who acted; "person" where one did
    seed: int | None = None
    index: int = 0  # which episode of a recording with this seed
    who: str | None = None  # `None`: no person took part
    channel: str = ""  # by which they did, such as "keyboard"
    licence: str = UNSPECIFIED
    symmetry: str = ""  # the symmetry it was seen through; "": as it happened
    origin: str = ""  # the id of the episode it was made from; "": none


@dataclasses.dataclass(frozen=True, eq=False)
class Episode:
    """One world from reset to end, or as far as it was recorded."""

    provenance: Provenance
    tracks: dict[str, Track]  # by role

    @property
    def n_steps(self) -> int:
        """How many steps the world took."""
        return next(iter(self.tracks.values())).active.shape[0]

    @property
    def n_samples(self) -> int:
        """How many decisions of living agents there are, over all roles."""
        return sum(track.n_samples for track in self.tracks.values())

    @functools.cached_property
    def id(self) -> str:
        """A fingerprint of all it holds: the same episode has the same id wherever it is kept."""
        about = dataclasses.asdict(self.provenance)
        if not about["channel"]:
            del about["channel"]  # what was recorded before there were channels keeps its id
        digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
        for role in sorted(self.tracks):
            for name, array in sorted(arrays_of(self.tracks[role]).items()):
                digest.update(f"{role} {name} {array.dtype} {array.shape}".encode())
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()[:32]

    @property
    def source(self) -> str:
        """The id of the episode that was recorded, of which this one may be an image."""
        return self.provenance.origin or self.id


def arrays_of(track: Track) -> dict[str, np.ndarray]:
    """Returns the arrays of a track by name, those of a dictionary as `actions/move`."""
    arrays: dict[str, np.ndarray] = {}
    for field in dataclasses.fields(track):
        value = getattr(track, field.name)
        if isinstance(value, dict):
            arrays.update({f"{field.name}/{key}": one for key, one in value.items()})
        else:
            arrays[field.name] = value
    return arrays


def track_of(arrays: dict[str, np.ndarray]) -> Track:
    """The inverse of `arrays_of`; raises `TypeError` if an array is missing."""
    fields: dict[str, Any] = {"valid": {}, "actions": {}, "columns": {}}
    for name, array in arrays.items():
        field, _, key = name.partition("/")
        if key:
            fields[field][key] = array
        else:
            fields[field] = array
    return Track(**fields)
