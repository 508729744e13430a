"""An episode is one world from reset to end, and knows whose life each row is."""

import jax
import numpy as np
import probes
import pytest
from recorded import wildlife

from aira_agents.data.recording import PERSON, Tape, keeper, provenance, record
from aira_agents.errors import IncompatiblePolicyError, InputError
from aira_agents.keys import straight
from aira_agents.loop import start, unroll
from aira_agents.policies import RandomPolicy, Rule
from environments.cartpole import CartPole
from environments.foraging import Foraging, ForagingModel, greedy

MEADOW = Foraging(n_agents=3, width=6, height=5, food_at_start=0.2, max_steps=7)
RULE = {"forager": Rule(greedy)}


def test_every_life_begins_fresh_and_ends_once_as_its_last_step_says():
    for episode in wildlife().episodes:
        born_late = 0
        for track in episode.tracks.values():
            for uid in np.unique(track.uid[track.active]):
                steps, slots = np.nonzero((track.uid == uid) & track.active)
                ends = track.terminated[steps, slots] | track.truncated[steps, slots]
                assert len(set(slots)) == 1 and list(steps) == list(range(steps[0], steps[-1] + 1))
                assert track.fresh[steps, slots].tolist() == [True] + [False] * (len(steps) - 1)
                assert ends.tolist() == [False] * (len(steps) - 1) + [True]
                born_late += steps[0] > 0
                assert (track.parent[steps[0], slots[0]] >= 0) == (steps[0] > 0)
        assert born_late > 0  # or the world was too poor to test anything


def test_worlds_that_end_by_themselves_give_their_first_episode_only():
    data = record(CartPole(), {"cart": RandomPolicy()}, 0, 20)
    lengths = [episode.n_steps for episode in data.episodes]
    assert len(set(lengths)) > 5 and all(5 < n < 200 for n in lengths)
    for episode in data.episodes:
        track = episode.tracks["cart"]
        assert track.terminated[:, 0].tolist() == [False] * (episode.n_steps - 1) + [True]
        assert np.abs(track.features[0]).max() <= 0.05 * 1.0001  # where a reset puts it
        assert np.abs(track.final).max() > 0.2  # a pole that has fallen: not the next world's


def test_blocks_of_worlds_are_no_part_of_the_answer_but_for_their_keys(monkeypatch):
    monkeypatch.setattr("aira_agents.data.recording.WORLDS_AT_ONCE", 2)
    data = record(MEADOW, RULE, 0, 5)
    assert [episode.provenance.index for episode in data.episodes] == [0, 1, 2, 3, 4]
    assert len({episode.tracks["forager"].features.tobytes() for episode in data.episodes}) == 5


def test_the_same_seed_records_the_same_and_another_seed_another():
    one, same, other = (record(MEADOW, RULE, seed, 2).episodes[1].tracks["forager"] for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.features, same.features)
    assert not np.array_equal(one.features, other.features)


def test_where_recording_stops_before_the_world_the_last_step_is_truncated():
    episode = record(MEADOW, RULE, 0, 2, most_steps=3).episodes[0]
    track = episode.tracks["forager"]
    assert track.truncated.tolist() == [[False] * 3, [False] * 3, [True] * 3]
    longer = record(MEADOW, RULE, 0, 2).episodes[0]
    np.testing.assert_array_equal(track.final, longer.tracks["forager"].features[3])


def test_a_tape_of_a_hosted_model_holds_what_the_compiled_loop_does():
    model = ForagingModel(n_agents=3, width=6, height=5, food_at_start=0.2, max_steps=7, policy=greedy, rng=5)
    tape = Tape(model.environment, columns=("x",))
    while model.running:
        model.step()
        tape.add(model.transition)
    about = provenance(model.environment, {"forager": PERSON}, who="p1", licence="CC0-1.0")
    episode = tape.episode(about, model.state)
    now = start(MEADOW, RULE, straight(jax.random.key(np.uint32(5))))
    _, moments = jax.jit(lambda now: unroll(MEADOW, RULE, now, 7, keeper({"forager": ("x",)})))(now)
    track, kept = episode.tracks["forager"], moments.roles["forager"]
    for name in ("features", "reward", "truncated", "uid"):
        np.testing.assert_array_equal(getattr(track, name), kept[name])
    np.testing.assert_array_equal(track.actions["move"], kept["actions"]["move"])
    np.testing.assert_array_equal(track.columns["x"], kept["columns"]["x"])
    assert track.fresh[0].all() and not track.fresh[1:].any()
    assert (episode.provenance.who, episode.provenance.policies) == ("p1", {"forager": "person"})


def test_an_episode_says_where_it_comes_from_and_has_an_id_of_its_own():
    data = record(MEADOW, RULE, 7, 2, who="p1", licence="CC0-1.0")
    about = data.episodes[1].provenance
    assert (about.world, about.seed, about.index, about.who, about.licence) == ("foraging", 7, 1, "p1", "CC0-1.0")
    assert about.parameters["food_at_start"] == 0.2
    assert len({episode.id for episode in data.episodes}) == 2
    other = provenance(MEADOW, {"forager": RandomPolicy()})
    assert other.policies != about.policies


@pytest.mark.parametrize(
    ("policies", "options", "error", "message"),
    [
        (RULE, {"n_episodes": 0}, InputError, "at least 1 episode"),
        (RULE, {"n_episodes": 1, "most_steps": 0}, InputError, "at least 1 episode of 1 step"),
        (RULE, {"n_episodes": 1, "columns": ("side",)}, InputError, "Unknown column 'side'"),
        ({}, {"n_episodes": 1}, IncompatiblePolicyError, "none for 'forager'"),
    ],
)
def test_nonsense_is_refused(policies, options, error, message):
    with pytest.raises(error, match=message):
        record(MEADOW, policies, 0, **options)


def test_a_rule_that_fails_says_so_itself():
    def act(observation, rng):
        return 9

    with pytest.raises(InputError, match=r"must return an integer in 0\.\.4"):
        record(MEADOW, {"forager": Rule(act)}, 0, 1)


def test_an_empty_tape_is_no_episode():
    with pytest.raises(InputError, match="at least one step"):
        Tape(MEADOW).episode(provenance(MEADOW, RULE), MEADOW.reset(jax.random.key(0)))


def test_dead_rows_take_no_part():
    data = record(probes.HalfEmpty(n_players=3), {probes.ROLE: RandomPolicy()}, 0, 4)
    assert data.n_samples == 4
    assert all(episode.tracks[probes.ROLE].weight.tolist() == [[1.0, 0.0, 0.0]] for episode in data.episodes)
