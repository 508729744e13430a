"""Undo takes back what was said last, whatever it was; and what is marked in the world goes away again."""

import numpy as np
import pytest
from test_page_teaching import approve, begun, make, walk, weights  # noqa: F401  fixtures

from aira_agents.errors import InputError
from viz.comparing import Comparing
from viz.marking import GLANCED
from viz.vetoing import about_to, veto

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def lab(make):  # noqa: F811
    lab = make()
    begun(lab)
    return lab


def test_undo_takes_back_what_was_said_last_whatever_it_was_exactly(lab):
    teaching = lab.teaching
    known = [weights(lab)]
    approve(lab, 1)
    known.append(weights(lab))
    veto(teaching, "v")
    known.append(weights(lab))
    comparing = Comparing(teaching)
    comparing.ask()
    comparing.answer("first")
    assert [entry.said.channel for entry in teaching.log] == ["evaluation", "veto", "preference", "preference"]
    for left, before in zip((2, 1, 0), reversed(known), strict=True):
        teaching.undo()
        assert len(teaching.log) == left and np.array_equal(weights(lab), before)
    with pytest.raises(InputError, match="nothing to take back"):
        teaching.undo()
    again = teaching.notebook
    (run,) = again.earlier()
    assert again.go_on(run) == []  # tomorrow they are taken back, too


def test_a_veto_that_is_taken_back_in_time_forbids_nothing(lab):
    teaching, row = lab.teaching, lab.teaching.subject() - 1
    veto(teaching, "v")
    teaching.undo()
    weights(lab)
    name, _ = about_to(teaching)
    walk(lab, 1)
    moved = lab.model.value.transition.decisions["forager"].actions["move"]
    assert teaching.leading.helm.actions[int(moved[row])] == name


def test_a_mark_that_came_by_itself_goes_after_some_steps_and_one_that_was_asked_for_stays(lab):
    teaching = lab.teaching
    teaching.marking.places = lambda uid, steps: [(1.0, 1.0) for _ in steps]
    approve(lab, 1)
    walk(lab, GLANCED - 1)
    assert teaching.marking.shown.value is teaching.log[-1]
    walk(lab, 1)
    assert teaching.marking.shown.value is None
    teaching.marking.show(teaching.log[-1])
    walk(lab, GLANCED + 5)
    assert teaching.marking.shown.value is teaching.log[-1]


def test_nothing_of_another_world_stays_marked(lab):
    marking, entry = lab.teaching.marking, None
    for another in (lambda: lab.model.value.renew(), lambda: setattr(lab.model, "value", lab.model_class(rng=1))):
        approve(lab, 1, first=len(lab.teaching.log))
        entry = lab.teaching.log[-1]
        marking.show(entry)
        walk(lab, 1)
        assert marking.shown.value is entry
        another()
        walk(lab, 1)
        assert marking.shown.value is None
    marking.show(entry)
    lab.teaching.stop()
    assert marking.shown.value is None
