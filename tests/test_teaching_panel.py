"""The teaching panel, drawn without a browser."""

import time
import warnings

import ipyvuetify as v
import ipywidgets
import pytest
import solara
from test_page_teaching import begun, make  # noqa: F401  a fixture

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Mesa's and Solara's own, at import
    from viz.teaching_card import TeachingPanel

pytestmark = pytest.mark.filterwarnings("ignore")


def said(page):
    """All text of a page."""
    return " ".join(str(getattr(one, "children", "")) for one in page.find(ipywidgets.Widget).widgets)


def button(page, name):
    (found,) = [one for one in page.find(v.Btn).widgets if one.children == [name]]
    return found


def waited(condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end and not condition():
        time.sleep(0.02)
    assert condition()


def test_consent_is_in_plain_words_with_room_before_its_button(make):  # noqa: F811
    _, page = solara.render(TeachingPanel(make()), handle_error=False)
    texts = page.find(solara.widgets.HTML).widgets
    (consent,) = [one for one in texts if "forget NUMBER" in one.unsafe_innerHTML]
    assert "`" not in consent.unsafe_innerHTML and consent.attributes["style"] == "margin-bottom: 8px"
    page.close()


def test_who_chooses_another_listener_is_told_who_listens_still(make):  # noqa: F811
    lab = make()
    begun(lab)
    _, page = solara.render(TeachingPanel(lab), handle_error=False)
    (who,) = [one for one in page.find(v.Select).widgets if one.label == "Who listens"]
    assert "Now listens" not in said(page)
    who.v_model = "tamer"
    assert "Now listens: coach. Press “Begin anew” to let tamer listen." in said(page)
    who.v_model = "coach"
    assert "Now listens" not in said(page)
    page.close()
