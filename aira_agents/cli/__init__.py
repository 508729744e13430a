"""The command `aira`."""
