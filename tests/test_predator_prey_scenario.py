"""The lesson of predator and prey: its claim on fixed seeds, and how lags are found."""

import numpy as np
import pytest

from aira_agents.errors import InputError
from aira_agents.policies import RandomPolicy
from aira_agents.statistics import mean_interval
from environments.predator_prey import PREDATOR, PREY, PredatorPrey
from scenarios import predator_prey as lesson


def test_the_lag_of_a_series_shifted_by_hand_is_found():
    prey = np.sin(np.arange(500) / 30) + 0.1 * np.random.default_rng(0).normal(size=500)
    lags = np.arange(-60, 61)
    for shift in (-25, 0, 17):
        predators = np.roll(prey, shift)[60:-60]
        assert lags[np.argmax(lesson.lagged(prey[60:-60], predators, lags))] == shift


@pytest.mark.slow
def test_both_sides_live_on_and_predators_follow_prey():
    policies = {PREY: RandomPolicy(), PREDATOR: RandomPolicy()}
    found = lesson.look_for_lags(0, 8, 1500, PredatorPrey(), policies)
    assert np.all(found.lived)
    interval = mean_interval(found.best)
    assert interval.low > 0
    assert interval.high < lesson.LONGEST_LAG


@pytest.mark.slow
def test_the_lesson_draws_and_says_what_it_found(tmp_path, capsys):
    lesson.main(seeds=2, steps=600, results=tmp_path)
    said = capsys.readouterr().out
    assert "of 2 worlds" in said
    (picture,) = tmp_path.glob("*/predator_prey.png")
    assert picture.stat().st_size > 10_000
    assert str(picture) in said


@pytest.mark.slow
def test_where_a_side_dies_out_the_lesson_says_so(tmp_path, capsys):
    lesson.main(seeds=2, steps=600, regrowth=0.0, results=tmp_path)
    assert "in 0 of 2 worlds: too few to say who follows whom." in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [{"seeds": 1}, {"steps": 100}])
def test_too_little_to_measure_is_refused(wrong, tmp_path):
    with pytest.raises(InputError, match="An interval needs at least 2 seeds"):
        lesson.main(results=tmp_path, **wrong)
    assert not list(tmp_path.iterdir())
