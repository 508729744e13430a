"""Signals as arrays, what is remembered of the steps they are about, and which step gets how much of which signal."""

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.human.credit import CreditWindow, traced
from aira_agents.types import Array, Bool, Float, Int


class Signals(eqx.Module):
    """Signals about agents of one role."""

    time_s: Float[Array, " signals"]  # since the present window of steps began; negative: before
    world: Int[Array, " signals"]
    row: Int[Array, " signals"]
    life: Int[Array, " signals"]  # which of the lives in that row is meant
    value: Float[Array, " signals"]  # above 0: approval
    given: Bool[Array, " signals"]  # the others are empty places

    @classmethod
    def none(cls, n: int) -> "Signals":
        """Returns `n` empty places."""
        zero = jnp.zeros(n, jnp.int32)
        return cls(jnp.zeros(n), zero, zero, zero, jnp.zeros(n), jnp.zeros(n, bool))

    def joined(self, other: "Signals") -> "Signals":
        """Returns both."""
        return jax.tree.map(lambda a, b: jnp.concatenate([a, b]), self, other)


class Moments(eqx.Module):
    """What agents of one role perceived and did in a window of steps, `[steps, worlds, capacity, ...]`."""

    features: Float[Array, "steps worlds capacity features"]
    valid: dict[str, Array]
    actions: dict[str, Array]
    active: Bool[Array, "steps worlds capacity"]
    life: Int[Array, "steps worlds capacity"]  # counts the lives in a row
    uid: Int[Array, "steps worlds capacity"]

    def joined(self, other: "Moments") -> "Moments":
        """Returns this window and the one after it."""
        return jax.tree.map(lambda a, b: jnp.concatenate([a, b]), self, other)


class Lessons(eqx.Module):
    """A signal about a step, for each signal and each step that it may be about, `[signals, lags, ...]`."""

    features: Float[Array, "signals lags features"]
    valid: dict[str, Array]
    actions: dict[str, Array]
    value: Float[Array, "signals lags"]
    credit: Float[Array, "signals lags"]  # 0..1; 0: not about this step


def lessons(
    moments: Moments,
    now_at: int,
    signals: Signals,
    window: CreditWindow,
    step_s: Float[Array, ""],
    n_lags: int,
    trace_decay: Float[Array, ""] | float | None = None,
) -> Lessons:
    """Credits signals to steps.

    A step counts only if the agent meant lived in it: not somebody who was in that row before, nor the dead.

    Args:
        moments: The steps that are remembered.
        now_at: The number, among these, of the step in which the present window began: time 0 of the signals.
        signals: Those that came in the remembered time.
        window: The delay of who gave them.
        step_s: How long a step lasts.
        n_lags: How many steps a signal can be about.
        trace_decay: Share of a step's credit that the one before it gets, too; `None`: nothing.
    """
    shown = jnp.floor(signals.time_s / step_s).astype(jnp.int32)
    steps = shown[:, None] - jnp.arange(n_lags, dtype=jnp.int32)[None]
    age_s = signals.time_s[:, None] - steps * step_s
    at = steps + now_at
    remembered = (at >= 0) & (at < moments.active.shape[0])
    place = (jnp.clip(at, 0, moments.active.shape[0] - 1), signals.world[:, None], signals.row[:, None])
    meant = moments.active[place] & (moments.life[place] == signals.life[:, None])
    counts = remembered & meant & signals.given[:, None]
    credit = jnp.where(counts, window.credit(age_s, step_s), 0.0)
    return Lessons(
        moments.features[place],
        jax.tree.map(lambda leaf: leaf[place], moments.valid),
        jax.tree.map(lambda leaf: leaf[place], moments.actions),
        jnp.broadcast_to(signals.value[:, None], age_s.shape),
        credit if trace_decay is None else jnp.where(counts, traced(credit, trace_decay), 0.0),
    )
