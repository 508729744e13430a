"""It shows that it works: what the literature agrees on, over seeds; the rest is printed by `benchmarks/people.py`."""

import numpy as np
import people_experiments as experiments
import pytest

from aira_agents.statistics import mean_interval


@pytest.mark.slow
def test_praise_alone_makes_agents_loop_if_they_look_ahead():
    myopic, farsighted = (experiments.praise_alone(discount, 8) for discount in (0.0, 0.99))
    # Who reaches the goal is praised no more: better to walk to and fro before it until time is out.
    assert mean_interval(myopic).low > 0.3
    assert mean_interval(farsighted).high < -2.0


@pytest.mark.slow
def test_praise_for_news_only_is_unlearned_by_tamer_and_not_by_coach():
    right = experiments.news_only(8)
    half = right["TAMER"].shape[1] // 2
    kept = {
        name: mean_interval(own[:, -50:].mean(axis=1) - own[:, half - 50 : half].mean(axis=1))
        for name, own in right.items()
    }
    assert kept["TAMER"].high < -0.1, kept
    assert kept["COACH"].low > -0.1, kept


@pytest.mark.slow
def test_cloning_pays_for_the_horizon_by_its_square_and_dagger_by_itself():
    costs = experiments.cost_of_a_horizon(64)
    cloning, dagger = (experiments.exponent_interval(costs[name]) for name in ("cloning", "DAgger"))
    assert cloning[1] > 1.5 and dagger[2] < 1.5, (cloning, dagger)


@pytest.mark.slow
def test_tamer_leads_early():
    earned = experiments.tamer_beside_reinforcement(8)
    ahead = mean_interval((earned["TAMER"] - earned["Q-learning"])[:, :2].mean(axis=1))
    assert ahead.low > 0, ahead


def test_exponents_are_those_of_known_curves():
    horizons = np.asarray(experiments.HORIZONS, float)[:, None]
    for power in (1.0, 2.0):
        costs = 0.1 * horizons**power * np.ones((1, 5))
        np.testing.assert_allclose(experiments.exponent_interval(costs, 10), power, rtol=1e-6)
