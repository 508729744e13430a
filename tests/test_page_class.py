"""A lecturer's page and two phones in real browsers."""

import pytest
from browser import SETTINGS, until

from aira_agents.human.classroom import Classroom

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.browser]


@pytest.fixture
def room(tmp_path, monkeypatch):
    room = Classroom("ABC234")
    monkeypatch.setattr(SETTINGS, "classroom", room)
    monkeypatch.setattr(SETTINGS, "stage", None)
    monkeypatch.setattr(SETTINGS, "address", "http://192.0.2.7:8765/")
    monkeypatch.setattr(SETTINGS, "database", str(tmp_path / "aira.db"))
    return room


def teaching(visit):
    lecturer = visit()
    lab = lecturer.open("foraging")
    lecturer.page.get_by_role("button", name="I agree: let me teach").click()
    lecturer.page.get_by_role("button", name="Begin", exact=True).click()
    until(lambda: lab.teaching.is_on, lecturer.page, 30)
    lecturer.page.get_by_role("button", name="One step").click()
    lecturer.wait_for_step(1)
    return lecturer, lab


def join(visit, dark=False, network=None):
    phone = visit(width=390, height=844)
    if network is not None:
        phone.page.route_web_socket("**/class/socket", network)
    phone.page.emulate_media(color_scheme="dark" if dark else "light")
    phone.page.goto(f"{phone.address}/class#code=ABC234")
    phone.page.get_by_role("button", name="Join").click()
    phone.page.get_by_text("Please tick that you agree").wait_for()
    assert phone.page.locator("#line").inner_text() == ""  # nothing was tried yet
    phone.page.get_by_label("I agree.").check()
    phone.page.get_by_role("button", name="Join").click()
    phone.page.locator("#name").filter(has_not_text="Teach together").wait_for()
    return phone


def test_two_phones_teach_what_the_lecturer_shows(visit, room):
    lecturer, lab = teaching(visit)
    lecturer.choose("What is asked", "Vote")
    until(lambda: room.mode == "vote", lecturer.page)
    phones = [join(visit), join(visit, dark=True)]
    names = [phone.page.locator("#name").inner_text() for phone in phones]
    assert len(set(names)) == 2
    for phone in phones:
        phone.page.locator("canvas[data-drawn]").wait_for()
        phone.page.wait_for_timeout(500)  # a person judges what was seen for a while; less earns no credit
        phone.page.get_by_role("button", name="Approve", exact=True).click()
        phone.page.locator("#line[data-stored='1']").wait_for()
    until(lambda: len(lab.teaching.log) >= 1, lecturer.page)
    for name in names:
        lecturer.page.get_by_text(name, exact=False).first.wait_for()
    phones[0].shot("class-phone-vote")
    lecturer.shot("class-lecturer")
    lecturer.choose("What is asked", "Steer")
    until(lambda: room.mode == "steer", lecturer.page)
    right = phones[1].page.get_by_role("button", name="Go right")
    right.click()
    until(lambda: len(lab.teaching.leading.helm.leads) == 1, lecturer.page)
    phones[1].shot("class-phone-steer-dark")
    lecturer.page.get_by_role("button", name="One step").click()
    lecturer.wait_for_step(2)
    until(lambda: len(lab.teaching.notebook.store.events(channel="takeover")) == 1, lecturer.page)
    lecturer.choose("What is asked", "Compare clips")
    until(lambda: room.mode == "compare", lecturer.page)
    lecturer.page.get_by_role("button", name="New pair of clips").click()
    phones[0].page.get_by_role("button", name="Equal", exact=True).wait_for()
    phones[0].page.locator("#ask canvas[data-drawn]").nth(1).wait_for()
    phones[0].shot("class-phone-compare")
    phones[0].page.get_by_role("button", name="Equal", exact=True).click()
    phones[1].page.get_by_role("button", name="Skip", exact=True).click()
    lecturer.page.get_by_text("Pair 1: first 0, second 0, equal 1, skip 1").wait_for()
    lecturer.page.get_by_role("button", name=f"Take {names[0]} out").click()
    lecturer.page.get_by_role("button", name="Yes, take out").click()
    phones[0].page.get_by_text("took you out").wait_for()
    lecturer.page.goto("about:blank")  # leaving says so; a page that dies is missed after five minutes only
    phones[1].page.get_by_text("The lecturer's page is closed").wait_for()


def test_a_phone_whose_network_is_lost_and_which_wakes_from_sleep_has_lost_nothing(visit, room):
    _, lab = teaching(visit)
    room.set_mode("vote")
    sockets, lost = [], []

    def network(socket):
        sockets.append(socket)
        socket.close() if lost else socket.connect_to_server()

    phone = join(visit, network=network)
    name = phone.page.locator("#name").inner_text()
    phone.page.locator("#vote").wait_for()
    lost.append(True)
    sockets[0].close()
    phone.page.locator("#line").get_by_text("no connection").wait_for()
    phone.page.get_by_role("button", name="Approve", exact=True).click()
    assert lab.teaching.notebook.store.events() == []
    lost.clear()
    phone.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    phone.page.locator("#line[data-stored='1']").wait_for()
    assert len(lab.teaching.notebook.store.events(channel="vote")) == 1
    assert phone.page.locator("#name").inner_text() == name and len(room.students()) == 1
