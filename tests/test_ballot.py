"""People compare clips: questions wait for them, answers count once, and what makes no sense is refused in words."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ring import Ring

from aira_agents.errors import InputError
from aira_agents.human.ballot import Ballot
from aira_agents.human.preferences import Preferences
from aira_agents.human.reward_model import encoded
from aira_agents.learning.q_learning import QLearning
from aira_agents.policies.networks import Network
from environments.thermostat import Thermostat


@pytest.fixture(scope="module")
def asked():
    """A world, its ballot's learner, and how it updates."""
    world = Ring(max_steps=12)
    record = Preferences(
        n_worlds=4, clip_steps=6, n_questions=3, n_candidates=9, first=2, n_gradients=8, width=8, memory_size=50
    )
    learner = record.learner(world, Network("tabular", bins=2).builders(world), rl=QLearning(n_worlds=2, n_steps=4))
    return world, jax.jit(learner.init)(jax.random.key(0)), jax.jit(learner.update)


def test_questions_wait_until_they_are_answered_or_skipped_and_then_others_are_asked(asked):
    world, state, update = asked
    ballot = Ballot(world)
    state, _ = update(ballot.hand_over(state))
    assert ballot.questions == []  # nothing was asked when it last looked
    state = ballot.hand_over(state)
    first, second, third = ballot.questions
    ballot.answer(first.id, "first")
    state, _ = update(ballot.hand_over(state))
    assert [own.id for own in ballot.questions] == [second.id, third.id]
    state = ballot.hand_over(state)
    assert [own.id for own in ballot.questions] == [second.id, third.id]
    ballot.answer(second.id, "skip")
    ballot.answer(third.id, "equal")
    state, _ = update(ballot.hand_over(state))
    answered = state.tastes["walker"].answered
    assert int(answered.count) == 2 and answered.packed[1][:2].tolist() == [1.0, 0.5]
    state = ballot.hand_over(state)
    assert len(ballot.questions) == 3 and not {own.id for own in ballot.questions} & {first.id, second.id, third.id}
    assert int(state.n_asked["walker"]) == 6


def test_a_clip_says_who_it_is_of_and_what_they_perceived_and_did(asked):
    world, state, update = asked
    ballot = Ballot(world)
    state, _ = update(state)
    state = ballot.hand_over(state)
    question = ballot.questions[0]
    pair = state.questions["walker"].pairs[0]
    for clip, inputs in zip((question.first, question.second), pair, strict=True):
        assert clip.uid in (1, 2) and 0 <= clip.world < 4
        assert np.all(clip.features.sum(axis=1) == 1)  # one place of the ring
        again = encoded(world.roles[0], jnp.asarray(clip.features), {"step": jnp.asarray(clip.actions["step"])})
        np.testing.assert_array_equal(again, inputs)


def test_numbers_are_decoded_too():
    world = Thermostat(n_rooms=1)
    (role,) = world.roles
    (name,) = role.spaces
    numbers = jnp.asarray([[0.3], [0.9]]) * role.spaces[name].high[0]
    inputs = encoded(role, jnp.ones((2, role.n_features)), {name: numbers})
    features, actions = Ballot(world)._decoded(role.name, np.asarray(inputs))
    np.testing.assert_allclose(actions[name], numbers, rtol=1e-5)
    assert features.shape == (2, role.n_features)


def test_answers_that_make_no_sense_are_refused(asked):
    world, state, update = asked
    ballot = Ballot(world)
    state, _ = update(state)
    ballot.hand_over(state)
    name = ballot.questions[0].id
    with pytest.raises(InputError, match="Did you mean 'first'"):
        ballot.answer(name, "frist")
    with pytest.raises(InputError, match="Nobody is asked 'walker-0-0' any more"):
        ballot.answer("walker-0-0", "first")
    ballot.answer(name, "second")
    with pytest.raises(InputError, match="it counts once"):
        ballot.answer(name, "first")
