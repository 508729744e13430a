"""Worlds, one a file; no world imports another, and none draws itself."""
