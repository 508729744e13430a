"""Equal parts of worlds, or of a population, each on a device of its own where there are enough.

Each part gathers its own experience and finds its own gradients; the networks take one step, along their sum. How many
parts and devices there are changes only how the compiler rounds; but recurrent networks learn from whole worlds, which
each part shuffles by itself. A state has no axis of parts, so that it goes on with any number of them.
Source: Hessel et al. 2021, "Podracer architectures for scalable reinforcement learning", section 3, "Anakin".
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from aira_agents.errors import InputError
from aira_agents.hosts import placed
from aira_agents.learning.packing import Packing
from aira_agents.policies.normalized import Statistics
from aira_agents.types import Array

PARTS = "parts"
AUTOMATIC = 0
LEAST_ROWS = 192  # of a part in a gradient step: with two such parts two cores take 0.77 of the time, 0.65 with larger
NEEDS_PARTS = "Only a learner with `n_parts` larger than 1 learns on several hosts; a part has one device."
HELP = f"equal parts of {{}}, each on a device of its own if there are many; {AUTOMATIC}: one a core, where it pays"


class Parts:
    """How many there are, and where; static. A single part is no part: arrays then have no axis of parts."""

    def __init__(
        self, count: int, size: int, devices: Sequence[Any] = (), what: str = "n_worlds", worth: int = 1
    ) -> None:
        """Shares the parts evenly, among as many of the devices as that is possible for.

        Args:
            count: The number of parts; `AUTOMATIC`: one for each core, as far as that is possible and pays.
            size: Of what is cut.
            devices: Where; without any all is done where it is.
            what: What is cut, for the message.
            worth: The most parts that pay.

        Raises:
            InputError: It cannot be cut into so many equal parts.
        """
        if count == AUTOMATIC:
            count = fitting_count(size, devices, worth)
        if size % count:
            raise InputError(f"`{what}` must be a multiple of `n_parts`; got {what}={size}, n_parts={count}.")
        self.count = count
        self._devices = _shared_by(count, devices)
        self._mesh = Mesh(np.asarray(self._devices), (PARTS,)) if len(self._devices) > 1 else None

    @property
    def axes(self) -> int:
        """How many axes come before all others: one, of parts, if there are several."""
        return int(self.count > 1)

    @property
    def _n_own(self) -> int:
        return self.count if self._mesh is None else self.count // self._mesh.size

    def cut(self, tree: Any) -> Any:
        """Makes `[parts, size / parts, ...]` of what this device has of `[size, ...]`."""
        if self.count == 1:
            return tree
        return jax.tree.map(lambda leaf: leaf.reshape(self._n_own, -1, *leaf.shape[1:]), tree)

    def joined(self, tree: Any) -> Any:
        """Undoes `cut`."""
        return tree if self.count == 1 else jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), tree)

    def own(self, tree: Any) -> Any:
        """Returns, of `[size, ...]` that all devices have, what is in this one's parts, `cut`."""
        if self._mesh is not None:
            place, n_devices = jax.lax.axis_index(PARTS), self._mesh.size

            def mine(leaf: Array) -> Array:
                n = leaf.shape[0] // n_devices
                return jax.lax.dynamic_slice_in_dim(leaf, place * n, n)

            tree = jax.tree.map(mine, tree)
        return self.cut(tree)

    def each(self, act: Callable[..., Any], *shares: Any) -> Any:
        """Calls `act` for each part of this device, one after the other."""
        return act(*shares) if self.count == 1 else jax.lax.map(lambda own: act(*own), shares)

    def together(self, tree: Any) -> Any:
        """Returns what all devices' parts found, `[parts, ...]`."""
        if self._mesh is None:
            return tree
        packing = Packing(tree, 1)  # in one exchange: each costs some 70 us, and over a network far more
        return packing.unpack(tuple(jax.lax.all_gather(leaf, PARTS, tiled=True) for leaf in packing.pack(tree)))

    def total(self, tree: Any) -> Any:
        """Returns the sum over all parts."""
        return tree if self.count == 1 else jax.tree.map(lambda leaf: jnp.sum(leaf, axis=0), self.together(tree))

    def including(self, statistics: Statistics, features: Array, active: Array) -> Statistics:
        """Returns statistics with what was seen in all parts, `[parts, ...]`."""
        if self.count == 1:
            return statistics.including(features, active)
        return self.merged(statistics, self.each(Statistics.none(features.shape[-1]).including, features, active))

    def merged(self, statistics: Statistics, found: Statistics) -> Statistics:
        """Returns statistics with those that the parts found, one after the other."""
        if self.count == 1:
            return statistics.merged(found)
        found = self.together(found)
        each = (jax.tree.map(lambda leaf, part=part: leaf[part], found) for part in range(self.count))
        return functools.reduce(Statistics.merged, each, statistics)

    def spread(
        self, update: Callable[[Any], tuple[Any, Any]], apart: Callable[[Any], Any]
    ) -> Callable[[Any], tuple[Any, Any]]:
        """Returns `update` as all devices run it together; `apart` says of each array of a state whether it is cut."""
        if self._mesh is None:
            return update

        def together(state: Any) -> tuple[Any, Any]:
            specs = jax.tree.map(_spec, apart(state))
            run = jax.shard_map(
                update, mesh=self._mesh, in_specs=(specs,), out_specs=(specs, PartitionSpec()), check_vma=False
            )
            return run(state)

        return together

    def placed(self, state: Any, apart: Callable[[Any], Any]) -> Any:
        """Puts a state where its parts are computed; `apart` says of each array whether it is cut."""
        mesh = self._mesh
        if mesh is None:
            return jax.device_put(state, self._devices[0]) if self._devices else state
        return placed(state, jax.tree.map(lambda cut: NamedSharding(mesh, _spec(cut)), apart(state)))


def fitting_count(size: int, devices: Sequence[Any], worth: int) -> int:
    """Returns how many equal parts there are, one for each core, as far as `size` can be cut and up to `worth`.

    Raises:
        InputError: The cores are those of several hosts.
    """
    # A GPU takes a larger batch in the same time: whoever has several says how many parts there shall be.
    cores = [device for device in devices if device.platform == "cpu"]
    if len({device.process_index for device in cores}) > 1:
        raise InputError(NEEDS_PARTS)
    return max(n for n in range(1, max(1, min(len(cores), worth)) + 1) if size % n == 0)


def _shared_by(count: int, devices: Sequence[Any]) -> list[Any]:
    """Returns as many devices as can share the parts evenly, as many of each host: none may be left out."""
    by_host: dict[int, list[Any]] = {}
    for device in devices:
        by_host.setdefault(device.process_index, []).append(device)
    if not by_host:
        return []
    if count % len(by_host):
        raise InputError(f"`n_parts` must be a multiple of the number of hosts, {len(by_host)}; got {count}.")
    most = min(map(len, by_host.values()))
    each = max(n for n in range(1, most + 1) if count % (n * len(by_host)) == 0)
    return [device for own in by_host.values() for device in own[:each]]


def _spec(cut: bool) -> PartitionSpec:
    return PartitionSpec(PARTS) if cut else PartitionSpec()
