"""Parts that are taken from one agent alone, or from all of a role, while the world runs; no browser."""

import numpy as np
from worlds import WORLDS

from aira_agents.hosting.programs import _steps
from aira_agents.hosting.steered import model_of, steered
from aira_agents.parameters import parameters_of
from aira_agents.policies.checking import policies_for
from environments.foraging import Foraging, greedy
from viz.impairments import Impairments
from viz.wrapped import blinded, impaired_as, wrapped


def world_of(world, away, policy=None):
    """The world as the page hosts it."""

    def ready(model):
        if away.look(model.state.agents):
            model.swap(impaired_as(away, model.policies, model.environment))

    policies = wrapped(policies_for(world, policy), world, away)
    settings = {name: getattr(world, name) for name in parameters_of(world)}
    return steered(model_of(type(world)), lambda: settings | {"policy": policies}, ready=ready)(rng=3)


def take(model, away, *which):
    """What a switch of the inspector does."""
    away.take(*which)
    away.look(model.state.agents)
    model.swap(impaired_as(away, model.policies, model.environment))


def places(model):
    return {agent.unique_id: agent.pos for agent in model.agents}


def test_one_agent_is_frozen_alone_at_once_and_nothing_compiles():
    away = Impairments()
    model = world_of(Foraging(n_agents=4, width=6, height=6, food_at_start=0.5), away, greedy)
    model.step()
    before, programs = places(model), _steps._cache_size()
    take(model, away, "forager", "move", True, 2)
    for _ in range(4):
        model.step()
    after = places(model)
    assert after[2] == before[2]
    assert sum(after[uid] != before[uid] for uid in (1, 3, 4)) >= 2
    take(model, away, "forager", "move", False, 2)
    for _ in range(4):
        model.step()
    assert places(model)[2] != before[2]
    assert _steps._cache_size() == programs


def test_who_dies_takes_what_was_taken_along_and_the_newborn_in_its_row_is_whole():
    model_class, values, _ = WORLDS["predator_prey"]
    away = Impairments()
    model = world_of(model_class.environment_class(**values), away)
    model.step()
    named = int(np.asarray(model.state.agents["prey"].uid)[0])
    take(model, away, "prey", "move", True, named)
    row_of_others = 0
    for _ in range(60):
        model.step()
        policies, transition = model.decided()
        uids = np.asarray(transition.before.agents["prey"].uid)
        assert np.array_equal(np.asarray(policies["prey"].policy.frozen["move"]), uids == named)
        row_of_others += uids[0] not in (named, -1)
    assert row_of_others > 0  # else nothing was tested
    assert not np.asarray(policies["predator"].policy.frozen["move"]).any()


def test_one_may_keep_what_its_role_lost_until_all_are_switched_again():
    world, away = Foraging(n_agents=3, width=5, height=5), Impairments()
    (role,) = world.roles
    model = world_of(world, away)
    take(model, away, "forager", "vision", True)
    take(model, away, "forager", "vision", False, 2)
    assert blinded(role, away).all(axis=1).tolist() == [True, False, True]
    assert np.array_equal(np.asarray(model.policies["forager"].policy.blind), blinded(role, away))
    assert [away.lacks("forager", "vision", uid) for uid in (1, 2, None)] == [True, False, True]
    assert away.of_roles().rows(role, "vision").all()
    take(model, away, "forager", "vision", True)
    assert blinded(role, away).all()


def test_in_a_new_world_it_is_the_agent_of_that_number_again():
    away = Impairments()
    model = world_of(Foraging(n_agents=3, width=5, height=5, max_steps=2), away, greedy)
    take(model, away, "forager", "move", True, 3)
    for _ in range(3):
        model.step()
    assert model.lives == 2
    assert np.asarray(model.policies["forager"].policy.frozen["move"]).tolist() == [False, False, True]
