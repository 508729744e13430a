"""Shapley values against their definition worked out by hand, and Holm's correction."""

import math

import numpy as np
import pytest

from aira_agents.equation.worth import ALL, CELLS, TERMS, cell_name, differences, holm, shapley
from aira_agents.errors import InputError

BY_HAND = {
    "none": 0.0,
    "ML": 1.0,
    "TD": 2.0,
    "HITL": 0.0,
    "ML+TD": 4.0,
    "ML+HITL": 1.0,
    "TD+HITL": 3.0,
    "ML+TD+HITL": 6.0,
}


def scores(values):
    return {name: np.atleast_1d(np.asarray(value, float)) for name, value in values.items()}


def test_the_values_are_those_of_the_definition():
    # Shares 1/3 with nobody before, 1/6 with either other term, 1/3 with both.
    found = shapley(scores(BY_HAND))
    assert found["ML"] == pytest.approx((1 - 0) / 3 + (4 - 2) / 6 + (1 - 0) / 6 + (6 - 3) / 3)
    assert found["TD"] == pytest.approx((2 - 0) / 3 + (4 - 1) / 6 + (3 - 0) / 6 + (6 - 1) / 3)
    assert found["HITL"] == pytest.approx((0 - 0) / 3 + (1 - 1) / 6 + (3 - 2) / 6 + (6 - 4) / 3)


def test_the_values_of_each_seed_sum_to_all_minus_none():
    rng = np.random.default_rng(0)
    random = {name: rng.normal(size=5) for name in CELLS}
    assert sum(shapley(random).values()) == pytest.approx(random[ALL] - random["none"])


def test_a_term_that_changes_nothing_is_worth_nothing():
    without = {name: float(len(name.replace("+HITL", "").replace("HITL", "none"))) for name in CELLS}
    assert shapley(scores(without))["HITL"] == 0


def test_cells_are_named_in_the_order_of_the_equation():
    assert cell_name(["HITL", "ML"]) == "ML+HITL" and cell_name([]) == "none"
    assert len(set(CELLS)) == 8 and "+".join(TERMS) == ALL


def test_a_missing_cell_is_named():
    with pytest.raises(InputError, match="there is no TD"):
        shapley({name: own for name, own in scores(BY_HAND).items() if name != "TD"})


def test_holm_multiplies_the_smallest_by_all_and_never_lets_a_larger_one_fall_below():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])


def test_differences_are_paired_by_seed():
    rng = np.random.default_rng(1)
    luck = 10 * rng.normal(size=16)  # the same for all cells of a seed: it must not blur the differences
    noisy = {name: luck + value + 0.1 * rng.normal(size=16) for name, value in BY_HAND.items()}
    found = {own.cell: own for own in differences(noisy)}
    assert set(found) == set(CELLS) - {ALL}
    assert found["ML+TD"].difference.estimate == pytest.approx(2, abs=0.2) and found["ML+TD"].clear


def test_what_never_differs_is_not_called_clear():
    (first, *_) = differences({name: np.ones(4) for name in CELLS})
    assert first.difference.estimate == 0 and math.isnan(first.p) and not first.clear
