"""What people say before a world has moved, or between two of its steps: it counts, and nothing takes it away."""

import ipyvuetify as v
import pytest
from class_server import Phone, class_of
from test_page_teaching import begun, make, weights  # noqa: F401  fixtures

from viz.canvas import WorldCanvas
from viz.classroom.asking import new_pair
from viz.comparing import Comparing
from viz.vetoing import veto

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def lab(make):  # noqa: F811
    lab = make()
    begun(lab, steps=0)
    return lab


def test_a_veto_and_a_preference_before_the_first_step_count(lab):
    teaching = lab.teaching
    veto(teaching, "v")
    comparing = Comparing(teaching)
    comparing.ask()
    comparing.answer("second")
    assert teaching.said.value == "" and comparing.pair.value is None
    assert [(e.channel, e.step) for e in teaching.notebook.store.events()] == [("veto", 0)] + [("preference", 0)] * 2
    weights(lab)
    assert teaching.live.n_learned == 3


def test_what_is_said_before_the_first_step_of_a_session_that_goes_on_is_of_a_new_step(make, lab):  # noqa: F811
    lab.model.value.step()
    veto(lab.teaching, "v")
    second = make()
    second.teaching.agree(lab.teaching.notebook.who)
    second.teaching.begin(run=second.teaching.notebook.earlier()[0])
    veto(second.teaching, "w")
    assert [e.step for e in second.teaching.notebook.store.events()] == [1, 2]


def test_a_class_compares_clips_before_the_first_step(lab, monkeypatch):
    with class_of(lab, monkeypatch) as (port, stage):
        new_pair(stage)
        stage.room.set_mode("compare")
        phone = Phone(port)
        question = phone.until("state")["question"]
        assert phone.say("c", "compare", question=question["id"], answer="first")["kind"] == "stored"
        phone.close()


def test_clips_stay_on_the_page_when_something_is_said_above_them(lab):
    import solara  # noqa: PLC0415  it starts Solara

    from viz.teaching_card import TeachingPanel  # noqa: PLC0415

    _, drawn = solara.render(TeachingPanel(lab), handle_error=False)
    (button,) = [one for one in drawn.find(v.Btn).widgets if one.children == ["Compare two clips"]]
    button.click()
    assert len(drawn.find(WorldCanvas).widgets) == 2
    lab.teaching.said.value = "Something was refused."
    assert len(drawn.find(WorldCanvas).widgets) == 2
    drawn.close()


def test_a_key_that_is_pressed_while_a_teaching_still_begins_is_of_the_step_that_takes_it(make):  # noqa: F811
    lab = make()
    model, teaching = lab.model.value, lab.teaching
    model.step()

    def half_a_step():
        """The page lets people in as soon as somebody listens: before `begin` has returned."""
        pick()
        teaching.leading.helm.take(teaching.notebook.who, teaching.subject())
        teaching.leading.helm.press(teaching.notebook.who, "right")
        teaching.ready(model)

    teaching.agree()
    pick, teaching._pick_somebody = teaching._pick_somebody, half_a_step
    teaching.begin("take-over")
    teaching.ready = lambda model: None  # the other half
    model.step()
    (event,) = teaching.notebook.store.events(channel="takeover")
    assert (event.signal, event.step) == (4.0, 2)


def test_what_is_learned_just_before_a_step_takes_no_key_from_it(lab):
    model, teaching = lab.model.value, lab.teaching
    teaching.begin("take-over")
    teaching.leading.helm.take(teaching.notebook.who, uid := teaching.subject())
    before_step = teaching.before_step
    teaching.before_step = lambda: (before_step(), teaching.learned())
    for name in ("left", "right", "up", "down"):
        teaching.leading.helm.press(teaching.notebook.who, name)
        model.step()
        done = int(model.transition.decisions["forager"].actions["move"][uid - 1])
        assert teaching.leading.helm.actions[done] == name
