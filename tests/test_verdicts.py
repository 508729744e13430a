"""Many judge, and some of them badly: what a class says must not be what its loudest say."""

import numpy as np
import pytest

from aira_agents.human.agreement import alpha
from aira_agents.human.verdicts import Ballot, verdict

SEEDS = range(20)
HONEST, MISTAKES = 12, 0.25
ALWAYS_NO, CONTRARY, NOISE = "always no", "contrary", "noise"


def asked(seed, trolls, n_questions=60):
    """Returns what is right of each question, and the votes of an honest class with these trolls in it."""
    rng = np.random.default_rng(seed)
    right = rng.choice([-1, 1], n_questions, p=[0.6, 0.4])
    votes = [np.where(rng.random(n_questions) < MISTAKES, -right, right) for _ in range(HONEST)]
    for troll in trolls:
        votes.append(
            {ALWAYS_NO: -np.ones(n_questions, int), CONTRARY: -right, NOISE: rng.choice([-1, 1], n_questions)}[troll]
        )
    cast = np.stack(votes, axis=1)
    cast[rng.random(cast.shape) < 0.3] = 0  # nobody votes on everything
    return right, cast


@pytest.mark.parametrize("trolls", [[], [ALWAYS_NO], [ALWAYS_NO] * 3, [CONTRARY] * 3, [NOISE] * 6])
def test_a_class_with_trolls_in_it_judges_nearly_as_well_as_one_without(trolls):
    right = [np.mean(np.sign(verdict(votes).value) == truth) for truth, votes in (asked(s, trolls) for s in SEEDS)]
    honest = [np.mean(np.sign(verdict(votes).value) == truth) for truth, votes in (asked(s, []) for s in SEEDS)]
    assert np.mean(right) > np.mean(honest) - 0.02
    assert np.min(right) > 0.8  # eight votes a question, a quarter of them wrong


def test_votes_that_say_nothing_weigh_nothing_and_better_judges_weigh_more():
    _, votes = asked(1, [ALWAYS_NO, CONTRARY], n_questions=200)
    worth = verdict(votes).informedness
    assert worth[-2] < 0.1 and worth[-1] < 0.1
    assert worth[:HONEST].min() > 0.3
    rng = np.random.default_rng(0)
    truth = rng.choice([-1, 1], 200)
    better = [np.where(rng.random(200) < share, -truth, truth) for share in (0.05, 0.1, 0.3, 0.4)]
    worth = verdict(np.stack(better, axis=1)).informedness
    assert worth[:2].min() > worth[2:].max()


def test_one_who_clicks_fifty_times_a_second_counts_once_a_question():
    ballot = Ballot()
    for who in ("ann", "bob"):
        ballot.cast(7, who, 1)
    alone = ballot.value_of(7)
    for _ in range(5000):
        ballot.cast(7, "bot", -1)
    assert 0 < ballot.value_of(7) < alone
    ballot.retract("bot")
    assert ballot.value_of(7) == alone
    assert ballot.people == ["ann", "bob"]


def test_the_last_vote_of_a_person_counts_and_old_questions_are_forgotten():
    ballot = Ballot(remembered=3)
    ballot.cast(1, "ann", -1)
    ballot.cast(1, "ann", 1)
    assert ballot.value_of(1) > 0
    for question in (2, 3, 4):
        ballot.cast(question, "ann", 1)
    assert ballot.value_of(1) == 0.0
    assert ballot.matrix().shape == (3, 1)


def test_no_vote_is_no_judgement():
    assert verdict(np.zeros((2, 3), int)).value.tolist() == [0.0, 0.0]
    assert Ballot().value_of(0) == 0.0
    assert Ballot().matrix().shape == (0, 0)


def test_alpha_is_one_for_full_agreement_near_zero_for_chance_and_none_where_it_means_nothing():
    same = np.array([[1, 1, 1], [-1, -1, 0], [1, 0, 1]])
    assert alpha(same) == 1.0
    chance = np.random.default_rng(0).choice([-1, 1], (500, 6))
    assert alpha(chance) == pytest.approx(0, abs=0.05)
    assert alpha(np.array([[1, 0], [0, -1]])) is None
    assert alpha(np.ones((3, 3), int)) is None
