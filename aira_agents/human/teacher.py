"""A simulated teacher: approves of what an expert would have done, late, tired, and sometimes wrong.

Always on simulated time, never by the clock of the machine.
Source: kinds of faults: Lee et al. 2021, "B-Pref: benchmarking preference-based reinforcement learning", section 4.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.core import Tracer

from aira_agents.errors import InputError
from aira_agents.human.signals import Moments, Signals
from aira_agents.parameters import check_parameters, number, option
from aira_agents.types import Array, Bool, Float, Key, Number


class Teacher(eqx.Module):
    """Who gives signals: +1 for what an expert would have done too, -1 for anything else."""

    rate: Number = number(0.5, low=0, high=1, help="chance that a step of an agent is judged at all")
    low_s: Number = number(0.2, low=0, high=60, unit="s", help="shortest delay")
    high_s: Number = number(0.8, low=0, high=60, unit="s", help="longest delay")
    mistakes: Number = number(0.1, low=0, high=1, help="chance that a signal is the wrong way round")
    leniency: Number = number(0.0, low=0, high=1, help="chance that a disapproval is kept back")
    fatigue: Number = number(0, low=0, unit="signals", help="signals after which the rate has halved; 0: tireless")
    budget: Number = number(0, low=0, unit="signals", help="signals in all; 0: no limit")
    standard: str = option(
        "absolute", ("absolute", "improvement"), help="whether right is praised always, or only if it is news"
    )

    def __check_init__(self) -> None:
        check_parameters(self)
        if not isinstance(self.low_s, Tracer) and bool(self.low_s > self.high_s):
            raise InputError(f"Teacher: `low_s` may not exceed `high_s`; got {self.low_s:g} and {self.high_s:g}.")

    def judge(
        self,
        moments: Moments,
        right: Bool[Array, "steps worlds capacity"],
        competence: Float[Array, ""],
        n_given: Float[Array, ""],
        step_s: Float[Array, ""],
        key: Key,
    ) -> Signals:
        """Returns a place for each step of each agent, filled where a signal is given.

        Args:
            moments: What happened.
            right: Whether the action was the expert's.
            competence: How often the agents have been right lately, 0..1; what `improvement` is measured against.
            n_given: Signals given before.
            step_s: How long a step lasts.
            key: For what is judged, when, and how wrongly.
        """
        judge_key, delay_key, mistake_key, lenient_key = jax.random.split(key, 4)
        shape = right.shape
        tired = jnp.where(self.fatigue > 0, 0.5 ** (n_given / jnp.maximum(self.fatigue, 1.0)), 1.0)
        noticed = moments.active & (jax.random.uniform(judge_key, shape) < self.rate * tired)
        approves = right ^ (jax.random.uniform(mistake_key, shape) < self.mistakes)
        given = noticed & (approves | (jax.random.uniform(lenient_key, shape) >= self.leniency))
        ordinal = jnp.cumsum(given.reshape(-1), dtype=jnp.float32).reshape(shape)
        given &= (self.budget == 0) | (n_given + ordinal <= self.budget)
        value = jnp.where(approves, 1.0, -1.0)
        if self.standard == "improvement":
            value = approves - competence
        began_s = jnp.arange(shape[0], dtype=jnp.float32)[:, None, None] * step_s
        delay_s = self.low_s + (self.high_s - self.low_s) * jax.random.uniform(delay_key, shape)
        step, world, row = jnp.indices(shape, dtype=jnp.int32)
        del step
        parts = (began_s + delay_s, world, row, moments.life, value, given)
        return Signals(*(part.reshape(-1) for part in parts))
