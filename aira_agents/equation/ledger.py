"""What was spent: environment steps, samples, signals, a person's time, and energy, a row a term."""

import os
from typing import NamedTuple

WATTS_A_CORE = 15.0  # declared: a laptop's processor under load, by core
OVERHEAD = 1.0  # declared: power usage effectiveness; a laptop has no cooling plant
SECONDS_A_STEP = 0.5  # declared: the pace at which a person drives an agent, or watches a world


class Cost(NamedTuple):
    """What one term, or one cell, cost."""

    name: str
    environment_steps: float = 0
    samples: float = 0  # decisions in demonstrations
    signals: float = 0  # keystrokes of the person who watched
    person_s: float = 0  # declared pace times steps; demonstrating counts like watching
    energy_kwh: float = 0  # estimated from the running time, compiling left out

    def __add__(self, other: object) -> "Cost":
        if not isinstance(other, Cost):
            return NotImplemented
        return Cost(self.name, *(a + b for a, b in zip(self[1:], other[1:], strict=True)))


class Ledger(NamedTuple):
    """A row a term, in the order of the equation."""

    rows: tuple[Cost, ...]

    @property
    def total(self) -> Cost:
        """All terms together."""
        total = Cost("total")
        for row in self.rows:
            total = total + row
        return total

    def __str__(self) -> str:
        return "\n".join(
            f"{row.name:>6}: {row.environment_steps:,.0f} environment steps, {row.samples:,.0f} samples, "
            f"{row.signals:,.0f} signals, {row.person_s:,.0f} s of a person (declared pace), "
            f"{row.energy_kwh:.2g} kWh (estimated)"
            for row in (*self.rows, self.total)
        )


def energy_kwh(running_s: float, cores: int | None = None) -> float:
    """Estimates the energy of a program that keeps all cores busy: hours x cores x watts x PUE / 1000."""
    cores = cores or os.cpu_count() or 1
    return running_s / 3600 * cores * WATTS_A_CORE * OVERHEAD / 1000
