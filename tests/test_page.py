"""The page, seen and used in a real browser."""

import weakref

import numpy as np
import pytest
from browser import freed, until

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # Mesa, Solara and their friends warn of one another
    pytest.mark.browser,
]


def test_the_world_is_drawn_and_play_pause_step_and_reset_move_it(visit):
    tab = visit()
    lab = tab.open("foraging")
    assert tab.step_drawn() == 0
    tab.press("Step")
    tab.wait_for_step(1)
    tab.press("▶")
    tab.wait_for_step(10)
    tab.press("❚❚")
    tab.page.get_by_role("button", name="▶").wait_for()
    until(lambda: tab.step_drawn() == lab.model.steps, tab.page)  # the last step is on the screen too
    tab.shot("foraging")
    tab.press("Reset")
    until(lambda: tab.step_drawn() == 0, tab.page)
    assert lab.model.steps == 0


def test_a_click_selects_the_agent_under_the_pointer_and_the_inspector_tells_the_truth(visit):
    tab = visit()
    lab = tab.open("foraging")
    lab.choose("untrained network")
    for step in range(3):
        tab.press("Step")
        tab.wait_for_step(step + 1)
    model = lab.model
    agent = model.agents[3]
    tab.canvas.click(position=dict(zip("xy", tab.point_of((agent.x + 0.5) / 32, (agent.y + 0.5) / 32), strict=True)))
    until(lambda: lab.picked == ("forager", agent.unique_id), tab.page)
    mind = tab.page.locator(".aira-mind")
    mind.wait_for()
    transition = model.transition
    assert tab.page.get_by_text(f"forager {agent.unique_id}").first.is_visible()
    assert float(mind.locator("[data-reward]").get_attribute("data-reward")) == transition.feedback["forager"].reward[3]
    assert int(mind.locator("[data-age]").get_attribute("data-age")) == 3
    shown = {
        cell.get_attribute("data-feature"): float(cell.get_attribute("data-value"))
        for cell in mind.locator("td[data-feature]").all()
    }
    role = model.environment.roles[0]
    assert shown == dict(
        zip(role.features, np.asarray(transition.percepts["forager"].features[3]).tolist(), strict=True)
    )
    moves = role.spaces["move"].names
    shares = [float(mind.locator(f".number[data-feature='{m}']").get_attribute("data-value")) for m in moves]
    assert sum(shares) == pytest.approx(1, abs=1e-5)
    chosen = moves[int(transition.decisions["forager"].actions["move"][3])]
    assert chosen in mind.locator("span.chosen").first.inner_text()
    assert float(np.log(shares[moves.index(chosen)])) == pytest.approx(
        float(transition.decisions["forager"].log_prob[3]), abs=1e-4
    )
    assert mind.locator("svg.aira-network circle").count() > 20
    tab.shot("inspector")


def test_two_tabs_have_two_worlds_and_a_closed_one_is_freed(visit):
    first, second = visit(), visit()
    one, other = first.open("foraging"), second.open("foraging")
    first.press("Step")
    first.wait_for_step(1)
    assert (one.model.steps, other.model.steps) == (1, 0)
    reference = weakref.ref(one.model)
    one.learn(True)
    thread = one.training._thread
    del one
    first.page.goto("about:blank")  # leaving says so; of a tab closed by a program the page does not always hear
    assert freed(reference, second.page)
    thread.join(60)  # it leaves when it has compiled
    assert not thread.is_alive()


def test_every_number_acts_at_once_and_what_shapes_the_world_waits_for_reset(visit):
    tab = visit()
    lab = tab.open("foraging")
    for name, value in {"food_at_start": "0.5", "regrowth": "0.25", "max_steps": "77"}.items():
        tab.set_number(name, value)
        until(lambda name=name, value=value: getattr(lab.model, name) == float(value), tab.page)
    for name, value in {"n_agents": "20", "width": "16", "height": "12", "vision_radius": "2"}.items():
        tab.set_number(name, value)
    tab.page.get_by_text("Press Reset to apply: n_agents, width, height, vision_radius.").wait_for()
    assert lab.model.n_agents == 8
    tab.press("Reset")
    until(lambda: lab.model.n_agents == 20, tab.page)
    model = lab.model
    assert (model.width, model.height, model.vision_radius, model.regrowth, model.max_steps) == (16, 12, 2, 0.25, 77)
    until(lambda: "20 forager" in tab.page.locator(".aira-world .legend").inner_text(), tab.page)


def test_what_is_typed_while_the_world_plays_at_top_speed_is_never_lost(visit):
    tab = visit()
    lab = tab.open("foraging")
    tab.page.get_by_role("slider", name="Play Interval (ms)").press("Home")
    tab.press("▶")
    tab.wait_for_step(5)
    for value in (0.001, 0.01, 0.1, 0.02):
        tab.set_number("regrowth", str(value))
        until(lambda value=value: lab.model.regrowth == value, tab.page)
    tab.press("❚❚")
    tab.set_number("regrowth", "0.5")
    until(lambda: lab.model.regrowth == 0.5, tab.page)


