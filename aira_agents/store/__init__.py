"""The store: feedback, episodes and runs in a database, SQLite's or PostgreSQL's."""

from aira_agents.store.events import FeedbackEvent, Receipt
from aira_agents.store.store import Run, Store

__all__ = ["FeedbackEvent", "Receipt", "Run", "Store"]
