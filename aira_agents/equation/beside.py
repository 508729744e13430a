"""A row beside the eight cells: TAMER+RL, where a person's signals add to the reward instead of keys taking over.

It is no term of the Shapley values, which are about one channel. It takes as many environment steps as the cells with
ML, those that the person watches included, and no more signals than the channel of `HITL` has keystrokes.
"""

from collections.abc import Sequence

import jax
import numpy as np

from aira_agents.environment import Environment
from aira_agents.equation.ablation import Cell
from aira_agents.equation.judging import Parts, judge, whole
from aira_agents.equation.ledger import SECONDS_A_STEP, Cost, energy_kwh
from aira_agents.equation.programs import Program
from aira_agents.equation.terms import AI
from aira_agents.errors import InputError
from aira_agents.human.tamer import TAMER
from aira_agents.human.tamer_rl import TamerRL
from aira_agents.human.teacher import Teacher
from aira_agents.parameters import replace
from aira_agents.policies.rule import Rule
from aira_agents.types import Array, Key

NAME = "TAMER+RL"


def tamer_rl_row(
    ai: AI,
    world: Environment,
    seeds: int,
    *,
    seed: int = 0,
    budgets: Sequence[float] = (1.0,),
    parts: Parts = whole,
    n_worlds: int = 32,
    teacher: Teacher | None = None,
    record: TamerRL | None = None,
) -> dict[float, Cell]:
    """Runs TAMER+RL over the seeds of an ablation, in whose worlds it is judged, too; arguments are those of `ablate`.

    Args:
        ai: With ML and HITL: the learner, its steps, the expert whom the person asks, and how many signals there are.
        world: Where.
        seeds: How many.
        seed: The one source of chance.
        budgets: Shares of the steps at which it is judged, each in a run of its own.
        parts: How returns are split.
        n_worlds: Worlds in which it is judged.
        teacher: Whose faults the person has; `None`: a `Teacher` whose rate spreads the signals over the whole run.
        record: The weight of signals; `None`: one that falls to zero in half the steps.

    Raises:
        InputError: ML or HITL is missing, or there are too few steps for one update.
    """
    if ai.ml is None or ai.hitl is None:
        raise InputError(f"{NAME} needs ML and HITL; got {ai.name}.")
    (role,) = world.roles
    ml, signals = ai.ml, int(ai.hitl.channel.budget)
    tamer = TAMER(n_worlds=1, n_steps=ml.learner.n_steps)
    keys = jax.random.split(jax.random.key(seed), seeds)
    found = {}
    for share in budgets:
        n_steps = round(ml.steps * share)
        n_updates = n_steps // (ml.learner.n_worlds * ml.learner.n_steps + tamer.n_steps)
        if n_updates < 1:
            raise InputError(f"{NAME}: {n_steps} steps are too few for one update.")
        rate = min(1.0, signals / (n_updates * tamer.n_steps * role.capacity))
        person = replace(teacher or Teacher(rate=rate), budget=signals) if signals else Teacher(rate=0.0)
        learner = (record or TamerRL(weight_steps=n_steps / 2)).learner(
            world,
            ml.network,
            experts={role.name: Rule(ai.hitl.teacher.expert)},
            teacher=person,
            tamer=tamer,
            rl=ml.learner,
        )

        def run(key: Key, learner=learner, n_updates=n_updates) -> tuple[dict[str, Array], Array]:
            learn_key, _, judge_key = jax.random.split(key, 3)
            state = learner.init(learn_key)
            state = jax.lax.scan(lambda s, _: (learner.update(s)[0], None), state, None, n_updates)[0]
            policy = learner.policies(state)[role.name]
            gone = judge(world, policy, judge_key, n_worlds, int(world.max_steps), parts)
            return gone, state.teaching.n_given

        program = Program(jax.vmap(run))
        gone, given = jax.device_get(program(keys))
        watched = n_updates * tamer.n_steps
        cost = Cost(
            NAME,
            environment_steps=n_updates * learner.steps_per_update,
            signals=float(np.mean(given)),
            person_s=watched * SECONDS_A_STEP if signals else 0.0,
            energy_kwh=energy_kwh(program.running_s / seeds),
        )
        found[share] = Cell(NAME, jax.tree.map(np.asarray, gone), None, cost)
    return found
