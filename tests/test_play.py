"""A person plays the worlds that a policy plays; the policy is scored between chance and them."""

import numpy as np
import pytest

from aira_agents.cli.play import PlayOptions, play
from aira_agents.errors import InputError
from aira_agents.human.demonstrating import demonstrate
from aira_agents.human.level import level, returns_of, returns_played
from aira_agents.policies import Rule
from aira_agents.policies.by_name import named_policies
from aira_agents.store import Store
from environments.foraging import Foraging

WORLD = Foraging(n_agents=2, width=6, height=6, food_at_start=0.5, regrowth=0.05, max_steps=6)
ROLE = WORLD.roles[0].name
RANDOM = named_policies("random", WORLD)


def right(observation, key):
    del observation, key
    return np.int32(4)


def test_a_rule_earns_what_a_person_does_who_presses_the_same_keys_in_the_same_worlds():
    rule = {ROLE: Rule(right)}
    played = demonstrate(WORLD, rule, iter(["right"] * 18), lambda text: None, seed=3, n_episodes=3, who="p")
    human = returns_played(played, ROLE, 6)
    assert human.sum() > 0
    assert human.tolist() == returns_of(WORLD, rule, rule[ROLE], ROLE, 1, 3, 3).tolist()


def test_the_score_is_zero_at_chance_and_one_at_the_person_and_says_how_sure_it_is():
    human, chance = np.array([4.0, 6.0, 5.0, 5.0]), np.array([1.0, 1.0, 2.0, 0.0])
    assert level(human, chance, chance).estimate == 0.0
    assert level(human, human, chance) == (1.0, 1.0, 1.0, 4)
    half = level(human, (human + chance) / 2, chance)
    assert half.estimate == 0.5 and half.low <= 0.5 <= half.high
    wide = level(np.array([9.0, 0.0]), np.array([1.0, 1.0]), np.array([0.0, 1.0]))
    assert np.isinf(wide.high)  # one of two worlds gives no scale
    with pytest.raises(InputError, match="no scale"):
        level(chance, human, chance)
    with pytest.raises(InputError, match="same worlds"):
        level(human, human, chance[:2])


@pytest.mark.parametrize("agreed", [True, False])
def test_plays_are_kept_with_consent_alone(agreed, tmp_path, capsys):
    where = tmp_path / "aira.db"
    keys = ["y" if agreed else "n", *["right", "up"] * 12]
    play(WORLD, RANDOM, iter(keys), PlayOptions(episodes=4, seed=1, database=str(where)))
    told = capsys.readouterr().out
    assert "May your plays be kept" in told and "of your level" in told.replace("\n", " ")
    assert where.exists() == agreed
    if agreed:
        with Store(where) as store:
            (who,) = store.participants()
            (dataset,) = store.datasets(who=who).values()
            assert len(dataset.episodes) == 4 and {e.provenance.seed for e in dataset.episodes} == {1}


def test_a_world_that_was_not_played_to_its_end_is_not_compared():
    played = demonstrate(WORLD, RANDOM, iter(["right"] * 8), lambda text: None, n_episodes=3, who="p")
    assert [episode.n_steps for episode in played.episodes] == [6, 2]
    assert len(returns_played(played, ROLE, 6)) == 1
    with pytest.raises(InputError, match="nothing to compare"):
        play(WORLD, RANDOM, iter(["n", "right", "q"]), PlayOptions())
