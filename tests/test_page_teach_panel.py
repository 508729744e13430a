"""The teaching panel in a real browser: consent, signals, undo, leading; and coming back."""

import jax
import numpy as np
import pytest
from browser import SETTINGS, until

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.browser]


@pytest.fixture
def database(tmp_path, monkeypatch):
    monkeypatch.setattr(SETTINGS, "database", str(tmp_path / "aira.db"))
    return tmp_path / "aira.db"


def begin(tab, lab, listener="coach"):
    tab.page.get_by_role("button", name="I agree: let me teach").click()
    if listener != "coach":
        tab.choose("Who listens", listener)
    tab.page.get_by_role("button", name="Begin", exact=True).click()
    until(lambda: lab.teaching.is_on, tab.page, 30)
    step = tab.page.get_by_role("button", name="One step")
    step.click()
    tab.wait_for_step(1)


def stored(tab, n):
    tab.page.locator(f".aira-pad .state:has-text('{n} stored.')").wait_for()


def chance(lab):
    """The probability of what the judged agent did in the step on the screen."""
    teaching = lab.teaching
    shown, live = teaching.reel.last, teaching.live
    row = np.flatnonzero(shown.uid == lab.picked[1])[0]
    logits = live.network(jax.numpy.asarray(shown.features[row]), None)[0]
    return float(jax.nn.softmax(logits)[shown.actions["move"][row]])


def test_thirty_approvals_raise_the_probability_and_undo_and_coming_back_are_exact(visit, database):
    tab = visit()
    lab = tab.open("foraging")
    approve = tab.page.get_by_role("button", name="Approve", exact=True)
    assert approve.is_disabled() and not database.exists()
    tab.shot("teach-consent")
    begin(tab, lab)
    before = chance(lab)
    tab.page.wait_for_timeout(1000)  # seen for a second: all credit goes to this step
    for _ in range(15):
        approve.click()
    tab.canvas.focus()
    for _ in range(15):
        tab.page.keyboard.press("k")
    stored(tab, 30)
    lab.teaching.live.settle()
    assert chance(lab) > before + 0.2
    assert tab.canvas.get_attribute("data-marks") == "1"
    exact = np.asarray(lab.teaching.live.course.flat.flatten(lab.teaching.live.network))
    tab.page.keyboard.press("J")
    stored(tab, 31)
    tab.page.wait_for_timeout(300)
    tab.shot("teach-log")
    tab.page.keyboard.press("u")
    stored(tab, 30)
    lab.teaching.live.settle()
    assert np.array_equal(exact, lab.teaching.live.course.flat.flatten(lab.teaching.live.network))
    tab.page.get_by_text("It is about to:").wait_for()
    tab.page.keyboard.press("v")
    stored(tab, 31)
    tab.page.get_by_role("button", name="Compare two clips").click()
    tab.page.locator(".aira-clips canvas[data-drawn]").nth(1).wait_for()
    tab.shot("teach-compare")
    tab.page.get_by_role("button", name="Equal").click()
    tab.page.get_by_role("button", name="Compare two clips").wait_for()

    lab.teaching.live.settle()
    exact = np.asarray(lab.teaching.live.course.flat.flatten(lab.teaching.live.network))
    again = visit(context=tab.context)
    other = again.open("foraging")
    again.page.get_by_role("button", name="I agree: let me teach").click()
    again.page.get_by_role("button", name="Go on where I stood").click()
    until(lambda: other.teaching.is_on and other.teaching.live.n_learned == 31, again.page, 30)
    assert np.array_equal(exact, other.teaching.live.course.flat.flatten(other.teaching.live.network))


def test_a_person_takes_over_steers_ten_steps_on_a_phone_and_releases(visit, database):
    tab = visit(width=390, height=844)
    lab = tab.open("foraging")
    begin(tab, lab, "take-over")
    tab.page.get_by_role("button", name="Take over").click()
    right = tab.page.get_by_role("button", name="Go right")
    right.wait_for()
    for step in range(5):
        right.click()
        tab.wait_for_step(step + 2)
    for step in range(5):
        tab.page.keyboard.press("ArrowRight")
        tab.wait_for_step(step + 7)
    tab.shot("teach-lead-phone")
    tab.page.get_by_role("button", name="Release").click()
    until(lambda: not lab.teaching.leads(), tab.page)
    stored(tab, 10)
    events = lab.teaching.notebook.store.events(channel="takeover")
    assert [e.signal for e in events] == [4.0] * 10 and [e.step for e in events] == list(range(2, 12))
    until(lambda: lab.teaching.live.n_learned == 10, tab.page, 20)
    tab.page.get_by_role("button", name="One step").click()
    tab.wait_for_step(12)
    assert len(lab.teaching.notebook.store.events()) == 10
