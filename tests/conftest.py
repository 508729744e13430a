"""Shapes are checked in every test: jaxtyping and beartype are hooked over the packages before any import."""

import os
import sys

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "Agg")

import jax
import mesa
from jaxtyping import install_import_hook

install_import_hook(["aira_agents", "environments", "scenarios", "viz"], "beartyped.check")
jax.config.update("jax_numpy_rank_promotion", "raise")

# Mesa 3.5 bounds its type parameters by names that it imports for type checkers only; beartype needs them there.
for module, name in (("mesa.agentset", "Agent"), ("mesa.agent", "Model")):
    if module in sys.modules:
        setattr(sys.modules[module], name, getattr(mesa, name))
