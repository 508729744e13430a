"""Datasets are split by episode, merged, filtered, and come back from a file as they were."""

import dataclasses

import numpy as np
import pytest
from recorded import carts, meadow

from aira_agents.data.dataset import Dataset, merge
from aira_agents.data.episodes import arrays_of
from aira_agents.data.samples import rows, sequences
from aira_agents.errors import CorruptFileError, InputError
from environments.cartpole import CartPole
from environments.foraging import Foraging


def assert_same(one, other):
    assert one.interfaces == other.interfaces
    assert [e.provenance for e in one.episodes] == [e.provenance for e in other.episodes]
    for mine, theirs in zip(one.episodes, other.episodes, strict=True):
        for role, track in mine.tracks.items():
            arrays, others = arrays_of(track), arrays_of(theirs.tracks[role])
            assert arrays.keys() == others.keys()
            for name, array in arrays.items():
                np.testing.assert_array_equal(array, others[name])
                assert array.dtype == others[name].dtype


def test_a_split_has_every_episode_once_and_cuts_none():
    parts = meadow().split({"train": 0.7, "test": 0.3}, seed=1)
    assert (len(parts["train"]), len(parts["test"])) == (7, 3)
    ids = [episode.id for part in parts.values() for episode in part.episodes]
    assert sorted(ids) == sorted(episode.id for episode in meadow().episodes)
    again, other = (meadow().split({"train": 0.7, "test": 0.3}, seed=seed) for seed in (1, 2))
    assert [e.id for e in again["test"].episodes] == [e.id for e in parts["test"].episodes]
    assert [e.id for e in other["test"].episodes] != [e.id for e in parts["test"].episodes]


def test_images_of_an_episode_go_where_it_goes():
    images = [
        dataclasses.replace(e, provenance=dataclasses.replace(e.provenance, origin=e.id, symmetry="flip"))
        for e in meadow().episodes
    ]
    parts = dataclasses.replace(meadow(), episodes=meadow().episodes + tuple(images)).split({"train": 0.5, "test": 0.5})
    sources = [{episode.source for episode in part.episodes} for part in parts.values()]
    assert [len(part) for part in parts.values()] == [10, 10] and not sources[0] & sources[1]


@pytest.mark.parametrize("shares", [{}, {"train": 0.5}, {"train": 1.5, "test": -0.5}])
def test_shares_that_make_no_whole_are_refused(shares):
    with pytest.raises(InputError, match="add up to 1"):
        meadow().split(shares)


def test_too_few_episodes_for_a_part_are_refused():
    with pytest.raises(InputError, match=r"3 episode\(s\) are too few for a part 'test'"):
        carts().split({"train": 0.9, "test": 0.1})


def test_what_is_in_two_datasets_is_merged_once():
    late, early = (meadow().filter(lambda e, late=late: (e.provenance.index > 3) == late) for late in (True, False))
    assert (len(late), len(early), len(merge([late, early, late]))) == (6, 4, 10)


def test_other_worlds_are_not_merged_and_do_not_fit():
    with pytest.raises(InputError, match="cannot be merged: its roles are cart, not forager"):
        merge([meadow(), carts()])
    with pytest.raises(InputError, match="nothing to merge"):
        merge([])
    with pytest.raises(InputError, match="episodes are of foraging and do not fit 'cartpole'"):
        meadow().check_fits(CartPole())
    with pytest.raises(InputError, match="perceives 50 numbers, not 18"):
        meadow().check_fits(Foraging(vision_radius=2))
    meadow().check_fits(Foraging(n_agents=7))


def empty():
    return meadow().filter(lambda e: False)


@pytest.mark.parametrize("recorded", [meadow, carts, empty])
def test_a_file_gives_back_what_was_saved(recorded, tmp_path):
    data = recorded()
    assert_same(Dataset.load(data.save(tmp_path / "some.episodes")), data)
    assert_same(Dataset.from_bytes(data.to_bytes()), data)


def test_a_truncated_altered_or_foreign_file_is_one_clear_line(tmp_path):
    path = meadow().save(tmp_path / "some.episodes")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CorruptFileError, match="truncated"):
        Dataset.load(path)
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(CorruptFileError, match="altered"):
        Dataset.load(path)
    with pytest.raises(CorruptFileError, match="A stored episode is truncated"):
        Dataset.from_bytes(whole[:100])
    with pytest.raises(InputError, match="no file"):
        Dataset.load(tmp_path / "none")


def test_who_is_left_out_is_gone():
    assert len(meadow().without("p2")) == 10
    assert len(meadow().without("p1")) == 0


def test_rows_are_the_decisions_of_the_living_that_count():
    assert rows(meadow(), "forager").features.shape == (10 * 4 * 3, 18)
    first = meadow().episodes[0]
    half = dataclasses.replace(first.tracks["forager"], weight=np.zeros((4, 3), np.float32))
    dull = dataclasses.replace(first, tracks={"forager": half})
    others = dataclasses.replace(meadow(), episodes=(dull, *meadow().episodes[1:]))
    assert len(rows(others, "forager").weight) == 9 * 4 * 3
    with pytest.raises(InputError, match="nothing to learn from"):
        rows(dataclasses.replace(meadow(), episodes=(dull,)), "forager")
    with pytest.raises(InputError, match="Unknown role 'cart'"):
        rows(meadow(), "cart")


def test_sequences_are_padded_with_what_counts_for_nothing():
    lengths = [episode.n_steps for episode in carts().episodes]
    ordered = sequences(carts(), "cart")
    assert ordered.samples.features.shape == (3, max(lengths), 1, 4)
    assert ordered.samples.weight.sum() == sum(lengths)
    assert ordered.active.sum(axis=(1, 2)).tolist() == lengths
