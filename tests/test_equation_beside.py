"""The row beside the eight cells: TAMER+RL, with as many steps and as many signals as they have."""

import functools

import numpy as np
import pytest

from aira_agents.equation import HITL, ML, tamer_rl_row
from aira_agents.errors import InputError
from aira_agents.human.overseer import Overseer
from aira_agents.human.takeover import Takeover
from aira_agents.human.teacher import Teacher
from aira_agents.learning.ppo import PPO
from aira_agents.policies.mlp import MLPPolicy
from environments.villages import Villages, expert, in_danger, is_well, place

WORLD = Villages(vision_radius=1, max_steps=12)
TINY = functools.partial(MLPPolicy.build, hidden=(4,))
STEPS = 3 * (2 * 12 + 12)  # three updates, with the steps that the person watches


def equation():
    teacher = Overseer(expert=expert(), danger=in_danger, place=place, well=is_well)
    ppo = PPO(n_worlds=2, n_steps=12, n_epochs=1, n_minibatches=1, critic_width=4)
    return ML(ppo, steps=STEPS, network=TINY) + HITL(teacher, channel=Takeover(budget=9))


def west(state):
    return {"west": state.agents["villager"].source < 0}


@pytest.mark.slow
def test_it_keeps_the_steps_and_the_signals_of_the_cells():
    prompt = Teacher(rate=1.0, low_s=0.0, high_s=0.2)
    rows = tamer_rl_row(equation(), WORLD, 2, teacher=prompt, n_worlds=2, parts=west)
    cell = rows[1.0]
    assert cell.name == "TAMER+RL" and cell.present is None
    assert cell.cost.environment_steps == STEPS and cell.cost.signals == 9
    assert cell.cost.person_s == 3 * 12 * 0.5
    assert set(cell.gone) == {"return", "west"} and cell.scores.shape == (2,) and np.all(np.isfinite(cell.scores))


def test_a_missing_term_or_too_few_steps_are_refused():
    with pytest.raises(InputError, match="needs ML and HITL; got ML"):
        tamer_rl_row(equation() - HITL, WORLD, 2)
    with pytest.raises(InputError, match="11 steps are too few for one update"):
        tamer_rl_row(equation(), WORLD, 2, budgets=(0.1,))