def test_a_slider_a_choice_and_the_seed_work_too(visit):
    tab = visit()
    lab = tab.open("thermostat")
    slider = tab.page.get_by_role("slider", name="target_c (C)")
    slider.focus()
    slider.press("ArrowRight")
    until(lambda: lab.model.target_c > 20, tab.page)
    tab.choose("heater", "on_off")
    before = lab.model.state
    seed = tab.page.get_by_role("slider", name="Seed (acts on Reset)")
    seed.focus()
    seed.press("ArrowRight")
    tab.press("Reset")
    until(lambda: lab.model.heater == "on_off", tab.page)
    first = np.asarray(lab.model.state.agents["thermostat"].temperature_c)
    assert not np.allclose(first, np.asarray(before.agents["thermostat"].temperature_c))
    shown = tab.page.locator(".v-input", has=seed).locator(".v-slider__thumb-label")
    assert shown.is_visible() and shown.inner_text() == "1"  # at rest, too
    assert not tab.page.get_by_text("Use Threads").is_visible()
    tab.shot("thermostat")


def test_a_number_out_of_range_is_refused_in_one_line_and_the_page_lives_on(visit):
    tab = visit()
    lab = tab.open("foraging")
    tab.set_number("regrowth", "7")
    tab.page.get_by_text("`regrowth` must be a number in 0..1; got 7").wait_for()
    assert lab.model.regrowth == 0.002
    tab.set_number("n_agents", "5000")
    tab.page.get_by_text("must be at most width x height = 1024").wait_for()
    tab.press("Step")
    tab.wait_for_step(1)


def test_sensors_and_effectors_can_be_taken_away_from_one_or_from_all(visit):
    tab = visit()
    lab = tab.open("foraging")
    lab.choose("greedy")
    tab.set_number("food_at_start", "0.5")
    tab.press("Reset")
    tab.canvas.focus()
    tab.page.keyboard.press("n")
    until(lambda: lab.picked == ("forager", 1), tab.page)
    tab.page.get_by_label("effector move").click(force=True)
    until(lambda: lab.impaired.lacks("forager", "move", 1), tab.page)
    places = [agent.pos for agent in lab.model.agents]
    for step in range(3):
        tab.press("Step")
        tab.wait_for_step(step + 1)
    assert [agent.pos == was for agent, was in zip(lab.model.agents, places, strict=True)].count(True) < 4
    assert lab.model.agents[0].pos == places[0]
    tab.choose("From", "every forager")
    # Switches are made anew for whom they are about: a click upon those before them would be lost.
    tab.page.get_by_label("effector move").and_(tab.page.locator(":checked")).wait_for(state="attached")
    tab.page.get_by_label("effector move").click(force=True)
    tab.page.get_by_label("sensor vision").click(force=True)
    until(lambda: lab.impaired.lacks("forager", "move") and lab.impaired.lacks("forager", "vision"), tab.page)
    places = [agent.pos for agent in lab.model.agents]
    tab.press("Step")
    tab.wait_for_step(4)
    assert [agent.pos for agent in lab.model.agents] == places
    assert np.all(np.asarray(lab.model.policies["forager"].policy.blind))
    tab.page.get_by_label("effector move").click(force=True)
    until(lambda: not lab.impaired.lacks("forager", "move"), tab.page)
    tab.press("Step")
    tab.wait_for_step(5)
    assert [agent.pos for agent in lab.model.agents] != places


def test_colour_size_trails_and_follow_change_what_is_drawn(visit):
    tab = visit()
    lab = tab.open("foraging")
    lab.choose("greedy")
    for step in range(20):
        tab.press("Step")
        tab.wait_for_step(step + 1)
    plain = tab.pixels()
    tab.choose("Colour by", "meals")
    tab.page.get_by_text("meals: 0 to").wait_for()
    coloured = tab.pixels()
    tab.choose("Size by", "meals")
    tab.page.wait_for_timeout(500)
    sized = tab.pixels()
    assert len({plain, coloured, sized}) == 3
    tab.page.get_by_label("Trails").click(force=True)
    tab.press("Step")
    tab.wait_for_step(21)
    tab.canvas.focus()
    tab.page.keyboard.press("n")
    tab.page.get_by_label("Follow").click(force=True)
    tab.page.wait_for_timeout(300)
    tab.shot("colour-size-follow")
    agent = lab.model.agents[0]
    box = tab.canvas.bounding_box()
    tab.canvas.hover(position={"x": box["width"] / 2, "y": box["height"] / 2})
    assert tab.page.locator(".aira-world .tip").inner_text() == f"forager {agent.unique_id}"
