"""Neural agents that sense, decide, act and learn inside real Mesa models."""
