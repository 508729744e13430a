"""Many runs of a world as one compiled program: settings, seeds and devices side by side, each run on its own."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from aira_agents.environment import Environment
from aira_agents.hosts import gathered, placed, several
from aira_agents.keys import straight
from aira_agents.loop import Now, Transition, one_step, start, where_worlds
from aira_agents.neighbours.room import CROWDED
from aira_agents.parameters import with_axis
from aira_agents.policies.policy import AbstractPolicy
from aira_agents.sweeps.measures import Share, measured
from aira_agents.sweeps.trained import Trainer
from aira_agents.types import Array, Key

RUNS = "runs"


class Program:
    """Runs one world, at so many settings at once, on all devices: an equal share each, and none waits for another."""

    def __init__(
        self,
        environment: Environment,
        policies: Mapping[str, AbstractPolicy],
        varied: tuple[str, ...],
        moments: tuple[int, ...],
        at_once: int,
        devices: Sequence[Any],
        train: Trainer | None = None,
        keep: tuple[str, ...] = (),
    ) -> None:
        """Compiles.

        Args:
            environment: The world; `varied` numbers of it differ from run to run.
            policies: Role to policy, unless `train` makes them.
            varied: Names of numbers of the world.
            moments: The steps after which is measured.
            at_once: The number of runs, a multiple of that of devices.
            devices: Which share them.
            train: From a world and a key to policies.
            keep: Names of what to measure; what is left out is never computed. None: all.
        """
        mesh = Mesh(np.asarray(devices), (RUNS,))
        self._whole = NamedSharding(mesh, PartitionSpec(RUNS))
        self._dtypes = {name: getattr(environment, name).dtype for name in varied}
        arrays, static = eqx.partition((environment, dict(policies)), eqx.is_array)
        fixed = (arrays, np.diff(moments, prepend=0).astype(np.int32))
        self._fixed = placed(fixed, NamedSharding(mesh, PartitionSpec()))
        may_end = bool(environment.max_steps <= moments[-1]) or "max_steps" in varied
        may_end = may_end or type(environment).terminated is not Environment.terminated
        share = _share(static, train, keep, may_end=may_end)
        if len(devices) > 1:
            specs, across = (PartitionSpec(RUNS), PartitionSpec(RUNS), PartitionSpec()), PartitionSpec(None, RUNS)
            share = jax.shard_map(share, mesh=mesh, in_specs=specs, out_specs=across, check_vma=False)
        some = self._placed(np.zeros(at_once, np.uint32), {name: np.zeros(at_once) for name in varied})
        self._compiled = jax.jit(share).lower(*some, self._fixed).compile()

    @property
    def bytes_per_device(self) -> int:
        """What all runs together need at their largest, on each device."""
        needs: Any = self._compiled.memory_analysis()
        return int(needs.temp_size_in_bytes + needs.argument_size_in_bytes + needs.output_size_in_bytes)

    def __call__(self, seeds: np.ndarray, values: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Returns what was measured, by name: `[moments, runs]`; `step` is how far the run had come."""
        found = self._compiled(*self._placed(seeds, values), self._fixed)
        found = jax.device_get(gathered(found) if several() else found)
        with np.errstate(invalid="ignore", divide="ignore"):  # not-a-number where there was nobody
            return {name: (np.float64(value) / count).astype(value.dtype) for name, (value, count) in found.items()}

    def _placed(self, seeds: np.ndarray, values: Mapping[str, np.ndarray]) -> tuple[Array, dict[str, Array]]:
        own = {name: np.asarray(values[name]).astype(dtype) for name, dtype in self._dtypes.items()}
        return placed((seeds.astype(np.uint32), own), self._whole)


def _share(static: Any, train: Trainer | None, keep: tuple[str, ...], *, may_end: bool) -> Callable[..., Any]:
    """Returns what one device does with its runs."""

    def share(seeds: Array, values: dict[str, Array], fixed: Any) -> dict[str, Share]:
        arrays, gaps = fixed
        world, policies = eqx.combine(arrays, static)
        worlds, axes = with_axis(world, values)
        keys = straight(jax.vmap(jax.random.key)(seeds))
        own, shared = eqx.partition(policies, eqx.is_array)
        own_axes: Any = None
        if train is not None:
            own, shared = eqx.filter_vmap(_apart(train), in_axes=(axes, 0))(worlds, keys)
            own_axes = 0

        def one(world: Environment, own: Any, now: Now) -> tuple[Now, Transition]:
            return one_step(world, eqx.combine(own, shared), now)

        def begin(world: Environment, own: Any, key: Key) -> Now:
            return start(world, eqx.combine(own, shared), key)

        starts = jax.vmap(begin, in_axes=(axes, own_axes, 0))(worlds, own, keys)
        steps = jax.vmap(one, in_axes=(axes, own_axes, 0))
        return _run(worlds, axes, starts, lambda now: steps(worlds, own, now), gaps, keep, may_end=may_end)

    return share


def _apart(train: Trainer) -> Callable[..., tuple[Any, Any]]:
    """Returns `train` with arrays and all else apart: only arrays get an axis of runs."""
    return lambda world, key: eqx.partition(train(world, key), eqx.is_array)


def _run(
    worlds: Environment,
    axes: Any,
    starts: Now,
    steps: Callable[[Now], tuple[Now, Transition]],
    gaps: Array,
    keep: tuple[str, ...],
    *,
    may_end: bool,
) -> dict[str, Share]:
    """Runs all side by side; a run that ends stands still and is measured as it ended."""
    ended = jax.vmap(lambda world, now: world.ended(now.state), in_axes=(axes, 0))
    measure = jax.vmap(lambda world, now: measured(world, now.state), in_axes=(axes, 0))
    zeros = {role: jnp.zeros(starts.state.time.shape) for role in starts.state.agents}

    def step(_: Any, carry: tuple[Now, dict[str, Share], dict[str, Array]]) -> Any:
        before, _, total = carry
        now, transition = steps(before)
        gained = {role: jnp.sum(jnp.where(f.active, f.reward, 0.0), axis=1) for role, f in transition.feedback.items()}
        acted = {role: jnp.sum(f.active, axis=1) for role, f in transition.feedback.items()}
        last = {role: (gained[role], acted[role].astype(jnp.float32)) for role in gained}
        after = (now, last, {role: total[role] + gained[role] for role in gained})
        return where_worlds(ended(worlds, before), carry, after) if may_end else after

    def until(carry: Any, gap: Array) -> tuple[Any, dict[str, Share]]:
        carry = jax.lax.fori_loop(0, gap, step, carry)
        now, last, total = carry
        row = measure(worlds, now)
        row |= {f"reward_{role}": value for role, value in last.items()}
        row |= {f"total_reward_{role}": (value, jnp.ones_like(value)) for role, value in total.items()}
        # Who found no room is always counted: the run is then made again with more.
        kept = {name: value for name, value in row.items() if not keep or name in keep or name == CROWDED}
        return carry, kept | {"step": (now.state.time, jnp.ones_like(now.state.time))}

    nobody = {role: (zero, zero) for role, zero in zeros.items()}
    return jax.lax.scan(until, (starts, nobody, zeros), gaps)[1]
