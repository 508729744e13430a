"""Environments as live `mesa.Model`s."""
