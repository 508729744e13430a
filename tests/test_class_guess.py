"""Is this agent human, rule or network? Whoever steered may be the human, and nothing but the agent tells."""

import json

import jax.numpy as jnp
import numpy as np
import pytest
from test_page_teaching import begun, make, walk  # noqa: F401  a fixture

from aira_agents.human.classroom import Classroom, RefusedError
from aira_agents.policies import Rule
from viz.classroom.asking import new_riddle
from viz.classroom.stage import Stage
from viz.clips import STEPS

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def stage(make):  # noqa: F811
    lab = make()
    begun(lab, steps=1)
    stage = Stage(Classroom("ABC234"), lab)
    stage.room.set_mode("steer")
    return stage


def student(stage):
    return stage.room.join(stage.lab.teaching.notebook.store.new_participant())


def steered(stage, student, n=STEPS + 1):
    stage.hear(student, {"id": "p", "kind": "press", "action": "right"})
    walk(stage.lab, n)


def riddle(stage, who):
    new_riddle(stage, who)
    assert stage.lab.teaching.said.value == ""
    return stage.riddles.questions[-1]


def stay(observation, key):
    del observation, key
    return jnp.int32(0)


def headers(clip):
    """Returns the headers of a clip's frames."""
    return [json.loads(frame[4 : 4 + int.from_bytes(frame[:4], "little")]) for frame in clip.frames]


def test_who_steered_is_the_human_that_others_guess_and_not_they_themselves(stage):
    ann, ben = student(stage), student(stage)
    steered(stage, ann)
    uid = stage.lab.teaching.leading.helm.leads[ann.who]
    stage.room.set_mode("guess")
    question = riddle(stage, "human")
    assert question.answers == ("human", "network", "rule", "chance") and question.truth == "human"
    assert question.uids == (uid,) and len(question.clips[0].frames) == STEPS + 1
    assert stage.state_for(ben)["question"]["id"] == question.id
    assert stage.state_for(ann)["question"] is None
    with pytest.raises(RefusedError, match="That is you"):
        stage.hear(ann, {"id": "g", "kind": "guess", "question": question.id, "answer": "human"})
    stage.hear(ben, {"id": "g", "kind": "guess", "question": question.id, "answer": "human"})
    assert stage.riddles.share_right() == 1.0
    new_riddle(stage, "human")  # each clip is shown once
    assert "Nobody has led an agent" in stage.lab.teaching.said.value and len(stage.riddles.questions) == 1


@pytest.mark.parametrize("who", ["network", "rule"])
def test_a_clip_of_a_machine_looks_as_one_of_a_person_does(stage, who):
    steered(stage, student(stage))
    person = headers(riddle(stage, "human").clips[0])
    machine = headers(riddle(stage, who).clips[0])
    assert [h["step"] for h in person] == [h["step"] for h in machine] == list(range(STEPS + 1))
    assert [h["number"] for h in person] == [h["number"] for h in machine]
    assert all(a.keys() == b.keys() and a["extent"] == b["extent"] for a, b in zip(person, machine, strict=True))


def test_a_clip_goes_on_from_the_world_as_it_is_and_only_the_marked_agent_is_decided_for_by_another(stage, monkeypatch):
    import viz.clips as clips  # noqa: PLC0415

    walk(stage.lab, 4)
    lab, seen = stage.lab, []
    monkeypatch.setattr(clips, "drawn", lambda environment, states: seen.append(states) or ())
    here = lab.model.value.state.agents["forager"]
    clip = clips.ahead(lab.model.value, lab.acting(), "forager", Rule(stay))
    (states,) = seen
    at = np.array([(state.agents["forager"].x, state.agents["forager"].y) for state in states])  # [time, 2, agents]
    assert np.array_equal(at[0], (here.x, here.y))
    moved = np.diff(at, axis=0).any(axis=(0, 1))
    assert np.array_equal(moved, np.asarray(here.uid) != clip.uid)  # nobody can be pushed


def test_who_only_sleeps_at_the_keys_makes_no_riddle_nor_does_who_was_taken_out(stage):
    ann, ben = student(stage), student(stage)
    steered(stage, ann, 5)
    stage.hear(ann, {"id": "q", "kind": "press", "action": None})
    walk(stage.lab, 2 * STEPS)
    assert len(stage.takes) == 0
    stage.hear(ann, {"id": "r", "kind": "press", "action": "left"})
    steered(stage, ben, 2 * STEPS)
    stage.remove(ann.name)
    assert stage.takes.draw().who == ben.who and len(stage.takes) == 0


def test_without_a_network_that_is_taught_there_is_no_riddle_and_that_is_said(stage):
    stage.lab.teaching.stop()
    new_riddle(stage)
    assert "Nobody listens" in stage.lab.teaching.said.value and not stage.riddles.questions
