"""A simulated person who watches one world and leads whoever is in trouble, one agent at a time.

Late and fallible, as people are: from seeing trouble to the first key pass some steps, and some keys are wrong. Time is
that of the world, never the wall's.

Source: when to take over: Kelly et al. 2019, "HG-DAgger: interactive imitation learning with human experts", section
3; mistakes and delays of simulated people: Lee et al. 2021, "B-Pref", section 4.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.core import Tracer

from aira_agents.environment import Percept, Role
from aira_agents.errors import InputError
from aira_agents.keys import for_agents
from aira_agents.parameters import check_parameters, number, size
from aira_agents.spaces import Discrete
from aira_agents.types import Array, Bool, Float, Int, Key, Number

NOBODY = -1


class Attention(eqx.Module):
    """What a person has in mind of one world."""

    keys_left: Int[Array, ""]  # keystrokes; 0: nobody watches
    leads: Int[Array, ""]  # the row they turned to, or `NOBODY`
    delay: Int[Array, ""]  # steps until their first key
    trail: Float[Array, "patience capacity 2"]  # where everybody was
    seen: Int[Array, " capacity"]  # how many steps of it are of this life


class Overseer(eqx.Module):
    """A person who helps whoever is stuck or in danger, until they no longer are. All functions are of one agent."""

    expert: Callable[..., Any] = eqx.field(static=True)  # `(observation, key)`: what they would do
    danger: Callable[..., Any] = eqx.field(static=True)  # `(observation)`: whether harm is near
    place: Callable[..., Any] = eqx.field(static=True)  # `(observation)`: where it is, `[2]`, in cells
    well: Callable[..., Any] = eqx.field(static=True)  # `(observation)`: whether help is of use; never for the dead
    least_delay: Number = number(1, low=0, whole=True, unit="steps", help="from trouble to the first key, at least")
    most_delay: Number = number(4, low=0, whole=True, unit="steps", help="from trouble to the first key, at most")
    mistakes: Number = number(0.1, low=0, high=1, help="share of keys that are wrong")
    reach: Number = number(2, low=0, unit="cells", help="who stays within so many cells is stuck")
    patience: int = size(8, unit="steps", help="how long somebody must stay there to count as stuck")

    def __check_init__(self) -> None:
        check_parameters(self)
        for name in ("expert", "danger", "place", "well"):
            if not callable(getattr(self, name)):
                raise InputError(f"Overseer: `{name}` must be a function of one agent's observation; got a value.")
        if not isinstance(self.least_delay, Tracer) and bool(self.least_delay > self.most_delay):
            raise InputError(
                f"Overseer: `least_delay` may not exceed `most_delay`; got {self.least_delay} and {self.most_delay}."
            )

    def away(self, capacity: int) -> Attention:
        """Returns the attention of somebody who is not there."""
        zero = jnp.zeros((), jnp.int32)
        trail = jnp.zeros((self.patience, capacity, 2))
        return Attention(zero, zero + NOBODY, zero, trail, jnp.zeros(capacity, jnp.int32))

    def lead(
        self, role: Role, percept: Percept, mind: Attention, key: Key
    ) -> tuple[Bool[Array, " capacity"], dict[str, Array], Attention]:
        """Returns who is led in this step, what the person would have everybody do, and what they have in mind."""
        turn_key, delay_key, act_key = jax.random.split(key, 3)
        observation = jax.vmap(role.observation)(percept.features)
        places = jax.vmap(self.place)(observation)
        moved = jnp.max(jnp.abs(mind.trail - places[None]), axis=(0, 2))
        stuck = (mind.seen >= self.patience) & (moved <= self.reach)
        endangered = jax.vmap(self.danger)(observation)
        troubled = (stuck | endangered) & jax.vmap(self.well)(observation)
        # Danger first; among equals, any.
        urgency = jnp.where(troubled, 1.0 + endangered + 0.5 * jax.random.uniform(turn_key, troubled.shape), 0.0)
        busy = (mind.leads != NOBODY) & troubled[mind.leads] & (mind.keys_left > 0)
        turns = ~busy & jnp.any(troubled) & (mind.keys_left > 0)
        leads = jnp.where(busy, mind.leads, jnp.where(turns, jnp.argmax(urgency), NOBODY)).astype(jnp.int32)
        drawn = jax.random.randint(delay_key, (), self.least_delay, self.most_delay + 1)
        delay = jnp.where(turns, drawn, mind.delay)
        presses = (leads != NOBODY) & (delay == 0)
        led = presses & (jnp.arange(role.capacity) == leads)
        (effector,) = role.effectors
        assert isinstance(effector.space, Discrete)
        act = fallible(self.expert, self.mistakes, len(effector.space.names))
        actions = {effector.name: jax.vmap(act)(observation, for_agents(act_key, role.capacity))}
        mind = Attention(
            mind.keys_left - presses,
            leads,
            jnp.maximum(delay - 1, 0),
            jnp.concatenate([mind.trail[1:], places[None]]),
            mind.seen + 1,
        )
        return led, actions, mind


def fallible(expert: Callable[..., Any], mistakes: Array | float, n_actions: int) -> Callable[..., Any]:
    """Returns a rule that does what `expert` does but for a share of mistakes: another action, any of them."""

    def act(observation: Any, key: Key) -> Int[Array, ""]:
        expert_key, wrong_key, which_key = jax.random.split(key, 3)
        right = expert(observation, expert_key)
        other = (right + jax.random.randint(which_key, (), 1, n_actions)) % n_actions
        return jnp.where(jax.random.bernoulli(wrong_key, mistakes), other, right).astype(jnp.int32)

    return act


def check_role(role: Role) -> None:
    """Raises `InputError` if a person with a keyboard cannot lead such agents."""
    if len(role.effectors) != 1 or not isinstance(role.effectors[0].space, Discrete):
        raise InputError(
            f"Who takes over presses one key a step, so {role.name!r} must have one effector with named actions; "
            f"got {', '.join(f'{name}: {type(space).__name__}' for name, space in role.spaces.items())}."
        )
