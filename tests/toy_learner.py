"""A learner small enough to know by heart: it pulls a weight toward a target, with noise from its key."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.learning.learner import Learner
from aira_agents.policies.mlp import MLPPolicy


class ToyState(eqx.Module):
    """A network, a running key, the number of updates, and a table that stands for worlds."""

    policy: MLPPolicy
    key: jax.Array
    count: jax.Array
    worlds: jax.Array


def toy_learner(*, blows_up_at: int = -1, rate: float = 0.01) -> Learner:
    """Returns the learner; after `blows_up_at` updates its numbers are not-a-number."""

    def init(key: jax.Array) -> ToyState:
        net_key, run_key = jax.random.split(key)
        policy = MLPPolicy.build(3, 2, net_key, hidden=(4,))
        return ToyState(policy, run_key, jnp.zeros((), jnp.int32), jnp.zeros((2, 5)))

    def update(state: ToyState) -> tuple[ToyState, dict[str, jax.Array]]:
        next_key, noise_key = jax.random.split(state.key)
        noise = jax.random.normal(noise_key, (2, 5))

        def loss(policy: MLPPolicy) -> jax.Array:
            output, _ = policy(noise[0, :3], None)
            return jnp.sum((output - 1.0) ** 2)

        value, gradients = eqx.filter_value_and_grad(loss)(state.policy)
        policy = jax.tree.map(lambda p, g: p - rate * g, eqx.filter(state.policy, eqx.is_array), gradients)
        bad = jnp.where(state.count == blows_up_at, jnp.nan, 0.0)
        policy = eqx.combine(jax.tree.map(lambda p: p + bad, policy), state.policy)
        metrics = {"reward": -value, "return": jnp.where(state.count % 2 == 0, jnp.nan, 1.0), "loss": value}
        return ToyState(policy, next_key, state.count + 1, state.worlds + noise), metrics

    def policies(state: ToyState) -> dict[str, Any]:
        return {"toy": jax.tree.map(lambda x: x.copy() if eqx.is_array(x) else x, state.policy)}

    return Learner(init, update, policies, steps_per_update=10)
