"""Shapes are checked in every test: jaxtyping and beartype are hooked over the packages before any import."""

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "Agg")

import jax
from jaxtyping import install_import_hook

install_import_hook(["aira_agents", "environments", "scenarios", "viz"], "beartyped.check")
jax.config.update("jax_numpy_rank_promotion", "raise")
