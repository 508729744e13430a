"""Cells without reinforcement: what was demonstrated or corrected is looked up, and nothing is learned.

Without demonstrations nothing is written down either: chance, with a person beside it who leads.
"""

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.data.samples import Samples
from aira_agents.environment import Environment
from aira_agents.equation.pupil import accompanied, kept
from aira_agents.equation.tables import corrected, joined, n_pressed, weighed
from aira_agents.equation.terms import HITL
from aira_agents.learning.collect import begin, collect
from aira_agents.policies.lookup import LookupPolicy
from aira_agents.types import Array, Int, Key


class Notebook(eqx.Module):
    """What was shown, and what a person added in lessons."""

    demonstrations: Samples
    corrections: Samples
    keys_left: Int[Array, ""]
    lessons: Int[Array, ""]  # lives of a world that the person watched

    @property
    def policy(self) -> LookupPolicy:
        """Returns what looks it up; chance, where nothing was demonstrated."""
        taught = jnp.any(self.demonstrations.weight > 0)
        table = joined(self.demonstrations, weighed(self.corrections, taught))
        return LookupPolicy.build(jnp.asarray(table.features), table.actions, jnp.asarray(table.weight) > 0)

    def after_lesson(self, world: Environment, hitl: HITL, key: Key, n_steps: int) -> "Notebook":
        """Runs one world with the person beside it; returns the notebook with what they did for those they led."""
        (role,) = world.roles
        channel = hitl.channel
        with_person = {role.name: channel.accompanied(self.policy, hitl.teacher)}
        worlds = begin(world, {role.name: self.policy}, key, 1)
        keys = jnp.minimum(self.keys_left, channel.per_lesson)[None]
        happened = collect(world, with_person, accompanied(worlds, role, hitl, keys), n_steps, kept)[1]
        spent = n_pressed(happened, role, channel)
        table, lessons = self.corrections, self.lessons + (self.keys_left > 0)
        if channel.extends_lookup:
            table = corrected(table, role, happened, channel)
        return Notebook(self.demonstrations, table, self.keys_left - spent, lessons)


def after_lessons(notebook: Notebook, world: Environment, hitl: HITL, keys: Array, n_steps: int) -> Notebook:
    """Runs a lesson for each of `keys`, one after the other, each in a new world."""

    def lesson(notebook: Notebook, key: Key) -> tuple[Notebook, None]:
        return notebook.after_lesson(world, hitl, key, n_steps), None

    return jax.lax.scan(lesson, notebook, keys)[0]
