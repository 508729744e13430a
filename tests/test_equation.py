"""The equation as an object, its eight cells, and budgets that are kept."""

import dataclasses
import functools

import jax
import numpy as np
import pytest

from aira_agents.data.dataset import Dataset
from aira_agents.data.recording import record
from aira_agents.equation import AI, HITL, ML, TD, ablate
from aira_agents.equation.worth import CELLS
from aira_agents.errors import InputError
from aira_agents.human.overseer import Overseer
from aira_agents.human.takeover import Takeover
from aira_agents.learning.ppo import PPO
from aira_agents.learning.reinforce import Reinforce
from aira_agents.policies import RandomPolicy, Rule
from aira_agents.policies.gru import GRUPolicy
from aira_agents.policies.lookup import LookupPolicy
from aira_agents.policies.mlp import MLPPolicy
from environments.predator_prey import PredatorPrey
from environments.villages import ROLE, Villages, expert, in_danger, is_well, place

KEY = jax.random.key(0)
WORLD = Villages(vision_radius=1, max_steps=12)
TINY = functools.partial(MLPPolicy.build, hidden=(4,))
STEPS = 2 * 12 * 3  # three updates


@pytest.fixture(scope="module")
def shown():
    return record(WORLD, {ROLE: Rule(expert())}, 0, 1)


def learning():
    return ML(PPO(n_worlds=2, n_steps=12, n_epochs=1, n_minibatches=1, critic_width=4), steps=STEPS, network=TINY)


def helping(budget=9, per_lesson=4):
    teacher = Overseer(
        expert=expert(), danger=in_danger, place=place, well=is_well, patience=1, least_delay=0, most_delay=0
    )
    return HITL(teacher, channel=Takeover(budget=budget, per_lesson=per_lesson))


def numbers(fitted):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(fitted.policies) if isinstance(leaf, jax.Array)]


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(numbers(first), numbers(second), strict=True))


@pytest.mark.slow
def test_terms_added_in_any_order_are_the_same_program_and_give_the_same_policy(shown):
    ml, td, hitl = learning(), TD(shown, cloning_steps=3), helping()
    first, second = ml + td + hitl, hitl + (td + ml)
    assert first.terms == second.terms == (ml, td, hitl) and first.name == "ML+TD+HITL"
    fitted = first.fit(WORLD, KEY)
    assert same(fitted, second.fit(WORLD, KEY))
    assert not same(fitted, first.fit(WORLD, jax.random.key(1)))
    ml_cost, td_cost, hitl_cost = fitted.ledger.rows
    assert ml_cost.environment_steps == STEPS
    assert td_cost.samples == 48
    assert 0 < hitl_cost.signals <= 9
    assert fitted.ledger.total.person_s == td_cost.person_s + hitl_cost.person_s > 0
    assert "estimated" in str(fitted.ledger)


def test_a_term_is_taken_away_by_its_class_or_itself():
    hitl = helping()
    ai = learning() + hitl
    assert (ai - HITL).name == (ai - hitl).name == "ML"
    assert (ai - HITL - ML).name == "none"
    assert (hitl - HITL).name == "none"
    with pytest.raises(InputError, match="no term HITL to take away from ML"):
        learning() - HITL


def test_a_list_of_terms_is_summed():
    assert sum([learning(), helping()]).name == "ML+HITL"
    assert sum([AI() + learning(), helping()]).name == "ML+HITL"
    with pytest.raises(InputError, match="can be added; got 'ML'"):
        "ML" + learning()


def test_without_any_term_chance_acts_and_nothing_was_spent():
    fitted = AI().fit(WORLD, KEY)
    assert isinstance(fitted.policies[ROLE], RandomPolicy)
    assert fitted.ledger.rows == () and fitted.ledger.total[1:] == (0,) * 5


