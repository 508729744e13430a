"""The page without a mouse: Tab reaches every control, and keys change what it is for."""

import pytest
from browser import until

from aira_agents.parameters import parameters_of

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.browser]

# What has the focus, as a person would call it.
NAME = """() => {
    const e = document.activeElement, field = e.closest(".v-input")?.querySelector("label")?.innerText;
    const name = e.tagName === "CANVAS" ? "world" : e.getAttribute("aria-label") || field || e.innerText || "";
    return name.trim().split("\\n")[0].toLowerCase();
}"""
CHOSEN = "() => document.activeElement.closest('.v-select').querySelector('.v-select__selection').innerText"
BUTTONS = ("reset", "▶", "step", "load a policy (.zip) (0)", "model as csv", "agents as csv", "world as png")
MESAS = ("play interval (ms)", "render interval (steps)", "seed (acts on reset)")
CHOICES = ("policy", "colour by", "size by", "learner", "learning rate", "kind", "what")
SWITCHES = ("trails", "learn in the background", "follow")


def fields(lab):
    return {
        f"{name} ({p.unit})" if p.unit else name: name for name, p in parameters_of(lab.subject.environment).items()
    }


def alive(lab):
    """Returns the numbers of all who live."""
    agents = lab.model.moment()[1].agents.values()
    return {int(uid) for own in agents for uid, lives in zip(own.uid, own.alive, strict=True) if lives}


def walked(tab):
    """Presses Tab until it comes round again; returns what was reached."""
    found = []
    while not found or found[-1] != found[0] or len(found) < 2:
        tab.page.keyboard.press("Tab")
        found.append(tab.page.evaluate(NAME))
        assert len(found) < 200
    return found


def go(tab, name):
    """Presses Tab until the control of that name has the focus, and keeps it: what was pressed before may redraw it."""
    for _ in range(240):
        tab.page.keyboard.press("Tab")
        if tab.page.evaluate(NAME) == name:
            tab.page.wait_for_timeout(250)
            if tab.page.evaluate(NAME) == name:
                return
    raise AssertionError(f"Tab never reaches {name!r}")


def opened(tab, world):
    """A page with somebody in the inspector, by keys."""
    lab = tab.open(world)
    go(tab, "world")
    tab.page.keyboard.press("n")
    go(tab, "step")
    tab.page.keyboard.press("Enter")
    tab.wait_for_step(1)
    tab.page.get_by_label("Follow").wait_for(state="attached")
    return lab


def choose_another(tab):
    """Chooses anything else from the list that has the focus."""
    before = tab.page.evaluate(CHOSEN)
    for n_down in (1, 2, 3):  # a list may begin at what is chosen, and goes round
        tab.page.keyboard.press("Enter")
        tab.page.locator(".menuable__content__active").wait_for()
        for _ in range(n_down):
            tab.page.keyboard.press("ArrowDown")
        tab.page.keyboard.press("Enter")
        tab.page.locator(".menuable__content__active").wait_for(state="detached")
        tab.page.wait_for_timeout(300)
        if tab.page.evaluate(CHOSEN) != before:
            return
    raise AssertionError(f"Nothing but {before} can be chosen by keys")


def test_tab_reaches_every_control_of_a_world_with_two_roles(visit):
    tab = visit()
    lab = opened(tab, "predator_prey")
    for step in (2, 3):  # a curve needs points
        tab.page.keyboard.press("Enter")
        tab.wait_for_step(step)
    tab.page.locator(".aira-plots img").wait_for()
    go(tab, "world")
    tab.page.keyboard.press("n")  # whoever was looked at before may have been eaten
    until(lambda: lab.picked is not None and lab.picked[1] in alive(lab), tab.page)
    tab.page.get_by_label("Follow").wait_for(state="attached")
    reached = walked(tab)
    wanted = {*BUTTONS, *MESAS, *CHOICES, *SWITCHES, *fields(lab), *(f"{one}, exactly" for one in fields(lab))}
    wanted |= {"from", "let go", "sensor vision", "sensor energy", "effector move", "plot as png", "world"}
    assert wanted <= set(reached), wanted - set(reached)


def test_the_keyboard_alone_does_everything(visit):
    tab = visit()
    lab = opened(tab, "foraging")
    press, keys = tab.page.keyboard.press, tab.page.keyboard
    assert lab.picked == ("forager", 1)

    for number, (label, name) in enumerate(fields(lab).items(), 1):
        go(tab, label)
        before = lab.values[name]
        press("ArrowRight")
        until(lambda name=name, before=before: lab.values[name] > before, tab.page)
        go(tab, f"{label}, exactly")
        tab.page.wait_for_function("now => Number(document.activeElement.value) === now", arg=float(lab.values[name]))
        press("ControlOrMeta+a")
        whole = 2 if name == "vision_radius" else number + 8
        typed = 1 / (number + 1) if parameters_of(lab.subject.environment)[name].kind == "number" else whole
        keys.type(str(typed))
        until(lambda name=name, typed=typed: lab.values[name] == pytest.approx(typed), tab.page)
    for label, key, value in (("play interval (ms)", "Home", "1"), ("seed (acts on reset)", "ArrowRight", "1")):
        go(tab, label)
        press(key)
        assert tab.page.evaluate("() => document.activeElement.getAttribute('aria-valuenow')") == value
    go(tab, "reset")
    press("Enter")
    until(lambda: lab.model.steps == 0 and lab.model.n_agents == lab.values["n_agents"], tab.page, 40)
    go(tab, "▶")
    press("Enter")
    tab.wait_for_step(5)
    press("Enter")
    until(lambda: not tab.page.get_by_role("button", name="❚❚").count(), tab.page)

    for label in (*CHOICES, "from"):
        go(tab, label)
        choose_another(tab)
        tab.page.wait_for_timeout(1500 if label == "kind" else 0)  # a plot of another kind asks other questions
    until(lambda: lab.choice != "random", tab.page, 20)
    for label in ("trails", "follow", "sensor vision", "effector move"):
        go(tab, label)
        press("Space")
    until(
        lambda: lab.follow and lab.impaired.lacks("forager", "vision") and lab.impaired.lacks("forager", "move"),
        tab.page,
    )
    for label in ("model as csv", "agents as csv", "world as png"):
        go(tab, label)
        with tab.page.expect_download():
            press("Enter")
    tab.page.on(
        "filechooser", lambda chooser: None
    )  # from here on Chromium tells of it: not yet when Enter comes at once
    go(tab, "load a policy (.zip) (0)")
    with tab.page.expect_file_chooser():
        press("Enter")
    go(tab, "let go")
    press("Enter")
    until(lambda: lab.picked is None, tab.page)


def test_keys_move_the_view_choose_agents_and_let_them_learn(visit):
    tab = visit()
    lab = tab.open("foraging")
    press = tab.page.keyboard.press
    go(tab, "world")
    whole = tab.pixels()
    press("n")
    until(lambda: lab.picked == ("forager", 1), tab.page)
    press("p")
    until(lambda: lab.picked == ("forager", 8), tab.page)
    press("Escape")
    until(lambda: lab.picked is None, tab.page)
    for key in ("+", "ArrowLeft", "ArrowUp"):
        press(key)
    tab.page.wait_for_timeout(200)
    assert tab.pixels() != whole
    press("0")
    tab.page.wait_for_timeout(200)
    assert tab.pixels() == whole
    go(tab, "learn in the background")
    press("Space")
    until(lambda: lab.training is not None, tab.page)
