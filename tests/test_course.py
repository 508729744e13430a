"""Steps are worked out ahead while nobody looks, and nobody can tell."""

import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from worlds import WORLDS

from aira_agents.errors import InputError
from aira_agents.hosting import course
from aira_agents.hosting.course import PATIENCE, WORTH, Course, Stretch
from aira_agents.hosting.programs import AT_ONCE, Program
from environments.cartpole import CartPoleModel
from environments.flocking import FlockingModel, boid
from environments.foraging import Foraging, ForagingModel, greedy

SMALL = {"n_agents": 4, "width": 6, "height": 5, "max_steps": 1000, "rng": 1}
UNSEEN = PATIENCE * AT_ONCE + 3 * AT_ONCE // 2  # steps after which a model is in the middle of its longest stretch


@pytest.fixture
def stretches(monkeypatch):
    """How many steps were taken at once, each time."""
    taken = []

    class Counted(Stretch):
        def __init__(self, program, begun, n):
            super().__init__(program, begun, n)
            taken.extend([n] if n else [])

    monkeypatch.setattr(course, "Stretch", Counted)
    return taken


def arrays(tree):
    return jax.tree.map(
        lambda x: np.asarray(jax.random.key_data(x) if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x), tree
    )


def assert_same(one, other):
    jax.tree.map(np.testing.assert_array_equal, arrays(one), arrays(other))


QUICK = ("foraging", "predator_prey", "thermostat")


@pytest.mark.parametrize("name", [pytest.param(n, marks=[] if n in QUICK else pytest.mark.slow) for n in WORLDS])
def test_a_world_that_nobody_looks_at_is_the_one_that_somebody_looks_at(name, stretches):
    model_class, parameters, rules = WORLDS[name]
    unseen, seen = (model_class(**parameters, policy=rules, rng=3) for _ in range(2))
    for _ in range(UNSEEN):
        unseen.step()
    assert max(stretches) == AT_ONCE and sum(stretches) > UNSEEN  # in the middle of one
    del stretches[:]
    told = []
    for _ in range(UNSEEN):
        seen.step()
        assert seen.state is not None
        told.append(seen.glance)
    assert set(stretches) == {1}
    assert_same(unseen.glance, seen.glance)
    assert_same(unseen.transition, seen.transition)
    assert_same((unseen.state, unseen.memories), (seen.state, seen.memories))
    for column in ("n", "reward"):
        for role in model_class.agent_classes:
            collected = [m.datacollector.model_vars[f"{column}_{role}"] for m in (unseen, seen)]
            np.testing.assert_array_equal(*collected)
    unseen.step()
    seen.step()
    assert_same(unseen.state, seen.state)


@pytest.mark.parametrize("look", ["state", "transition", "memories", "agents", "grid"])
def test_who_looks_after_each_step_has_each_step_taken_for_itself(look, stretches):
    model = ForagingModel(**SMALL)
    for _ in range(3 * PATIENCE):
        model.step()
        seen = getattr(model, look)
        assert look not in ("agents", "grid") or len([*(seen.agents if look == "grid" else seen)]) == 4
    assert set(stretches) == {1}


def test_a_model_takes_no_more_steps_in_vain_than_one_of_eight(stretches):
    model = ForagingModel(**SMALL)
    for step in range(1, 3 * UNSEEN):
        model.step()
        assert sum(stretches) - step <= step / PATIENCE
        if step == UNSEEN:
            model.agents.get("meals")
            del stretches[:]
            stretches.append(step)  # what was worked out beyond this step has been thrown away


def test_a_large_world_takes_its_steps_one_by_one(stretches, monkeypatch):
    monkeypatch.setattr(course, "WORTH", 2 * SMALL["n_agents"] - 1)
    model = ForagingModel(**SMALL)
    for _ in range(UNSEEN):
        model.step()
    assert WORTH > 0 and set(stretches) == {1}


def set_a_number(model):
    model.regrowth = 0.9


def set_a_column(model):
    model.agents[0].meals = 7


def set_a_policy(model):
    model.policy = lambda observation, key: jnp.int32(0)


