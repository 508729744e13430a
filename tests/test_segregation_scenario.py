"""The lesson of segregation: its claim on fixed seeds."""

import jax
import numpy as np
import pytest

from aira_agents.errors import InputError
from aira_agents.statistics import mean_interval
from environments.segregation import Segregation
from scenarios import segregation as lesson


def test_who_asks_for_four_of_ten_ends_with_far_more():
    world = Segregation(width=20, height=20, homophily=0.4)
    index = np.asarray(lesson.live(world, jax.random.key(0), 8, 30)[0])
    assert abs(index[:, 0].mean() - 0.5) < 0.05
    assert mean_interval(index[:, -1]).low > 0.65


def test_the_lesson_draws_and_says_what_it_found(tmp_path, capsys):
    lesson.main(seeds=2, steps=5, results=tmp_path)
    said = capsys.readouterr().out
    (picture,) = tmp_path.glob("*/segregation.png")
    assert picture.stat().st_size > 10_000
    assert str(picture) in said and "ask for 40% alike" in said


def test_too_little_to_measure_is_refused(tmp_path):
    with pytest.raises(InputError, match="at least 2 seeds"):
        lesson.main(seeds=1, results=tmp_path)
