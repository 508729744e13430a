"""Which steps a signal is about: a person sees, thinks and presses, so a signal is about what happened a while ago.

Source: Knox and Stone 2009, "Interactively shaping agents via human reinforcement: the TAMER framework", section 3.3:
a step is credited with the chance that the delay of the person fell into it. Uniform delays are common in that line.
"""

import math

import equinox as eqx
import jax.numpy as jnp

from aira_agents.errors import InputError
from aira_agents.parameters import check_parameters, number
from aira_agents.types import Array, Bool, Float, Number


class CreditWindow(eqx.Module):
    """A person's delay, evenly spread from `low_s` to `high_s`; both 0: a signal is about the step that is shown."""

    low_s: Number = number(0.2, low=0, high=60, unit="s", help="shortest delay of a person")
    high_s: Number = number(0.8, low=0, high=60, unit="s", help="longest delay of a person")

    def __check_init__(self) -> None:
        check_parameters(self)

    def credit(self, age_s: Float[Array, "*batch"], step_s: Float[Array, ""]) -> Float[Array, "*batch"]:
        """Returns the share, 0..1, of a signal that belongs to a step.

        Args:
            age_s: How long before the signal the step began, in seconds; below 0 for a step yet to come.
            step_s: How long a step lasts.
        """
        return self._chance_up_to(age_s) - self._chance_up_to(age_s - step_s)

    def _chance_up_to(self, delay_s: Array) -> Array:
        spread = self.high_s - self.low_s
        share = jnp.clip((delay_s - self.low_s) / jnp.maximum(spread, 1e-9), 0.0, 1.0)
        return jnp.where(spread > 0, share, (delay_s >= self.low_s).astype(jnp.float32))


def steps_back(high_s: float, step_s: float, most: int) -> int:
    """Returns how many steps a signal can reach back; raises `InputError` if these are more than `most`."""
    reach = math.floor(high_s / step_s + 1e-6) + 2
    if reach > most:
        raise InputError(
            f"A delay of up to {high_s:g} s reaches back over {reach} steps of {step_s:g} s; only {most} are "
            "remembered. Use a shorter delay, longer steps, or more `n_steps`."
        )
    return reach


def traced(credits: Float[Array, "signals lags"], decay: Float[Array, ""] | float) -> Float[Array, "signals lags"]:
    """Lets credit trail off into the past: each step also gets `decay` times what the step after it got.

    Source: MacGlashan et al. 2017, "Interactive learning from policy-dependent human feedback", algorithm 1 (the
    eligibility trace).
    """
    lag = jnp.arange(credits.shape[1], dtype=jnp.int32)
    gap = lag[None] - lag[:, None]  # how much earlier the second step is than the first
    earlier: Bool[Array, "lags lags"] = gap >= 0
    return credits @ jnp.where(earlier, jnp.asarray(decay, jnp.float32) ** jnp.maximum(gap, 0), 0.0)
