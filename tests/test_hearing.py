"""What a teaching pad says is obeyed once and in order; nonsense is refused, and a store that fails loses nothing."""

import pytest
from test_page_teaching import begun, make  # noqa: F401  a fixture

from aira_agents.errors import StoreError
from viz.hearing import Hearing

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def lab(make):  # noqa: F811
    lab = make()
    begun(lab)
    return lab


@pytest.fixture
def hearing(lab):
    return Hearing(lab.teaching, lambda: lab.model.value.step())


def signal(id, **what):
    return {"id": id, "kind": "signal", "value": 1, "uid": 1, "step": 3, "age_s": 1.0} | what


def stored(lab):
    return [event.id for event in lab.teaching.notebook.store.events()]


def test_the_outbox_is_obeyed_once_however_often_it_is_sent(lab, hearing):
    for _ in range(3):
        assert hearing.hear([signal("a"), signal("b")]) == ["a", "b"]
    assert stored(lab) == ["a", "b"] and len(lab.teaching.log) == 2
    hearing.hear([{"id": "c", "kind": "undo"}])
    hearing.hear([{"id": "c", "kind": "undo"}])
    assert len(lab.teaching.log) == 1


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"id": "x", "kind": "fly"}, "Nothing is known"),
        ({"id": "x"}, "no sense"),
        (signal("x", value="much"), "no sense"),
        (signal("x", step=10**9), "about step 1000000000"),
        (signal("x", uid=77), "No agent 77"),
        (signal("x", value=float("inf")), "finite"),
        (signal("x" * 99), "64 printable"),
        ({"id": "x", "kind": "press", "action": "up", "paused": True}, "lead nobody"),
        ({"id": "x", "kind": "take", "uid": [1]}, "no sense"),
    ],
)
def test_what_makes_no_sense_is_said_in_words_and_does_not_come_again(lab, hearing, message, reason):
    assert hearing.hear([message]) == [message["id"]]
    assert reason in lab.teaching.said.value and stored(lab) == []
    hearing.hear([signal("good")])
    assert stored(lab) == ["good"] and lab.teaching.said.value == ""


def test_what_is_no_message_at_all_is_passed_over(lab, hearing):
    assert hearing.hear([None, 3, {"kind": "undo"}, {"id": 5}, signal("a")]) == ["a"]


def test_what_the_store_could_not_keep_is_asked_for_again_in_order(lab, hearing, monkeypatch):
    def fails(*args, **kwargs):
        raise StoreError("The disk is full.")

    with monkeypatch.context() as broken:
        broken.setattr(lab.teaching.notebook.store, "add_events", fails)
        assert hearing.hear([signal("a"), signal("b")]) == []
        assert "disk is full" in lab.teaching.said.value
        assert lab.teaching.live.ids == []
    assert hearing.hear([signal("a"), signal("b")]) == ["a", "b"]
    assert stored(lab) == ["a", "b"]


def test_each_key_is_a_step_while_the_world_is_paused(lab, hearing):
    press = {"kind": "press", "action": "up", "paused": True}
    hearing.hear([{"id": "t", "kind": "take", "uid": 2}, press | {"id": "1"}, press | {"id": "2"}, press | {"id": "2"}])
    assert lab.model.value.steps == 5
    hearing.hear([press | {"id": "3", "paused": False}, {"id": "r", "kind": "release"}])
    assert lab.model.value.steps == 5 and len(stored(lab)) == 2


def test_a_refusal_stays_until_a_person_says_something_else_and_the_last_of_a_batch_is_shown(lab, hearing):
    said = lab.teaching.said
    hearing.hear([signal("x", uid=77), signal("good")])
    assert "No agent 77" in said.value
    hearing.hear([{"id": "l", "kind": "look"}])
    assert "No agent 77" in said.value
    hearing.hear([signal("x", uid=77), signal("good"), {"id": "m", "kind": "look"}])  # sent again
    assert "No agent 77" in said.value
    hearing.hear([signal("better")])
    assert said.value == ""


def test_who_is_too_early_or_too_quick_is_told_so(make, lab, hearing):  # noqa: F811
    lab.model.value = lab.model_class(rng=1)  # the reel still has the steps of the world before
    hearing.hear([signal("a", step=0)])
    assert "press Step first" in lab.teaching.said.value
    lab.model.value.step()
    hearing.hear([signal("b", step=1, age_s=0.05)])
    assert "Too quick" in lab.teaching.said.value and "0.2 s" in lab.teaching.said.value
    fresh = make()
    begun(fresh, steps=0)
    Hearing(fresh.teaching, lambda: None).hear([signal("c", step=0)])
    assert "press Step first" in fresh.teaching.said.value
