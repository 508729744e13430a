"""Many updates as one call of one compiled program, with all that they measured."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from aira_agents.learning.learner import Learner, Metrics
from aira_agents.types import Array, Bool, Int

# Learners only: of worlds without networks some gain by either, and flocks lose a tenth by the first.
FOR_A_CPU: dict[str, Any] = {
    # Half as wide by default, wherever a processor has them: networks learn 7 to 8 % faster (PPO, AVX-512).
    "xla_cpu_prefer_vector_width": 512,
    # A better look at which arrays a loop may write over: a quarter of all copies fewer, 2 % of PPO on CartPole.
    "xla_cpu_copy_insertion_use_region_analysis": True,
}


class Dispatched(NamedTuple):
    """What one call left."""

    state: Any
    metrics: dict[str, np.ndarray]  # name to [updates]
    sound: bool  # whether all numbers are finite; if not, the last update is the one that blew up
    seconds: float


class Dispatch:
    """The compiled program of one learner; calling it takes the state over (its buffers are donated)."""

    def __init__(self, learner: Learner, state: Any, most: int) -> None:
        """Compiles; `most` is the number of updates that one call can take."""
        arrays, self._static = eqx.partition(state, eqx.is_array)
        begun = time.perf_counter()
        # Back to where it was: on several devices the compiler would choose anew.
        kept = jax.tree.map(_places, arrays)
        told = next((_whole(place) for place in jax.tree.leaves(kept)), None)
        program = jax.jit(
            _updates(learner, self._static, most), donate_argnums=0, out_shardings=(kept, told, told, told)
        )
        lowered = program.lower(arrays, np.int32(0))
        self.names = sorted(lowered.out_info[1])
        self._program = lowered.compile(FOR_A_CPU if jax.default_backend() == "cpu" else None)
        self.compile_seconds = time.perf_counter() - begun

    def __call__(self, state: Any, count: int) -> Dispatched:
        """Takes `count` updates, or fewer if numbers blow up."""
        arrays, _ = eqx.partition(state, eqx.is_array)
        begun = time.perf_counter()
        arrays, table, taken, sound = self._program(arrays, np.int32(count))
        n = int(taken)  # waits
        seconds = time.perf_counter() - begun
        metrics = {name: np.asarray(column)[:n] for name, column in table.items()}
        return Dispatched(eqx.combine(arrays, self._static), metrics, bool(sound), seconds)


def _places(leaf: Array) -> Any:
    return leaf.sharding if len(leaf.sharding.device_set) > 1 else None


def _whole(place: NamedSharding) -> NamedSharding:
    return NamedSharding(place.mesh, PartitionSpec())


def _updates(learner: Learner, static: Any, most: int) -> Callable[[Any, Array], Any]:
    def run(arrays: Any, count: Int[Array, ""]) -> tuple[Any, Metrics, Int[Array, ""], Bool[Array, ""]]:
        # Gone through once: Python takes as long for it as for all else that comes before compiling.
        one: Any = eqx.filter_closure_convert(learner.update, eqx.combine(arrays, static))
        table = {name: jnp.zeros((most,), metric.dtype) for name, metric in one.out_struct[1].items()}

        def unfinished(carry: Any) -> Bool[Array, ""]:
            _, _, taken, sound = carry
            return (taken < count) & sound

        # A loop whose length is an argument, not a scan: one program for any number of updates, so that where a run
        # was cut into dispatches never changes its numbers.
        def update(carry: Any) -> Any:
            arrays, table, taken, _ = carry
            state, metrics = one(eqx.combine(arrays, static))
            table = {name: column.at[taken].set(metrics[name]) for name, column in table.items()}
            sound = _all_finite(metrics) & _policies_finite(learner, state)
            return eqx.partition(state, eqx.is_array)[0], table, taken + 1, sound

        return jax.lax.while_loop(unfinished, update, (arrays, table, jnp.zeros((), jnp.int32), jnp.ones((), bool)))

    return run


def may_be_missing(name: str) -> bool:
    """Says whether a metric is measured over ended lives: it is not-a-number where none ended."""
    return name.split("/")[0] in ("return", "length")


def _all_finite(metrics: Metrics) -> Bool[Array, ""]:
    checked = [~jnp.isinf(metric) if may_be_missing(name) else jnp.isfinite(metric) for name, metric in metrics.items()]
    return jnp.all(jnp.stack(checked))


def _policies_finite(learner: Learner, state: Any) -> Bool[Array, ""]:
    leaves = jax.tree.leaves(eqx.filter(learner.policies(state), eqx.is_inexact_array))
    return jnp.all(jnp.stack([jnp.ones((), bool), *(jnp.all(jnp.isfinite(leaf)) for leaf in leaves)]))
