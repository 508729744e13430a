"""A person plays on the page, and who acts there is scored on the very same worlds."""

import numpy as np
import pytest
from test_page_teaching import make  # noqa: F401  a fixture

from aira_agents.human.demonstrating import demonstrate
from aira_agents.human.level import returns_of, standing

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def playing(make):  # noqa: F811
    from viz.playing import Playing  # noqa: PLC0415  it starts Solara

    return Playing(make(food_at_start=0.6))


def press(playing, names, world=0):
    start = len(playing._heard)
    playing.hear([{"id": f"k{start + i}", "action": name, "world": world} for i, name in enumerate(names)])


def test_worlds_played_on_the_page_are_those_of_the_terminal_and_of_the_policy(playing):
    playing.begin(2, 5)
    game = playing.game
    assert playing.is_on and game.uid == 1 and len(playing.frame) > 100
    for world in (0, 1):
        press(playing, ["right"] * 5, world)
    assert not playing.is_on and not playing.kept
    found = playing.standing()
    assert found.human.tolist() == pytest.approx(playing.earned) and found.human.sum() > 0
    same = {"role": game.role.name, "seed": game.seed, "n_episodes": 2, "who": "p"}
    typed = demonstrate(game.environment, game.policies, iter(["right"] * 10), lambda text: None, **same)
    assert np.array_equal(
        standing(game.environment, game.policies, game.role.name, 1, game.seed, typed).human, found.human
    )
    acting = game.policies[game.role.name]
    policy = returns_of(game.environment, game.policies, acting, game.role.name, 1, game.seed, 2)
    assert found.policy.tolist() == policy.tolist()


def test_a_press_counts_once_and_one_that_was_meant_for_the_world_before_does_nothing(playing):
    playing.begin(2, 3)
    for _ in range(3):
        assert playing.hear([{"id": "a", "action": "up", "world": 0}]) == ["a"]
    assert int(playing.game.now.state.time) == 1
    press(playing, ["up", "up", "left", "left"])  # the world ends with the second
    assert playing.game.number == 1 and int(playing.game.now.state.time) == 0
    press(playing, ["fly", None], world=1)
    playing.hear(["nonsense", {"id": 3}, {"id": "b"}])
    assert int(playing.game.now.state.time) == 0 and playing.is_on


@pytest.mark.parametrize("agreed", [True, False])
def test_plays_are_training_data_with_consent_alone(playing, agreed, tmp_path):
    if agreed:
        who = playing._lab.teaching.agree()
    playing.begin(2, 3)
    press(playing, ["up"] * 3)
    press(playing, ["left"], world=1)
    playing.stop()
    assert playing.kept == agreed and (tmp_path / "aira.db").exists() == agreed
    assert len(playing.standing().human) == 1  # the second world was not played to its end
    if agreed:
        (dataset,) = playing._lab.teaching.notebook.store.datasets(who=who).values()
        assert [episode.n_steps for episode in dataset.episodes] == [3, 1]
        assert {episode.provenance.seed for episode in dataset.episodes} == {playing.game.seed}


def test_agents_that_keys_cannot_lead_are_refused_in_words(make):  # noqa: F811
    from viz.playing import Playing  # noqa: PLC0415

    playing = Playing(make("thermostat"))
    playing.begin(1, 5)
    assert not playing.is_on and "one effector with named actions" in playing.said.value


def test_the_score_says_how_sure_it_is_and_where_there_is_no_scale():
    from aira_agents.human.level import Standing  # noqa: PLC0415
    from viz.play_card import outcome_html  # noqa: PLC0415

    human, chance = np.array([4.0, 6.0, 5.0]), np.array([1.0, 2.0, 0.0])
    page = outcome_html(Standing(human, (human + chance) / 2, chance), "<b>net")
    assert "data-score='0.5000'" in page and "95 % interval of 3 worlds" in page and "<b>net" not in page
    assert "no scale" in outcome_html(Standing(chance, human, chance), "net")
    assert "one world, so no interval" in outcome_html(Standing(human[:1], human[:1], chance[:1]), "net")


@pytest.mark.browser
def test_keys_and_touch_play_and_the_score_appears(visit, tmp_path, monkeypatch):
    from browser import SETTINGS, until  # noqa: PLC0415

    monkeypatch.setattr(SETTINGS, "database", str(tmp_path / "aira.db"))
    tab = visit(width=390, height=844)
    lab = tab.open("foraging")
    lab.values["food_at_start"] = 0.6
    card = tab.page.locator(".aira-play")
    tab.choose("Steps in each", "10")
    card.get_by_role("button", name="I agree: keep my plays").click()
    card.get_by_role("button", name="Play", exact=True).click()
    card.locator("canvas[data-drawn]").wait_for()
    right = card.get_by_role("button", name="Go right")
    right.click()
    card.get_by_text("World 1 of 3, step 0").wait_for(state="hidden")
    right.hover()
    tab.page.mouse.down()  # held, it goes on by itself, to the end of this world
    card.get_by_text("World 2 of 3, step 0").wait_for()
    card.locator("[data-world='1']").wait_for()  # until then keys are meant for the world that ended
    tab.page.wait_for_timeout(500)
    tab.page.mouse.up()
    assert card.get_by_text("World 2 of 3, step 0").is_visible()
    for _ in range(5):
        tab.page.keyboard.press("ArrowUp")
    card.get_by_text("World 2 of 3, step 5").wait_for()
    third = card.get_by_text("World 3 of 3, step 0")
    until(lambda: tab.page.keyboard.down("ArrowUp") or third.is_visible(), tab.page)  # a key repeats while it is held
    card.locator("[data-world='2']").wait_for()
    for _ in range(5):
        tab.page.keyboard.down("ArrowUp")
    tab.page.wait_for_timeout(500)
    tab.page.keyboard.up("ArrowUp")
    assert third.is_visible()
    card.scroll_into_view_if_needed()
    tab.shot("play-phone")
    right.hover()
    tab.page.mouse.down()
    card.locator(".aira-outcome").wait_for()
    tab.page.mouse.up()
    card.get_by_text("Kept, as training data.").wait_for()
    assert card.locator(".v-select", has_text="Steps in each").inner_text().split()[-1] == "10"  # as before
    card.scroll_into_view_if_needed()
    tab.shot("play-outcome-phone")
    until(lambda: len(lab.teaching.notebook.store.datasets()) == 1, tab.page)
