"""The human takes over when the learner goes astray, lets go again, and only what they did is learned."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import probes
import pytest
from grid_world import GridWorld

from aira_agents.environment import Percept
from aira_agents.errors import IncompatiblePolicyError, InputError
from aira_agents.evaluation import evaluate
from aira_agents.human.hg_dagger import Gated, HGDAgger
from aira_agents.policies import Rule
from aira_agents.policies.mlp import MLPPolicy
from aira_agents.policies.networks import Network
from environments.thermostat import Thermostat, proportional

SMALL = functools.partial(MLPPolicy.build, hidden=(16,))
KEY = jax.random.key(0)


def along_the_wall(observation, key):
    del key
    return jnp.where(observation["x"] < 4, 3, 0).astype(jnp.int32)


def always(action):
    return Rule(lambda observation, key: jnp.asarray(action, jnp.int32))


def tiny(**values):
    return HGDAgger(
        **{"n_worlds": 4, "n_steps": 8, "batch_size": 32, "memory_size": 2000, "learning_rate": 0.01} | values
    )


def run(learner, n_updates):
    states = jax.jit(lambda key: jax.lax.scan(lambda s, _: learner.update(s), learner.init(key), None, n_updates))
    state, metrics = states(KEY)
    return state, {name: np.asarray(values) for name, values in metrics.items()}


def driven(policy, expert, n_steps, world=None, **values):
    """Returns who was driven in each step of a world that does not change, `[steps, capacity]`, and what was done."""
    world = world or probes.Bandit()
    (role,) = world.roles
    settings = {"patience": 2, "hold": 3, "tolerance": 0.25, "drives": False} | values
    gate = Gated(policy, expert, **{name: jnp.asarray(own) for name, own in settings.items()})
    memories, percept = gate.initial_memories(role.capacity), Percept(jnp.ones((role.capacity, role.n_features)), {})
    taken, actions = [], []
    for step in range(n_steps):
        decision, memories = gate.decide(role, percept, memories, jax.random.key(step))
        taken.append(bool(decision.taken[0]))
        actions.append(np.asarray(next(iter(decision.actions.values())))[0])
    return taken, actions


def test_the_human_waits_takes_over_holds_and_lets_go():
    taken, actions = driven(always(0), always(1), 9)
    assert taken == [False, True, True, True, False, True, True, True, False]
    assert [int(own) for own in actions] == [int(own) for own in taken]


def test_who_does_as_the_expert_is_left_alone_but_for_the_first_drive():
    assert driven(always(1), always(1), 5)[0] == [False] * 5
    assert driven(always(1), always(1), 5, drives=True)[0] == [True] * 5


def test_numbers_that_are_near_enough_are_right():
    near, far = (lambda gain: Rule(lambda observation, key: jnp.full(1, gain)) for _ in range(2))
    world = Thermostat(n_rooms=1)
    (space,) = world.roles[0].spaces.values()
    centre, half = float(space.centre[0]), float(space.half_range[0])
    apart = [driven(near(centre), far(centre + own * half), 4, world)[0] for own in (0.2, 0.3)]
    assert apart == [[False] * 4, [False, True, True, True]]


@pytest.mark.slow
def test_only_what_the_human_did_is_taken_down():
    def labels(**values):
        record = tiny(learning_rate=0.0, **values)
        learner = record.learner(probes.OneForever(max_steps=50), SMALL, experts={"player": always(1)})
        state, metrics = run(learner, 3)
        return int(state.pupils["player"].labels.count), float(metrics["expert_share/player"].sum()) * 32

    for values in ({"driven_steps": 32, "patience": 1000}, {"driven_steps": 0, "patience": 4}):
        count, taken = labels(**values)
        assert count == pytest.approx(taken, abs=0.01) and 0 < count < 96
    assert labels(driven_steps=0, patience=1000)[0] == 0


def test_the_human_does_not_begin_to_drive_again_after_two_thousand_million_steps():
    experts = {"player": always(1)}
    learner = tiny(driven_steps=32, patience=1000).learner(probes.OneForever(max_steps=50), SMALL, experts=experts)
    state = eqx.tree_at(lambda s: s.n_updates, learner.init(KEY), jnp.asarray(2**31 // 32, jnp.int32))
    _, metrics = jax.jit(learner.update)(state)
    assert float(metrics["expert_share/player"]) == 0


def test_the_learner_gets_to_do_without_the_human():
    world = GridWorld(n_walkers=2)
    learner = tiny(driven_steps=64).learner(world, SMALL, experts={"walker": Rule(along_the_wall)})
    state, metrics = run(learner, 60)
    learned = evaluate(world, learner.policies(state), jax.random.key(1), 100, greedy=True)["walker"]
    expert = evaluate(world, {"walker": Rule(along_the_wall)}, jax.random.key(1), 100)["walker"]
    assert learned.estimate == pytest.approx(expert.estimate, abs=0.02)
    assert metrics["expert_share/walker"][-10:].mean() < 0.1 < metrics["expert_share/walker"][2:6].mean()


@pytest.mark.slow
def test_numbers_are_learned_too_and_what_does_not_fit_is_refused():
    world = Thermostat(n_rooms=2, max_steps=30)
    _, metrics = run(tiny().learner(world, SMALL, experts={"thermostat": Rule(proportional())}), 30)
    assert metrics["loss/thermostat"][-1] < metrics["loss/thermostat"][0]
    with pytest.raises(InputError, match="Unknown role 'pupil'"):
        tiny().learner(world, SMALL, experts={"pupil": Rule(proportional())})
    with pytest.raises(IncompatiblePolicyError, match="HGDAgger draws single steps"):
        tiny().learner(probes.Bandit(), Network("gru").builders(probes.Bandit()), experts={"player": always(1)})
