"""What stands around the picture of the world, drawn without a browser."""

import warnings

import ipyvuetify as v
import pytest
import solara
from test_page_teaching import approve, begun, make  # noqa: F401  fixtures

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Mesa's and Solara's own, at import
    from viz.canvas import WorldCanvas
    from viz.world_view import WorldView

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def lab(make):  # noqa: F811
    return make()


@pytest.fixture
def drawn(lab):
    _, page = solara.render(WorldView(lab, on_wide=lambda width: None), handle_error=False)
    yield page
    page.close()


def test_reset_takes_marks_from_the_page_at_once(lab, drawn):
    begun(lab)
    lab.teaching.marking.places = lambda uid, steps: [(1.0, 1.0) for _ in steps]
    approve(lab, 1)
    (canvas,) = drawn.find(WorldCanvas).widgets
    assert len(canvas.marks) == 1
    lab.model.value = lab.model_class(rng=1)
    assert canvas.marks == []


def test_colours_are_as_the_world_says_and_the_page_does_not_claim_more(drawn):
    (colour,) = [one for one in drawn.find(v.Select).widgets if one.label == "Colour by"]
    assert colour.v_model == colour.items[0] == "as the world says"
