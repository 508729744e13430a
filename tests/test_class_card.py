"""The lecturer's card, drawn without a browser."""

import threading
import time

import ipyvuetify as v
import pytest
from test_page_teaching import make  # noqa: F401  a fixture
from test_teaching_panel import button, said, waited

from aira_agents.human.classroom import Classroom, RefusedError
from viz.settings import SETTINGS

pytestmark = pytest.mark.filterwarnings("ignore")


def test_a_choice_that_comes_in_while_the_card_is_drawn_anew_is_not_lost(make, monkeypatch):  # noqa: F811
    import solara  # noqa: PLC0415  it starts Solara

    import viz.classroom.card as card  # noqa: PLC0415
    from viz.server import prepare  # noqa: PLC0415

    prepare()
    room, drawing, chosen = Classroom("ABC234"), threading.Event(), threading.Event()
    informedness = card.Stage.informedness

    def slowly(stage):
        if room.students():
            drawing.set()
            assert chosen.wait(10)
        return informedness(stage)

    monkeypatch.setattr(card.SETTINGS, "classroom", room)
    monkeypatch.setattr(card.SETTINGS, "stage", None)
    monkeypatch.setattr(card, "LOOK_S", 0.02)
    monkeypatch.setattr(card.Stage, "informedness", slowly)
    _, drawn = solara.render(card.ClassCard(make()), handle_error=False)
    (select,) = drawn.find(v.Select).widgets
    name = room.join("somebody").name
    assert drawing.wait(10)  # another thread draws the card anew
    with select.hold_trait_notifications():  # as a choice of the browser comes in
        select.v_model = "Vote"
        chosen.set()
        until = time.monotonic() + 10
        while not any(button.children == [name] for button in drawn.find(v.Btn).widgets):
            assert time.monotonic() < until
            time.sleep(0.02)
    assert room.mode == "vote"
    drawn.close()


@pytest.fixture
def drawn(monkeypatch):
    """Draws the card of a tab; returns it, its stage and its class."""
    import solara  # noqa: PLC0415

    import viz.classroom.card as card  # noqa: PLC0415

    monkeypatch.setattr(SETTINGS, "classroom", Classroom("ABC234"))
    monkeypatch.setattr(SETTINGS, "stage", None)
    monkeypatch.setattr(card, "LOOK_S", 0.02)
    pages = []

    def draw(lab):
        pages.append(solara.render(card.ClassCard(lab), handle_error=False)[1])
        return pages[-1], SETTINGS.stage, SETTINGS.classroom

    yield draw
    for page in pages:
        page.close()


def test_what_is_to_be_done_first_is_said_until_it_is_done(make, drawn):  # noqa: F811
    lab = make()
    page, *_ = drawn(lab)
    assert "First agree and begin" in said(page)
    lab.teaching.agree()
    assert "First agree and begin" in said(page)
    lab.teaching.begin()
    assert "First agree and begin" not in said(page)
    lab.teaching.stop()
    assert "First agree and begin" in said(page)


def test_who_is_taken_out_is_asked_about_first(make, drawn):  # noqa: F811
    page, stage, room = drawn(make())
    stage.ballot.cast(0, "somebody", 1)
    student = room.join("somebody")
    shown = lambda: next((b for b in page.find(v.Btn).widgets if student.name in str(b.children)), None)  # noqa: E731
    waited(lambda: shown() is not None and "%" in str(shown().children))
    assert "how much their votes count" in shown().attributes["title"]
    question = f"Take {student.name} out?"
    shown().click()
    waited(lambda: question in said(page))  # another thread may draw just now
    button(page, "No").click()
    waited(lambda: question not in said(page))
    assert room.has(student)
    shown().click()
    waited(lambda: question in said(page))
    button(page, "Yes, take out").click()
    assert not room.has(student)
    waited(lambda: shown() is None)


def test_a_class_that_can_only_watch_is_told_so_before_it_begins(make, drawn, monkeypatch):  # noqa: F811
    lab = make("flocking", n_birds=5)
    page, stage, room = drawn(lab)
    told = "In this world a class can only watch. Who listens to people learns what each action is worth"
    assert told in said(page) and "First agree" not in said(page)
    student = room.join("somebody")
    assert stage.state_for(student)["why"].startswith(told) and "ppo" not in stage.state_for(student)["why"]
    room.set_mode("vote")
    with pytest.raises(RefusedError, match="acts by numbers"):
        stage.hear(student, {"id": "v", "kind": "vote", "value": 1, "age_s": 1.0, "step": 0})


@pytest.mark.parametrize(("world", "can_only_watch"), [("flocking", True), ("foraging", False)])
def test_the_terminal_says_at_the_start_that_a_class_can_only_watch(world, can_only_watch, monkeypatch):
    import viz.page  # noqa: F401, PLC0415  before its parts are replaced
    import viz.server as server  # noqa: PLC0415

    for name in ("subject", "policy", "database", "join_code", "address", "classroom"):
        monkeypatch.setattr(SETTINGS, name, getattr(SETTINGS, name))
    monkeypatch.setattr(server, "run", lambda host, port, answers: answers())
    monkeypatch.setattr(server, "_warm", lambda lab, leaving: None)
    monkeypatch.setattr("viz.lab.Lab", lambda subject, policy: None)
    lines = []
    where = {"host": "127.0.0.1", "port": 8765, "open_browser": False}
    server.serve(world, policy=None, say=lines.append, with_class=True, **where)
    assert any("a class can only watch" in line for line in lines) == can_only_watch
