"""Lessons that run: one a file; each shows its loop and hides nothing."""
