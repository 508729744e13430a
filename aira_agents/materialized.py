"""Arrays that are worked out once, however many read them.

A compiler for CPUs fuses what is cheap into every use of it: a random direction is drawn for x and again for y, a rank
counted once for each column that is moved. `optimization_barrier` is gone before it fuses; a call that it may not
inline is not.
"""

from typing import TypeVar

import jax
from jax.experimental.xla_metadata import set_xla_metadata

_Arrays = TypeVar("_Arrays")

SMALL = 512  # numbers; fewer are worked out again in less time than a call takes (CartPole learned a third slower)

_kept = jax.jit(jax.lax.optimization_barrier)


def materialized(arrays: _Arrays, least: int = SMALL) -> _Arrays:
    """Returns the same arrays, written to memory once. For what is dear and used several times; it costs a copy.

    Where all have fewer than `least` numbers they are left as they are.
    """
    if all(leaf.size < least for leaf in jax.tree.leaves(arrays)):
        return arrays
    if jax.default_backend() != "cpu":
        return jax.lax.optimization_barrier(arrays)
    with set_xla_metadata(inlineable="false"):
        return _kept(arrays)
