"""Veto: what the judged agent is about to do is shown, and can be forbidden; its policy then chooses among the rest.

Source: Saunders et al. 2018, "Trial without error: towards safe reinforcement learning via human intervention", section
2 (blocking an action).
"""

import numpy as np

from aira_agents.errors import InputError
from aira_agents.human.reel import Lesson
from viz.notebook import VETO, Said
from viz.teaching import Teaching


def about_to(teaching: Teaching) -> tuple[str, Lesson] | None:
    """Returns the name of what the judged agent will do next, and the lesson that it is wrong; `None`: nobody."""
    leading, uid = teaching.leading, teaching.subject()
    if leading is None or uid < 1:
        return None
    model, name = teaching.lab.model.value, leading.helm.role.name
    happens = model.ahead()
    row = np.flatnonzero(np.asarray(happens.before.agents[name].uid) == uid)
    if not len(row) or not bool(happens.feedback[name].active[row[0]]):
        return None
    percept, decided = happens.percepts[name], happens.decisions[name].actions
    lesson = Lesson(
        -1.0,
        np.array([model.steps + 1]),
        np.ones(1, np.float32),
        np.asarray(percept.features)[row[:1]],
        {effector: np.asarray(mask)[row[:1]] for effector, mask in percept.valid.items()},
        {effector: np.asarray(action)[row[:1]] for effector, action in decided.items()},
    )
    return leading.helm.actions[int(lesson.actions[leading.helm.effector][0])], lesson


def veto(teaching: Teaching, id: str) -> None:
    """Forbids what the judged agent is about to do, and teaches that it was wrong; returns when that is stored.

    Raises:
        InputError: Nobody listens, or there is nobody to forbid anything.
        StoreError: The database cannot be used; nothing is forbidden.
    """
    _, live, who = teaching.listening()
    found = about_to(teaching)
    if found is None or teaching.leading is None:
        raise InputError("There is nobody to forbid anything: choose an agent that lives and is led by keys.")
    _, lesson = found
    live.course.check_heeds(VETO)
    uid, action = teaching.subject(), int(lesson.actions[teaching.leading.helm.effector][0])
    if teaching.teach([Said(id, who, VETO, uid, teaching.notebook.now, float(action), lesson)]):
        teaching.leading.helm.forbid(uid, action)
    teaching.changed.value += 1
