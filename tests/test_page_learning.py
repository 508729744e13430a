"""Live learning on the page, in a real browser; and policies that come and go as files."""

import io
import zipfile

import jax
import numpy as np
import pytest
from browser import until

from aira_agents.policies.files import save_policies
from aira_agents.policies.mlp import MLPPolicy
from aira_agents.policies.networks import Network
from environments.cartpole import CartPole
from environments.foraging import Foraging
from viz.learners import page_learners, record_for

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.browser]


def learn(tab, lab, steps):
    tab.page.get_by_label("Learn in the background").click(force=True)
    until(lambda: lab.training is not None and lab.training.steps >= steps, tab.page, 120)


def test_the_curve_rises_while_the_world_runs_and_reset_keeps_what_was_learned(visit):
    tab = visit()
    lab = tab.open("foraging")
    tab.press("▶")
    learn(tab, lab, 30_000)
    returns = lab.training.curve.returns
    known = returns[np.isfinite(returns)]
    assert known[-3:].mean() > 2 * known[0]  # about 13 meals by chance, 40 when it has learned
    until(lambda: lab.choice == "learned here", tab.page)
    tab.page.locator(".aira-learning img").wait_for()
    tab.canvas.focus()
    tab.page.keyboard.press("n")
    tab.page.locator("svg.aira-network").wait_for()
    tab.page.wait_for_timeout(1500)
    tab.shot("learning")
    tab.press("❚❚")
    tab.page.get_by_label("Learn in the background").click(force=True)
    until(lambda: lab.training.rests, tab.page)
    weight = np.asarray(lab.stock["learned here"]["forager"].layers[0].weight)
    tab.press("Reset")
    until(lambda: lab.model.steps == 0, tab.page)
    assert np.array_equal(np.asarray(lab.model.policies["forager"].policy.policy.layers[0].weight), weight)
    with tab.page.expect_download() as waiting:
        tab.page.get_by_text("Save: learned here").click()
    data = waiting.value.path().read_bytes()
    tab.choose("Policy", "random")
    until(lambda: lab.choice == "random", tab.page)
    load(tab, "mine.zip", data)
    until(lambda: lab.choice == "mine.zip", tab.page)
    assert np.array_equal(np.asarray(lab.model.policies["forager"].policy.policy.layers[0].weight), weight)
    tab.press("Step")
    tab.wait_for_step(1)


def test_policies_are_swapped_while_the_world_runs(visit):
    tab = visit()
    lab = tab.open("foraging")
    tab.press("▶")
    tab.wait_for_step(2)
    for name in ("untrained network", "greedy", "random"):
        tab.choose("Policy", name)
        until(lambda name=name: lab.choice == name, tab.page)
        tab.wait_for_step(lab.model.steps + 2)
    assert lab.model.fault is None


def test_a_policy_for_another_world_and_a_damaged_file_are_refused_in_one_line(visit, tmp_path):
    tab = visit()
    lab = tab.open("cartpole")
    load(tab, "foraging.zip", saved(tmp_path, Foraging()))
    tab.page.get_by_text("This policy is for the world 'foraging' and cannot act in 'cartpole'").wait_for()
    load(tab, "broken.zip", b"not a zip")
    tab.page.get_by_text("broken.zip: This is no zip with policy.safetensors and policy.json").wait_for()
    whole = saved(tmp_path, CartPole())
    load(tab, "cut.zip", without(whole, "policy.safetensors"))
    tab.page.get_by_text("cut.zip: This is no zip").wait_for()
    load(tab, "altered.zip", altered(whole))
    tab.page.get_by_text("policy.safetensors does not belong to its manifest").wait_for()
    assert "/tmp" not in tab.page.content()
    assert lab.choice == "random"
    load(tab, "right.zip", whole)
    until(lambda: lab.choice == "right.zip", tab.page)


def test_a_learner_that_blows_up_is_told_and_nothing_learned_is_lost(visit, monkeypatch):
    tab = visit()
    lab = tab.open("cartpole")
    lab.learn(True, learning_rate=1.0)  # at once too large
    until(lambda: lab.training.steps > 0, tab.page, 120)
    with lab.context:  # as the thread that trains would
        lab.training._stop("In update 7 a parameter of a policy became infinite or not-a-number.")
    tab.page.get_by_text("became infinite or not-a-number. What was learned before is kept.").wait_for()
    tab.page.get_by_text("Stopped:").wait_for()
    assert "learned here" in lab.choices()
    tab.press("Step")
    tab.wait_for_step(1)
    tab.page.get_by_role("button", name="Begin anew").click()
    until(lambda: lab.training is None, tab.page)
    assert "learned here" in lab.choices()


def test_every_learner_that_needs_no_data_is_offered_and_fits():
    offered = page_learners()
    assert {"ppo", "dqn", "reinforce", "evolution"} <= set(offered)
    assert "cloning" not in offered
    world = Foraging(n_agents=100)
    for name in ("ppo", "dqn", "reinforce", "evolution"):
        record = record_for(name, world, {})
        assert record.n_worlds <= 5
        record.learner(world, Network("mlp").builders(world))
    assert float(record_for("ppo", world, {"learning_rate": 0.5}).learning_rate) == 0.5


def load(tab, name, data):
    """Hands the page a file."""
    with tab.page.expect_file_chooser() as choosing:
        tab.page.get_by_role("button", name="Load a policy (.zip)").click()
    choosing.value.set_files({"name": name, "mimeType": "application/zip", "buffer": data})


def saved(folder, world):
    role = world.roles[0]
    policy = MLPPolicy.build(role.n_features, role.n_outputs, jax.random.key(0))
    save_policies(folder, {role.name: policy}, world, network=Network("mlp"))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in ("policy.safetensors", "policy.json"):
            archive.write(folder / name, name)
    return out.getvalue()


def without(data, missing):
    return rewritten(data, lambda name, content: None if name == missing else content)


def altered(data):
    return rewritten(data, lambda name, content: content[:-4] + b"1234" if name == "policy.safetensors" else content)


def rewritten(data, change):
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            content = change(name, source.read(name))
            if content is not None:
                target.writestr(name, content)
    return out.getvalue()
