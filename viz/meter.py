"""The meter: how much of what the taught agents now do came from reward, from data and from people."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from aira_agents.equation.ledger import Cost, Ledger
from aira_agents.human.listening import Mixed
from aira_agents.human.shares import shares
from viz.mixing import reinforced
from viz.notebook import TAKEOVER
from viz.teaching import Teaching

SITUATIONS = 64  # the last ones, over which choices are compared
MEANING = (
    "How far each term moved the choice of actions, over the last situations these agents were in: from an untrained "
    "network to what was learned from reward (ML), then from data (TD: files, and what people showed while they led), "
    "then from what they said (HITL)."
)


class Meter(NamedTuple):
    """What it shows."""

    ledger: Ledger  # what each term cost
    moved: dict[str, float]  # term to distance, 0..1
    share: dict[str, float]  # term to its share of all distances


def meter(teaching: Teaching, environment_steps: int = 0) -> Meter | None:
    """Returns the meter of a teaching; `None` while nobody listens or nothing was seen.

    Demonstrations are data: what people showed while they led is learned alone first, then with what they said.

    Args:
        teaching: What people did.
        environment_steps: Steps of reward that trained the network that was taught on, or that is mixed in.
    """
    live, reel = teaching.live, teaching.reel
    if live is None or reel is None:
        return None
    seen = reel.recent_features()[-SITUATIONS:]
    if not len(seen):
        return None
    padded = jnp.asarray(np.resize(seen, (SITUATIONS, seen.shape[1])))  # one program, however much was seen
    log = list(teaching.log)
    shown = {entry.said.id: entry.said.lesson for entry in log if entry.said.channel == TAKEOVER}
    listener, untrained = live.course.listener, live.course.untrained()
    networks = [live.begin, live.network_after(shown), live.network]
    if isinstance(listener, Mixed):
        by_reward = reinforced(live.course, teaching.lab)
        stages = [untrained, *(listener.mixed(by_reward, own) for own in networks)]
    else:
        stages = [listener.known(own) for own in (untrained, *networks)]
    distances, _ = shares(live.course.role, stages, padded)
    moved: dict[str, float] = {"ML": 0.0, "TD": 0.0, "HITL": 0.0}
    begun_by = "ML" if isinstance(listener, Mixed) else teaching.term
    for term, distance in zip((begun_by, "TD", "HITL"), distances, strict=True):
        moved[term] += distance
    total = sum(moved.values())
    ledger = Ledger(
        (
            Cost("ML", environment_steps=environment_steps),
            Cost("TD", samples=len(shown)),
            Cost("HITL", signals=len(log) - len(shown), person_s=teaching.notebook.elapsed_s),
        )
    )
    return Meter(ledger, moved, {term: own / total if total > 0 else 0.0 for term, own in moved.items()})
