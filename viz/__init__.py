"""Pictures of worlds and of results."""