@pytest.mark.slow
def test_demonstrations_alone_are_looked_up_and_lessons_add_to_them(shown):
    alone = (AI() + TD(shown)).fit(WORLD, KEY).policies[ROLE]
    taught = (helping() + TD(shown)).fit(WORLD, KEY)
    assert isinstance(alone, LookupPolicy) and alone.known.sum() == 48
    assert taught.policies[ROLE].known.sum() == 48 + taught.ledger.rows[1].signals
    assert 0 < taught.ledger.rows[1].signals <= 9


def test_a_person_alone_teaches_nobody():
    fitted = (AI() + helping()).fit(WORLD, KEY)
    assert isinstance(fitted.policies[ROLE], RandomPolicy)


@pytest.mark.slow
def test_cells_whose_terms_are_worth_nothing_equal_those_without(shown):
    (episode,) = shown.episodes
    track = episode.tracks[ROLE]
    tracks = {ROLE: dataclasses.replace(track, weight=np.zeros_like(track.weight))}
    nothing = dataclasses.replace(shown, episodes=(dataclasses.replace(episode, tracks=tracks),))
    ai = learning() + TD(nothing) + helping(budget=0)
    scores = ablate(ai, WORLD, seeds=2, n_worlds=2).scores()
    for name, own in scores.items():
        assert np.array_equal(own, scores["ML" if "ML" in name else "none"])


@pytest.mark.slow
def test_an_ablation_keeps_its_budgets_and_repeats_itself(shown):
    ai = learning() + TD(shown, cloning_steps=3) + helping()

    def run():
        return ablate(ai, WORLD, seeds=2, seed=3, budgets=(1, 2), n_worlds=2)

    found = run()
    for share, cells in found.cells.items():
        assert tuple(cells) == CELLS
        assert all(cell.cost.environment_steps == share * STEPS for name, cell in cells.items() if "ML" in name)
        assert 0 < cells["TD+HITL"].cost.environment_steps < STEPS
        for name, cell in cells.items():
            assert (0 < cell.cost.signals <= 9) == ("HITL" in name) == (cell.present is not None)
            assert cell.cost.samples == (48 if "TD" in name else 0)
            assert cell.scores.shape == (2,) and np.all(np.isfinite(cell.scores))
    again = run()
    for share, cells in found.cells.items():
        for name, cell in cells.items():
            assert np.array_equal(cell.gone["return"], again.cells[share][name].gone["return"])
            assert cell.cost.signals == again.cells[share][name].cost.signals


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda shown: learning() + learning(), "a term ML already"),
        (lambda shown: learning() + HITL, "Is it made"),
        (lambda shown: AI() + learning() - TD, "no term TD to take away"),
        (lambda shown: AI() - PPO, "The terms are ML, TD and HITL"),
        (lambda shown: ML(Reinforce()), "must be `PPO"),
        (lambda shown: ML(PPO(), steps=10), "one update takes"),
        (lambda shown: TD([]), "at least one dataset"),
        (lambda shown: TD(Dataset(shown.interfaces, ())), "none empty"),
        (lambda shown: TD(shown, cloning_steps=-1), "at least 0"),
        (lambda shown: HITL(3), "give `HITL"),
        (lambda shown: (AI() + learning()).fit(PredatorPrey(), KEY), "worlds with one role"),
        (lambda shown: (AI() + TD(shown)).fit(Villages(vision_radius=2), KEY), "do not fit 'villages'"),
        (lambda shown: (ML(network=GRUPolicy.build) + TD(shown)).fit(WORLD, KEY), "without a memory"),
        (lambda shown: ablate(learning() + TD(shown), WORLD), "no HITL here"),
        (lambda shown: ablate(learning() + TD(shown) + helping(), WORLD, seeds=1), "needs 2 seeds"),
        (lambda shown: ablate(learning() + TD(shown) + helping(), WORLD, budgets=()), "a budget"),
    ],
)
def test_what_is_no_equation_is_refused_in_one_line(make, message, shown):
    with pytest.raises(InputError, match=message) as refused:
        make(shown)
    assert "\n" not in str(refused.value)
