"""One line a figure, for people and programs, and the same as JSON."""

import json
from pathlib import Path


class Figures:
    """Collects what a benchmark measured."""

    def __init__(self) -> None:
        self.rows: list[dict[str, object]] = []

    def add(self, name: str, value: float, unit: str, target: float, *, at_least: bool = True) -> None:
        """Prints a figure beside its target; `at_least=False`: the target is an upper bound."""
        reached = value >= target if at_least else value <= target
        verdict = "ok" if reached else "short"
        print(f"FIGURE {name.replace(' ', '_')} {value:.4g} {unit} target {target:g} {verdict}", flush=True)
        self.rows.append({"name": name, "value": value, "unit": unit, "target": target, "verdict": verdict})

    def finish(self, json_path: Path | None) -> None:
        """Writes all figures to `json_path`, if there is one."""
        if json_path is not None:
            json_path.write_text(json.dumps(self.rows, indent=2) + "\n")