def add_somebody(model):
    model.agents[0].remove()
    model.add("forager", x=2, y=3)


@pytest.mark.parametrize("change", [set_a_number, set_a_column, set_a_policy, add_somebody])
def test_what_is_changed_counts_from_the_next_step_on(change, stretches):
    models = ForagingModel(**SMALL, policy=greedy), ForagingModel(**SMALL, policy=greedy)
    for model, looks in zip(models, (False, True), strict=True):
        for step in range(2 * UNSEEN):
            if step == UNSEEN:
                assert looks or sum(stretches) > UNSEEN  # in the middle of one
                change(model)
            model.step()
            assert not looks or model.state is not None
    assert_same(models[0].state, models[1].state)


def test_a_world_ends_in_the_middle_of_a_stretch(stretches):
    model = ForagingModel(**SMALL | {"max_steps": UNSEEN})
    model.run_model()
    assert sum(stretches) > model.steps == UNSEEN and not model.running
    assert int(model.state.time) == UNSEEN
    with pytest.raises(InputError, match=f"ended after {UNSEEN} steps"):
        model.step()


def test_what_is_no_action_is_refused_at_its_step_though_it_came_ahead(stretches):
    def lost_without_food(observation, key):
        return jnp.where((observation["vision"][0] > 0).any(), greedy(observation, key), 99)

    def refused(looks):
        model = ForagingModel(
            n_agents=1, width=20, height=20, food_at_start=0.5, regrowth=0, policy=lost_without_food, rng=0
        )
        with pytest.raises(InputError, match="got 99"):
            while True:
                model.step()
                assert not looks or model.state is not None
        assert model.glance.sound and model.steps == int(model.state.time)
        with pytest.raises(InputError, match="got 99"):
            model.step()
        model.policy = None
        model.step()
        return model

    unseen = refused(looks=False)
    assert max(stretches) > 1
    seen = refused(looks=True)
    assert unseen.steps == seen.steps
    assert_same(unseen.state, seen.state)


def test_a_crowd_gets_more_room_in_the_middle_of_a_stretch(stretches):
    crowd = {"n_birds": 24, "width": 30, "height": 30, "vision": 3.0, "policy": boid, "rng": 1, "neighbours": "cells"}
    model = FlockingModel(**crowd, room=8)
    rooms = []
    while model.room == 8:
        model.step()
        rooms.append(max(stretches))
    assert rooms[-2] > 1
    seen = FlockingModel(**crowd, room=8)
    for _ in range(model.steps):
        seen.step()
        assert seen.state is not None
    assert (int(model.state.crowded), seen.room) == (0, model.room)
    assert_same(model.state, seen.state)


def test_a_rule_outside_the_program_is_asked_step_by_step(stretches):
    asked = []

    def numpy_rule(observation, rng):
        asked.append(len(stretches))
        return rng.integers(5)

    def printing_rule(observation, key):
        jax.debug.callback(lambda: asked.append(0))
        return jnp.int32(0)

    for rule, times_a_step in ((numpy_rule, SMALL["n_agents"]), (printing_rule, 1)):
        del asked[:], stretches[:]
        model = ForagingModel(**SMALL, policy=rule)
        for _ in range(4 * PATIENCE):
            model.step()
        jax.effects_barrier()
        assert set(stretches) == {1} and len(asked) == 4 * PATIENCE * times_a_step


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_goes_on_from_the_middle_of_a_stretch(copied):
    model = CartPoleModel(gravity_m_per_s2=0.0, force_n=0.01, max_steps=1000, rng=1)
    for _ in range(UNSEEN):
        model.step()
    other = copied(model)
    for one in (model, other):
        one.step()
    assert_same(model.state, other.state)


def test_a_course_stands_where_it_is_put():
    world = Foraging(n_agents=4, width=6, height=5)
    own = Course(Program(world, ForagingModel(**SMALL).policies), jax.random.key(0))
    assert own.transition is None
    begun = own.now
    for _ in range(UNSEEN):
        own.step()
    own.now = begun
    assert own.now is begun
    own.step()
    assert int(own.now.state.time) == 1
