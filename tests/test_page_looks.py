"""How the page looks: plots, a phone, the dark, every world and lesson; with screenshots to look at."""

import pytest
from browser import until

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.browser]


def test_plots_and_downloads(visit, tmp_path):
    tab = visit()
    lab = tab.open("predator_prey")
    tab.press("▶")
    tab.wait_for_step(12)
    tab.press("❚❚")
    tab.page.get_by_role("button", name="▶").wait_for()
    card = tab.page.locator(".aira-plots")
    card.locator("img").wait_for()
    tab.choose("What", "n_predator")
    tab.choose("Kind", "histogram of agents")
    card.get_by_text("histogram of agents").wait_for()
    tab.page.wait_for_timeout(1500)
    tab.shot("predator_prey")
    kept = {}
    for label in ("Model as CSV", "Agents as CSV", "Plot as PNG", "World as PNG"):
        with tab.page.expect_download() as waiting:
            card.get_by_text(label).click()
        waiting.value.save_as(tmp_path / label)
        kept[label] = (tmp_path / label).read_bytes()
    steps = lab.model.steps
    table = kept["Model as CSV"].decode().splitlines()
    assert len(table) == steps + 2 and "n_predator" in table[0]
    rows = kept["Agents as CSV"].decode().splitlines()
    assert len(rows) == len(lab.model.agents) + 1
    assert kept["Plot as PNG"][:4] == kept["World as PNG"][:4] == b"\x89PNG"


def test_a_phone_shows_the_world_first_and_the_controls_on_demand(visit):
    tab = visit(width=390, height=844)
    lab = tab.open("foraging")
    tab.page.wait_for_timeout(800)
    assert tab.canvas.bounding_box()["width"] > 300
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 390
    tab.shot("phone")
    tab.page.locator(".v-app-bar__nav-icon").first.click()
    tab.press("Step")
    until(lambda: lab.model.steps == 1, tab.page)
    tab.shot("phone-controls")


def test_a_dark_page_draws_a_dark_world(visit):
    tab = visit()
    tab.open("foraging")
    pale = tab.pixels()
    tab.page.evaluate("localStorage.setItem(':solara:theme.variant', JSON.stringify('dark'))")
    tab.page.reload()
    tab.canvas.wait_for()
    assert tab.page.locator(".v-application.theme--dark").count()
    assert tab.pixels() != pale
    tab.canvas.focus()
    tab.page.keyboard.press("n")
    tab.press("Step")
    tab.wait_for_step(1)
    tab.page.locator(".aira-mind").wait_for()
    tab.page.wait_for_timeout(1500)
    tab.shot("dark")


@pytest.mark.parametrize("world", ["cartpole", "simple_spread", "scenarios/foraging", "scenarios/thermostat"])
def test_every_page_draws(visit, world):
    tab = visit()
    lab = tab.open(world)
    tab.press("Step")
    tab.wait_for_step(1)
    if world.startswith("scenarios/"):
        tab.page.get_by_text("Question for the class").wait_for()
        tab.page.get_by_text(list(lab.subject.texts.values())[1][:30]).wait_for()
    tab.page.wait_for_timeout(700)
    tab.shot(world.replace("/", "-"))


def test_an_unknown_page_says_what_there_is(visit):
    tab = visit()
    tab.page.goto(f"{tab.address}/scenarios/nothing")
    tab.page.wait_for_timeout(500)
    tab.errors.clear()  # the browser calls a 404 an error
    assert "404" in tab.page.content() or "not found" in tab.page.content().lower()
