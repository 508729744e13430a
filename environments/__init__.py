"""Worlds, one a file; no world imports another, and none draws itself."""

from aira_agents.sweeps.batch import sweep

__all__ = ["sweep"]
