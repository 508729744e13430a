"""Learning from the terms that are there, once."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from aira_agents.environment import Environment
from aira_agents.equation.ledger import SECONDS_A_STEP, Cost, Ledger, energy_kwh
from aira_agents.equation.notebook import Notebook, after_lessons
from aira_agents.equation.programs import Program
from aira_agents.equation.pupil import Pupil, PupilState
from aira_agents.equation.tables import demonstrated, empty_table
from aira_agents.equation.terms import AI, HITL
from aira_agents.learning.learner import copied
from aira_agents.policies.policy import AbstractPolicy
from aira_agents.policies.random import RandomPolicy
from aira_agents.types import Key


class Fitted(NamedTuple):
    """What came of the equation."""

    policies: dict[str, AbstractPolicy]  # of the person, who is gone, there is nothing in them but what was learned
    ledger: Ledger


def fit(ai: AI, world: Environment, key: Key) -> Fitted:
    """Learns; see `AI.fit`."""
    role = ai.role(world)
    shown = empty_table(world, 1)
    if ai.td is not None:
        shown = jax.tree.map(lambda leaf: leaf[0], demonstrated(world, ai.td.datasets, 1))
    budget = 0 if ai.hitl is None else int(ai.hitl.channel.budget)
    book = Notebook(shown, empty_table(world, max(budget, 1)), jnp.asarray(budget, jnp.int32), jnp.zeros((), jnp.int32))
    lives = max(1, -(-budget // int(ai.hitl.channel.per_lesson))) if ai.hitl is not None else 0
    n_steps = int(world.max_steps)
    policy: AbstractPolicy = RandomPolicy()
    done: Notebook | PupilState = book
    steps, running_s = 0, 0.0
    if ai.ml is not None:
        pupil = Pupil(ai, world)
        done, running_s = _learned(pupil, book, key)
        policy, steps, n_steps = pupil.policy(done), ai.ml.n_updates * pupil.steps_per_update, ai.ml.learner.n_steps
    elif ai.td is not None:
        if ai.hitl is not None:
            book, running_s = _taught(book, world, ai.hitl, key, lives, n_steps)
            steps = lives * n_steps
        done, policy = book, book.policy
    signals = budget - int(done.keys_left)
    samples = int(jnp.sum(shown.weight > 0))
    rows = []
    if ai.ml is not None:
        rows.append(Cost("ML", environment_steps=steps, energy_kwh=energy_kwh(running_s)))
    if ai.td is not None:
        rows.append(Cost("TD", samples=samples, person_s=samples * SECONDS_A_STEP))
    if ai.hitl is not None:
        watched = int(done.lessons) * n_steps * SECONDS_A_STEP
        own, kwh = (0, 0.0) if ai.ml is not None else (steps, energy_kwh(running_s))
        rows.append(Cost("HITL", environment_steps=own, signals=signals, person_s=watched, energy_kwh=kwh))
    return Fitted({role.name: copied(policy)}, Ledger(tuple(rows)))


def _learned(pupil: Pupil, book: Notebook, key: Key) -> tuple[PupilState, float]:
    """Returns what was learned, and how long that ran, compiling left out."""
    begin, go_on = Program(pupil.init), Program(lambda state: pupil.updates(state, pupil.ml.n_updates))
    state = go_on(begin(key, book.demonstrations, book.corrections, book.keys_left))
    return state, begin.running_s + go_on.running_s


def _taught(
    book: Notebook, world: Environment, hitl: HITL, key: Key, lives: int, n_steps: int
) -> tuple[Notebook, float]:
    """Returns what was written down after all lessons, and how long they ran, compiling left out."""
    teach = Program(lambda own, keys: after_lessons(own, world, hitl, keys, n_steps))
    return teach(book, jax.random.split(key, lives)), teach.running_s
