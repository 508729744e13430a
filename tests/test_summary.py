"""A summary counts what is there, says how skewed it is, and balancing evens it out."""

import dataclasses
import functools

import numpy as np
import probes
import pytest
from recorded import meadow, rooms

from aira_agents.data.recording import record
from aira_agents.data.samples import rows
from aira_agents.data.summary import Counts, balance, summarize
from aira_agents.errors import InputError
from aira_agents.learning.cloning import BehaviourCloning
from aira_agents.learning.train import train
from aira_agents.policies import RandomPolicy
from aira_agents.policies.mlp import MLPPolicy

WORLD = probes.Bandit(n_players=2)


def pulled(actions, cues=None):
    """Episodes of one step in which the two players did as told."""
    data = record(WORLD, {probes.ROLE: RandomPolicy()}, 0, len(actions), columns=("cue",))
    episodes = []
    for i, (episode, did) in enumerate(zip(data.episodes, actions, strict=True)):
        track = episode.tracks[probes.ROLE]
        columns = {"cue": np.asarray([cues[i]], np.float32)} if cues else track.columns
        changed = dataclasses.replace(track, actions={"choose": np.asarray([did], np.int32)}, columns=columns)
        episodes.append(dataclasses.replace(episode, tracks={probes.ROLE: changed}))
    return dataclasses.replace(data, episodes=tuple(episodes))


def test_decisions_are_counted_by_action_and_by_group():
    data = pulled([(0, 0), (0, 1), (0, 0)], cues=[(-1, 1), (1, 1), (1, 1)])
    found = summarize(data, by="cue")
    own = found.roles[probes.ROLE]
    assert (found.episodes, found.steps, found.people) == (3, 3, 0)
    assert (own.samples, own.lives) == (6, 6)
    assert own.actions["choose"].counts == {"first": 5, "second": 1}
    assert own.groups is not None and own.groups.counts == {"-1.0": 1, "1.0": 5}
    assert "first 5 (83%), second 1 (17%)" in str(found)


def test_evenness_is_entropy_over_its_maximum():
    assert Counts({"a": 5, "b": 5}).evenness == pytest.approx(1.0)
    assert Counts({"a": 9, "b": 0, "c": 0}).evenness == 0.0
    assert Counts({"a": 3, "b": 1}).evenness == pytest.approx(0.8113, abs=1e-4)  # bits, by hand
    assert (Counts({"a": 6, "b": 2}).ratio, Counts({"a": 6, "b": 0}).ratio) == (3.0, float("inf"))


def test_what_is_skewed_missing_or_of_one_kind_is_said():
    assert summarize(pulled([(1, 1)])).remarks == [
        "Every action of choose of player is 'second': nothing else can be learned from it."
    ]
    skewed = summarize(pulled([(0, 0)] * 10 + [(0, 1)])).remarks
    assert skewed == ["The commonest action of choose of player is there 21 times as often as the rarest: skewed."]
    assert summarize(pulled([(0, 1)])).remarks == []
    assert summarize(pulled([(0, 1)]).filter(lambda e: False)).remarks == ["There is no episode in it."]


def test_a_meadow_and_a_room_are_summed_up():
    found = summarize(meadow(), by="x")
    own = found.roles["forager"]
    assert (own.samples, own.lives, found.people) == (120, 30, 1)
    assert sum(own.actions["move"].counts.values()) == 120
    assert own.groups is not None and set(own.groups.counts) == set("012345")
    low, mean, high = summarize(rooms()).roles["thermostat"].ranges["heater"].popitem()[1]
    assert low <= mean <= high


def test_balanced_groups_count_alike_and_weights_keep_their_sum():
    data = pulled([(0, 0), (0, 1), (0, 0)])
    samples = rows(balance(data, "choose"), probes.ROLE)
    did = samples.actions["choose"]
    assert samples.weight[did == 0].sum() == pytest.approx(3.0) and samples.weight[did == 1].sum() == pytest.approx(3.0)
    again = rows(balance(balance(data, "choose"), "choose"), probes.ROLE)
    np.testing.assert_allclose(again.weight, samples.weight, rtol=1e-6)


@pytest.mark.slow
def test_a_clone_of_balanced_data_is_undecided_where_one_of_skewed_data_is_not():
    data = pulled([(0, 0)] * 30 + [(0, 1)] * 4)
    losses = []
    for own in (data, balance(data, "choose")):
        learner = BehaviourCloning(batch_size=64, n_minibatches=4, learning_rate=0.02).learner(
            WORLD, functools.partial(MLPPolicy.build, hidden=(8,)), own
        )
        losses.append(train(learner, n_steps=40 * learner.steps_per_update, progress=False).last["loss/player"])
    assert losses[0] == pytest.approx(0.224, abs=0.02)  # the entropy of 4 in 68
    assert losses[1] == pytest.approx(np.log(2), abs=0.02)


def test_a_column_that_is_not_there_or_has_too_many_values_is_refused():
    data = pulled([(0, 1)])
    with pytest.raises(InputError, match="Unknown column or effector 'side'"):
        summarize(data, by="side")
    with pytest.raises(InputError, match="Unknown column or effector 'side'"):
        balance(data, "side")
    many = pulled([(0, 1)] * 60, cues=[(i, i + 0.5) for i in range(60)])
    with pytest.raises(InputError, match="has 120 different values"):
        summarize(many, by="cue")
