"""A mix with RL: reward and people change the policy that acts, and what people said can be taken back exactly."""

import time

import jax
import numpy as np
import pytest
from test_page_teaching import acted, approve, begun, make, walk  # noqa: F401  a fixture

from aira_agents.human.biasing import Biased, biased
from aira_agents.policies.mlp import MLPPolicy
from aira_agents.policies.value import ValuePolicy

pytestmark = pytest.mark.filterwarnings("ignore")


def acting(lab):
    """Returns the policy that acts in the world, without what the page wraps around it."""
    return lab.model.value.policies["forager"].policy.policy


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))


def chance(lab):
    """The chance, under the policy that acts, of what the judged agent did last."""
    shown = lab.teaching.reel.last
    row = np.flatnonzero(shown.uid == lab.teaching.subject())[0]
    logits = acting(lab)(jax.numpy.asarray(shown.features[row]), None)[0]
    return float(jax.nn.softmax(logits)[shown.actions["move"][row]])


@pytest.mark.slow
def test_reward_and_people_both_change_who_acts_and_undo_takes_back_what_people_said_alone(make, monkeypatch):  # noqa: F811
    import viz.learners  # noqa: PLC0415  it starts Solara
    from viz.meter import meter  # noqa: PLC0415

    monkeypatch.setattr(viz.learners, "AGENTS", 24)

    lab = make()
    begun(lab, "mix with RL")
    teaching = lab.teaching
    assert isinstance(acting(lab), Biased)
    until(lambda: lab.training.policies is not None and same(acting(lab).policy, lab.training.policies["forager"]))
    first = acting(lab).policy
    until(lambda: not same(first, acting(lab).policy))  # reward changes it, and nobody said anything
    lab.learn(False)
    until(lambda: lab.training.rests)
    before, untold = acting(lab), chance(lab)
    approve(lab, 10)
    teaching.live.settle()
    assert chance(lab) > untold + 0.1 and same(acting(lab).policy, before.policy)
    found = meter(teaching, lab.training.steps)
    assert found.moved["ML"] > 0 and found.moved["HITL"] > 0.05 and found.moved["TD"] == 0
    lab.choose("random")
    lab.learn(True)
    steps = lab.training.steps
    until(lambda: lab.training.steps > steps)
    assert lab.choice.value == "random"  # reward does not choose who acts
    lab.let_act("taught here")  # what people said outlives what reward changes
    until(lambda: not same(acting(lab).policy, before.policy))
    lab.learn(False)
    until(lambda: lab.training.rests)
    for _ in range(10):
        teaching.undo()
    teaching.live.settle()
    assert same(acting(lab).person, before.person)
    assert same(acting(lab).policy, lab.training.policies["forager"])


@pytest.mark.slow
def test_tomorrow_a_mix_goes_on_where_reward_and_people_stood_and_another_mix_does_not(make, monkeypatch):  # noqa: F811
    import viz.learners  # noqa: PLC0415  it starts Solara
    from aira_agents.learning import background  # noqa: PLC0415
    from aira_agents.learning.checkpoint import NAME  # noqa: PLC0415

    monkeypatch.setattr(viz.learners, "AGENTS", 24)
    monkeypatch.setattr(background, "KEEP_S", 1e-9)
    lab = make()
    who = begun(lab, "mix with RL")
    until(lambda: lab.training.steps > 0)
    lab.learn(False)
    until(lambda: lab.training.rests)
    approve(lab, 3)
    lab.teaching.live.settle()
    folder, steps, person = lab.training.folder, lab.training.steps, acting(lab).person
    kept = (folder / NAME).read_bytes()
    lab.close()

    again = make()
    again.teaching.agree(who)
    again.teaching.begin(run=again.teaching.notebook.earlier()[0])
    again.teaching.live.settle()
    assert again.training.folder == folder and same(acting(again).person, person)
    until(lambda: again.training.policies is not None)
    assert again.training.steps > steps  # counted on from there
    again.learn(False)
    until(lambda: again.training.rests)
    assert (folder / NAME).read_bytes() != kept

    again.teaching.begin("mix with RL")  # another one: what this tab learns is not of that mix
    assert again.training.folder == folder and "began before the mix" in again.teaching.said.value
    again.forget()
    assert not folder.exists()
    again.learn(True)
    until(lambda: again.training.steps > 0)
    assert again.training.folder != folder and again.training.folder.exists()
    again.learn(False)


def test_a_person_who_expects_nothing_biases_nothing_and_values_are_biased_before_they_are_sharpened():
    key, features = jax.random.key(0), jax.numpy.ones(3)
    policy, person = MLPPolicy.build(3, 2, key), MLPPolicy.build(3, 2, jax.random.key(1), final_scale=1.0)
    weight = jax.numpy.float32(2.0)
    alone, expected = policy(features, None)[0], person(features, None)[0]
    assert np.array_equal(biased(policy, person, 0 * weight)(features, None)[0], alone)
    assert np.allclose(biased(policy, person, weight)(features, None)[0], alone + 2 * expected)
    sharp = biased(ValuePolicy(policy), person, weight)
    assert isinstance(sharp, ValuePolicy) and np.allclose(sharp.values(features, None)[0], alone + 2 * expected)
