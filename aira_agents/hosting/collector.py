"""Mesa's data collector, reading whole columns where it can."""

from collections.abc import Iterable
from typing import Any

from mesa.datacollection import DataCollector


class HostedCollector(DataCollector):
    """Collects as `mesa.DataCollector` does; agent reporters that are names of columns are read at once."""

    def _new_agent_reporter(self, name: str, reporter: Any) -> None:
        if not hasattr(self, "_reporter_columns"):
            self._reporter_columns: dict[str, Any] = {}
        self._reporter_columns[name] = reporter
        super()._new_agent_reporter(name, reporter)

    def _record_agents(self, model: Any) -> Iterable[Any]:
        names = [*getattr(self, "_reporter_columns", {}).values()]
        if not all(isinstance(name, str) for name in names):
            return super()._record_agents(model)
        # Mesa 3.3 keys records by steps, later ones by time.
        now = getattr(model, "time", model.steps)
        return [(now, *values) for values in model.agents.get(["unique_id", *names])]
