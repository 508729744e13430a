"""The lecturer's card, drawn without a browser."""

import threading
import time

import ipyvuetify as v
import pytest
from test_page_teaching import make  # noqa: F401  a fixture

from aira_agents.human.classroom import Classroom

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
