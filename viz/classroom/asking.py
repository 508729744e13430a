"""Questions that the lecturer puts to the class: two clips to compare, or one whose actor is to be guessed."""

import secrets
from collections.abc import Callable

from aira_agents.errors import AiraError, InputError
from aira_agents.hosting.steered import told
from aira_agents.policies.by_name import named_policies
from aira_agents.policies.usual import RANDOM, rules_of
from viz.classroom.stage import Stage
from viz.clips import ahead, filmed

BETTER, EQUAL = ("first", "second"), "equal"
HUMAN, NETWORK, RULE, CHANCE = "human", "network", "rule", "chance"


def new_pair(stage: Stage) -> None:
    """Films two worlds under the policy that acts, and asks which is better; says so on the page if that fails."""
    lab = stage.lab
    _asked(stage, lambda: stage.pairs.add(filmed(lab, lab.acting(), lab.teaching.role_name, 2), (*BETTER, EQUAL)))


def new_riddle(stage: Stage, who: str | None = None) -> None:
    """Shows an agent that a person led, or the network, a rule or chance, and asks which it was.

    Args:
        stage: The class.
        who: Which of them; `None`: each is as probable, a person as long as somebody has led an agent of late.
    """
    _asked(stage, lambda: _riddle(stage, who))


def _riddle(stage: Stage, who: str | None) -> None:
    lab, live = stage.lab, stage.lab.teaching.live
    if live is None:
        raise InputError("Nobody listens, so there is no network to guess at: press Begin under “Teach” first.")
    environment, role = lab.environment(), lab.teaching.role_name
    rules = sorted(rules_of(type(environment)))[:1]
    answers = (HUMAN, NETWORK, *([RULE] if rules else []), CHANCE)
    who = who or secrets.choice([one for one in answers if one != HUMAN or stage.takes])
    if who == HUMAN:
        take = stage.takes.draw()
        stage.riddles.add((take.clip,), answers, HUMAN, author=take.who)
        return
    named = {RULE: rules[0] if rules else RANDOM, CHANCE: RANDOM}
    own = live.policy if who == NETWORK else named_policies(named[who], environment)[role]
    stage.riddles.add((ahead(lab.model.value, lab.acting(), role, own),), answers, who)


def _asked(stage: Stage, ask: Callable[[], object]) -> None:
    try:
        ask()
    except AiraError as error:
        stage.lab.teaching.said.value = told(error)
    stage.room.version += 1
