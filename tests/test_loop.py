"""The loop: what it keeps, when it renews, whose memory is whose."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from aira_agents.loop import one_step, rollout, start, start_worlds, unroll
from aira_agents.policies import RandomPolicy
from aira_agents.policies.policy import Policy
from environments.foraging import Foraging

WORLD = Foraging(n_agents=4, width=6, height=6, max_steps=5)
KEY = jax.random.key(0)


class Counter(Policy):
    """Acts at random and counts its steps."""

    def __call__(self, features, memory):
        return jnp.zeros(5), memory + 1

    def initial_memory(self):
        return jnp.zeros((), jnp.int32)


POLICIES = {"forager": Counter()}
run = eqx.filter_jit(rollout)


def worlds(n=3):
    return eqx.filter_jit(start_worlds)(WORLD, POLICIES, KEY, n)


def test_a_step_moves_time_and_counts_in_memory():
    begun = eqx.filter_jit(start)(WORLD, POLICIES, KEY)
    now, transition = eqx.filter_jit(one_step)(WORLD, POLICIES, begun)
    assert int(now.state.time) == 1 and now.memories["forager"].tolist() == [1] * 4
    assert transition.feedback["forager"].active.all()
    assert not transition.feedback["forager"].truncated.any()


def test_worlds_are_renewed_when_time_is_out_and_only_then():
    now, kept = run(WORLD, POLICIES, worlds(), 12, lambda t: (t.feedback["forager"].truncated, t.fresh["forager"]))
    truncated, fresh = (np.asarray(values) for values in kept)
    ends = np.isin(np.arange(12), [4, 9])
    assert np.array_equal(truncated.all((1, 2)), ends) and np.array_equal(truncated.any((1, 2)), ends)
    assert np.array_equal(fresh.all((1, 2)), ends) and np.array_equal(fresh.any((1, 2)), ends)
    assert now.state.time.tolist() == [2] * 3 and now.memories["forager"].tolist() == [[2] * 4] * 3


def test_the_final_observation_is_of_the_world_that_ended():
    def keep(transition):
        return transition.final["forager"], transition.percepts["forager"].features

    before, _ = run(WORLD, POLICIES, worlds(), 4, lambda t: None)
    _, (final, seen) = run(WORLD, POLICIES, before, 2, keep)
    ended = jax.vmap(lambda now: one_step(WORLD, POLICIES, now)[0].state)
    # Vision has no noise: whatever the key, the same is seen.
    expected = jax.jit(lambda now: jax.vmap(lambda state: WORLD.observe(state, KEY))(ended(now)))(before)
    assert np.array_equal(final[0], expected["forager"].features)
    assert not np.array_equal(final[0], seen[1])


def test_worlds_differ_from_each_other_and_repeat_themselves():
    _, first = run(WORLD, POLICIES, worlds(), 5, lambda t: t.decisions["forager"].actions["move"])
    _, again = run(WORLD, POLICIES, worlds(), 5, lambda t: t.decisions["forager"].actions["move"])
    assert np.array_equal(first, again)
    assert not np.array_equal(first[:, 0], first[:, 1])


def test_without_a_reset_a_world_goes_on_where_it_stopped():
    policies = {"forager": RandomPolicy()}
    go = eqx.filter_jit(unroll)
    keep = lambda t: t.percepts["forager"].features  # noqa: E731
    begun = start(WORLD, policies, KEY)
    _, whole = go(WORLD, policies, begun, 4, keep)
    half, first = go(WORLD, policies, begun, 2, keep)
    _, second = go(WORLD, policies, half, 2, keep)
    assert np.array_equal(whole, np.concatenate([first, second]))


@pytest.mark.parametrize("values", [{"n_agents": -1}, {"n_agents": 37}, {"regrowth": 2.0}, {"max_steps": 0}])
def test_a_world_that_cannot_be_is_refused(values):
    with pytest.raises(ValueError, match="must be"):
        Foraging(**{"width": 6, "height": 6, **values})
