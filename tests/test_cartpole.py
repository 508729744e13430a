import equinox as eqx
import gymnasium
import jax
import jax.numpy as jnp
import numpy as np

from aira_agents.populations import with_columns
from environments.cartpole import ROLE, CartPole


def test_cartpole_moves_and_falls_as_gymnasium_does():
    world, peer = CartPole(), gymnasium.make("CartPole-v1")
    step = eqx.filter_jit(lambda world, state, push: world.step(state, {ROLE: {"push": push}}, jax.random.key(0)))
    rng, falls = np.random.default_rng(0), 0
    for episode in range(5):
        seen, _ = peer.reset(seed=episode)
        state = with_columns(world.reset(jax.random.key(0)), ROLE, motion=jnp.asarray(seen)[None])
        for _ in range(500):
            push = int(rng.integers(2))
            seen, reward, terminated, truncated, _ = peer.step(push)
            state, feedback = step(world, state, jnp.asarray([push], jnp.int32))
            np.testing.assert_allclose(state.agents[ROLE].motion[0], seen, atol=2e-4)
            assert float(feedback[ROLE].reward[0]) == reward
            assert (bool(feedback[ROLE].terminated[0]), bool(feedback[ROLE].truncated[0])) == (terminated, truncated)
            if terminated or truncated:
                falls += terminated
                break
    assert falls == 5


def test_time_runs_out_after_500_steps():
    world = CartPole()
    upright = eqx.tree_at(lambda s: s.time, world.reset(jax.random.key(0)), jnp.asarray(499, jnp.int32))
    _, feedback = world.step(upright, {ROLE: {"push": jnp.zeros(1, jnp.int32)}}, jax.random.key(0))
    assert bool(feedback[ROLE].truncated[0]) and not bool(feedback[ROLE].terminated[0])
