"""Learners: one a file, and the one host loop that runs any of them."""
