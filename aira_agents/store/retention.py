"""How long what is kept of people is kept: set here, and nowhere else."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from aira_agents.store.exports import Forgotten, forget
from aira_agents.store.store import Store
from aira_agents.store.tables import PARTICIPANTS

RETENTION_DAYS = 365  # from the day on which a participant agreed


def forget_expired(store: Store, *, days: float = RETENTION_DAYS) -> dict[str, Forgotten]:
    """Forgets every participant who agreed more than `days` ago; returns what went with each.

    Raises:
        StoreError: The database cannot be used.
    """
    oldest = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds")
    with store.reading() as connection:
        expired = [*connection.execute(select(PARTICIPANTS.c.id).where(PARTICIPANTS.c.since < oldest)).scalars()]
    return {who: forget(store, who) for who in expired}
