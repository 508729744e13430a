"""The lesson of traffic: its claim on fixed seeds, and the exact law where nobody dawdles."""

import jax
import numpy as np
import pytest

from aira_agents.errors import InputError
from aira_agents.parameters import sweep
from environments.traffic import Traffic
from scenarios import traffic as lesson

DENSITIES = np.array([0.05, 0.1, 0.3, 0.6])


def flows(dawdle):
    world, axes = sweep(Traffic(length=100, dawdle=dawdle), density=DENSITIES.tolist())
    return np.asarray(lesson.drive(world, axes, jax.random.key(0), 4, 100))


def test_without_dawdling_the_flow_is_the_exact_law():
    assert np.allclose(flows(0.0), np.minimum(5 * DENSITIES, 1 - DENSITIES)[:, None], atol=0.01)


def test_with_dawdling_more_cars_get_through_less():
    dawdling = flows(0.3).mean(axis=1)
    assert dawdling[1] > dawdling[2] > dawdling[3]
    assert dawdling[2] < 0.6 * 0.7


def test_the_lesson_draws_and_says_what_it_found(tmp_path, capsys):
    lesson.main(seeds=2, steps=20, results=tmp_path)
    said = capsys.readouterr().out
    (picture,) = tmp_path.glob("*/traffic.png")
    assert picture.stat().st_size > 10_000
    assert str(picture) in said and "Flow peaks at" in said


def test_too_little_to_measure_is_refused(tmp_path):
    with pytest.raises(InputError, match="at least 2 seeds"):
        lesson.main(seeds=1, results=tmp_path)
