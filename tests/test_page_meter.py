"""The meter: what came from reward, what from data, and what from what people said."""

import jax
import numpy as np
import pytest
from test_page_teaching import approve, begun, make, walk, weights  # noqa: F401  a fixture

from aira_agents.human.course import Course
from aira_agents.human.listening import Coached
from aira_agents.learning.cloning import BehaviourCloning

pytestmark = pytest.mark.filterwarnings("ignore")


def moved(lab):
    from viz.meter import meter  # noqa: PLC0415  it starts Solara

    lab.teaching.live.settle()
    return meter(lab.teaching)


def lead(lab, who, n):
    helm = lab.teaching.leading.helm
    helm.take(who, lab.teaching.subject())
    for _ in range(n):
        helm.press(who, "right")
        walk(lab, 1)
    helm.release(who)


def test_what_people_showed_is_data_and_what_they_said_is_not(make):  # noqa: F811
    lab = make()
    who = begun(lab)
    assert moved(lab).moved == {"ML": 0, "TD": 0, "HITL": 0}
    lead(lab, who, 5)
    shown = moved(lab)
    assert shown.moved["TD"] > 0.01 and shown.moved["HITL"] == 0 and shown.share["TD"] == 1
    approve(lab, 5)
    both = moved(lab)
    _, data, people = both.ledger.rows
    assert (data.samples, people.signals) == (5, 5)
    assert both.moved["TD"] > 0.01 and both.moved["HITL"] > 0.01
    assert sum(both.share.values()) == pytest.approx(1)
    for _ in range(5):
        lab.teaching.undo()
    assert moved(lab).moved["HITL"] == 0


def test_a_network_after_some_lessons_is_what_it_would_be_had_the_others_never_come(make):  # noqa: F811
    lab = make()
    who = begun(lab)
    approve(lab, 3)
    lead(lab, who, 2)
    live, log = lab.teaching.live, lab.teaching.log
    told = {entry.said.id: entry.said.lesson for entry in log}
    some = dict(list(told.items())[3:])
    vector = live.course.flat.flatten
    learned = live.course.begun(live.begin)
    for index, lesson in enumerate(some.values()):
        learned = live.course.learn(learned, lesson, index)
    for _ in range(2):  # asked again, it is remembered
        assert np.array_equal(vector(live.network_after(some)), learned.vector)
    assert np.array_equal(vector(live.network_after(told)), weights(lab))
    assert np.array_equal(vector(live.network_after({})), vector(live.begin))


def test_a_policy_that_was_cloned_counts_as_data_also_tomorrow(make):  # noqa: F811
    from viz.policy_files import policies_as_zip  # noqa: PLC0415

    lab = make()
    role = lab.environment().roles[0]
    network = Course(Coached(), lab.environment(), role.name, lab.network.builder(role)).untrained()
    cloned = jax.tree.map(lambda leaf: 20 * leaf, network)
    made_by = {"network": lab.network, "learner": BehaviourCloning()}
    lab.load("c.zip", policies_as_zip({role.name: cloned}, lab.environment(), **made_by))
    assert lab.message.value == "" and lab.choice.value == "c.zip"
    who = begun(lab)
    found = moved(lab)
    assert found.moved["TD"] > 0.05 and found.moved["ML"] == 0
    again = make()
    again.teaching.agree(who)
    again.teaching.begin(run=again.teaching.notebook.earlier()[0])
    walk(again, 1)
    assert moved(again).moved["TD"] > 0.05 and moved(again).moved["ML"] == 0
