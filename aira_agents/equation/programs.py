"""A compiled program that knows how long it ran, compiling apart."""

import time
from collections.abc import Callable
from typing import Any

import jax


class Program:
    """Compiles a function of arrays when it is first called, and again for other shapes."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = jax.jit(function)
        self._compiled: dict[Any, Any] = {}
        self.compile_s, self.running_s = 0.0, 0.0

    def __call__(self, *arguments: Any) -> Any:
        """Runs to the end."""
        leaves, structure = jax.tree.flatten(arguments)
        form = structure, tuple((leaf.shape, leaf.dtype) for leaf in leaves)
        if form not in self._compiled:
            began = time.perf_counter()
            self._compiled[form] = self._function.lower(*arguments).compile()
            self.compile_s += time.perf_counter() - began
        began = time.perf_counter()
        done = jax.block_until_ready(self._compiled[form](*arguments))
        self.running_s += time.perf_counter() - began
        return done
