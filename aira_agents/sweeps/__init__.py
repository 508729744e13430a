"""Sweeps: a world at many settings and seeds, as few programs, with a tidy table for result."""
