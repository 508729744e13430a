"""What students hand in, run: every kind of policy acts, and what goes wrong is told in one clear line."""

import json

import equinox as eqx
import jax
import numpy as np
import pytest
from courts import PARAMETERS, PATIENT, assignment, court, written
from hostile import WORKS

from aira_agents.assignments.arena import PolicyPlayer
from aira_agents.assignments.spec import Test
from aira_agents.errors import InputError
from aira_agents.policies import Rule
from aira_agents.policies.files import save_policies
from aira_agents.policies.mlp import MLPPolicy
from aira_agents.policies.networks import Network
from environments.foraging import ROLE, Foraging, greedy

GREEDY = "from environments.foraging import greedy as act\n"
UP = "def act(observation, rng):\n    return int(rng.integers(0, 5))\n"
BRANCHES = "def act(observation, key):\n    if observation['vision'][0, 0, 0] > 0:\n        return 1\n    return 0\n"
NETWORK = """
import equinox as eqx
import jax
from aira_agents.policies import Policy


class Linear(Policy):
    layer: eqx.nn.Linear

    def __call__(self, features, memory):
        return self.layer(features), memory


def build(n_features, n_outputs, key):
    return Linear(eqx.nn.Linear(n_features, n_outputs, key=key))
"""


def slowly(*values):
    """Marks a submission that starts JAX in its process: that alone takes seconds."""
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    """One court for the file: its programs compile once. Who starts JAX has all the time that a busy machine takes."""
    return court(tmp_path_factory.mktemp("assignment"), limits=PATIENT)


@pytest.mark.parametrize(
    ("source", "state", "told"),
    [
        ("def act(observation, rng)\n    return 0\n", "ERROR", "line 1"),
        ("def Act(observation, rng):\n    return 0\n", "INVALID", "Rename `Act` to `act`"),
        ("x = 1\n", "INVALID", "no function"),
        ("act = 3\n", "INVALID", "must be a function"),
        ("def act(observation):\n    return 0\n", "INVALID", "got `act(observation)`"),
        ("def act(observation, random):\n    return 0\n", "INVALID", "`act(observation, rng)`"),
        ("def act(observation, rng):\n    pass\n", "INVALID", "Is a `return` missing?"),
        ("def act(observation, rng):\n    return 1.0\n", "INVALID", "Did you return a probability?"),
        ("def act(observation, rng):\n    return [0, 0, 1, 0, 0]\n", "INVALID", "probabilities"),
        ("def act(observation, rng):\n    return 'up'\n", "INVALID", "type str"),
        ("def act(observation, rng):\n    return {'walk': 1}\n", "INVALID", "['move']"),
        ("def act(observation, rng):\n    return observation['nose']\n", "ERROR", "line 2: return observation['nose']"),
        ("import torch_that_is_not_there\n" + UP, "ERROR", "Only what `aira_agents` installs"),
        slowly("def act(observation, key):\n    return 1.5\n", "INVALID", "got 1.5"),
        slowly("def act(observation, key):\n    return observation['vision']\n", "INVALID", "probabilities"),
        (
            BRANCHES,
            "ERROR",
            "shape bool[] (policy.py, line 2: if observation['vision'][0, 0, 0] > 0:). In JAX use `jnp.where",
        ),
        slowly(
            "def act(observation, key):\n    return observation['nose']\n",
            "ERROR",
            "KeyError: 'nose' (policy.py, line 2",
        ),
        slowly(NETWORK, "INVALID", "policy.safetensors must lie beside policy.py"),
    ],
)
def test_a_fault_is_told_in_one_line(judge, tmp_path, source, state, told):
    grade = judge.grade("anna", written(tmp_path / "submission", source))
    assert (grade.state, grade.points) == (state, 0)
    assert told in grade.told
    assert "\n" not in grade.told


@pytest.mark.parametrize(
    ("source", "advice"),
    [
        ("def act(observation, rng)\n    return 0\n", "a colon, a bracket or a quotation mark is missing"),
        ("def act(observation, rng):\nreturn 0\n", "with spaces only"),
        ("import torch_that_is_not_there\n" + UP, "hand it in beside"),
        ("def act(observation, rng):\n    return observation['nose']\n", "in the line that is named"),
        ("def act(observation, rng):\n    return 9\n", "an action that the world knows"),
    ],
)
def test_what_to_try_after_a_fault_is_about_the_fault(judge, tmp_path, source, advice):
    for outcome in judge.grade("anna", written(tmp_path / "submission", source)).outcomes:
        assert advice in outcome.hint
        assert "Look at the food" not in outcome.hint  # the test's own


def test_what_it_prints_and_raises_controls_no_terminal(judge, tmp_path):
    source = "print('\\x1b[2Jcleared')\nraise ValueError('\\x1b[31mred\\nand more')\n"
    grade = judge.grade("mallory", written(tmp_path / "submission", source))
    assert "ValueError: [31mred and more" in grade.told
    assert "cleared" in grade.printed
    assert "\x1b" not in grade.told + grade.printed


def test_windows_line_ends_and_a_byte_order_mark_are_no_fault(judge, tmp_path):
    folder = written(tmp_path / "submission", "")
    (folder / "policy.py").write_bytes(b"\xef\xbb\xbf" + UP.replace("\n", "\r\n").encode())
    assert judge.grade("anna", folder).state == "DONE"


def test_a_folder_with_spaces_and_accents_is_no_fault(judge, tmp_path):
    assert judge.grade("anna", written(tmp_path / "Zoë van 't Hoog, week 1", UP)).state == "DONE"


def test_a_module_beside_the_policy_is_found(judge, tmp_path):
    folder = written(
        tmp_path / "submission", "from helper import pick\ndef act(observation, rng):\n    return pick(rng)\n"
    )
    written(folder, "def pick(rng):\n    return rng.integers(0, 5)\n", "helper.py")
    assert judge.grade("anna", folder).state == "DONE"


def test_a_numpy_rule_and_a_jax_rule_earn_what_they_earn_inside_the_world(judge, tmp_path):
    def wander(observation, rng):
        return int(rng.integers(0, 5))

    for source, rule in ((UP, wander), (GREEDY, greedy)):
        grade = judge.grade("anna", written(tmp_path / rule.__name__, source))
        inside = judge.arena.play(PolicyPlayer(judge.arena.role, Rule(rule)), judge.seeds).means
        assert [*grade.means["public"], *grade.means["hidden"]] == inside.tolist()


def test_trained_weights_are_graded_without_any_code_and_without_pickle(judge, tmp_path):
    world, network = Foraging(**PARAMETERS), Network("mlp", (4,))
    policy = network.builder(world.roles[0])(world.roles[0].n_features, world.roles[0].n_outputs, jax.random.key(0))
    (tmp_path / "weights").mkdir()
    save_policies(tmp_path / "weights", {ROLE: policy}, world, network=network)
    grade = judge.grade("anna", tmp_path / "weights")
    inside = judge.arena.play(PolicyPlayer(judge.arena.role, policy), judge.seeds).means
    assert grade.state == "DONE", grade.told
    np.testing.assert_allclose([*grade.means["public"], *grade.means["hidden"]], inside)


@pytest.mark.slow
def test_a_network_of_a_students_own_is_filled_with_the_weights_beside_it(judge, tmp_path):
    world, namespace = Foraging(**PARAMETERS), {"__name__": "policy"}
    exec(NETWORK, namespace)
    policy = namespace["build"](world.roles[0].n_features, world.roles[0].n_outputs, jax.random.key(3))
    folder = written(tmp_path / "submission", NETWORK)
    save_policies(folder, {ROLE: policy}, world)
    grade = judge.grade("anna", folder)
    assert grade.state == "DONE", grade.told


@pytest.mark.slow
def test_weights_of_another_shape_are_named(judge, tmp_path):
    other = Foraging(**{**PARAMETERS, "vision_radius": 2})
    network = Network("mlp", (4,))
    policy = MLPPolicy.build(other.roles[0].n_features, other.roles[0].n_outputs, jax.random.key(0), hidden=(4,))
    (tmp_path / "weights").mkdir()
    save_policies(tmp_path / "weights", {ROLE: policy}, other, network=network)
    grade = judge.grade("anna", tmp_path / "weights")
    assert grade.state == "INVALID"
    assert "perceives 18 numbers, not 50" in grade.told


@pytest.mark.slow
def test_a_pickle_under_the_name_of_weights_is_refused(judge, tmp_path):
    world, network = Foraging(**PARAMETERS), Network("mlp", (4,))
    policy = network.builder(world.roles[0])(world.roles[0].n_features, world.roles[0].n_outputs, jax.random.key(0))
    (tmp_path / "weights").mkdir()
    arrays = save_policies(tmp_path / "weights", {ROLE: policy}, world, network=network)
    arrays.write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    grade = judge.grade("anna", tmp_path / "weights")
    assert grade.state == "INVALID"
    assert "does not belong to its manifest" in grade.told


def test_a_notebook_is_taken_without_its_magic(judge, tmp_path):
    cells = [
        {"cell_type": "markdown", "source": ["# My policy"]},
        {"cell_type": "code", "source": ["%matplotlib inline\n", "!pip install x\n", "import numpy as np"]},
        {"cell_type": "code", "source": "def act(observation, rng):\n    return int(np.argmax([0, 1]))"},
    ]
    (tmp_path / "anna.ipynb").write_text(json.dumps({"cells": cells}))
    assert judge.grade("anna", tmp_path / "anna.ipynb").state == "DONE"


def test_a_fault_on_hidden_seeds_costs_none_of_the_public_points(tmp_path):
    # In the third world of five an agent stands where it sees what it stumbles over: it is made to by the seed.
    source = (
        "calls = 0\ndef act(observation, rng):\n    global calls\n    calls += 1\n"
        "    if int(observation['vision'].sum()) == {trap}: raise ValueError\n    return 0\n"
    )
    judge = court(tmp_path)
    _, view = judge.arena.begin(judge.seeds)
    sums = view.batch["features"].sum(axis=2).astype(int)
    traps = set(sums[2:].ravel()) - set(sums[:2].ravel())
    found = []
    for trap in traps:
        grade = judge.grade("anna", written(tmp_path / f"trap{trap}", source.replace("{trap}", str(trap))))
        found.append((grade.state, grade.outcomes[0].points, grade.outcomes[1].points))
    assert ("ERROR", 2, 0) in found or not traps


def test_the_graders_own_fault_is_marked_as_such(judge, tmp_path, monkeypatch):
    monkeypatch.setattr(type(judge.arena), "setup", lambda *_: 1 / 0)
    grade = judge.grade("anna", written(tmp_path / "submission", WORKS))
    assert grade.state == "FAULT"
    assert "grader's own fault" in grade.told


def test_an_assignment_of_unknown_baselines_is_refused(tmp_path):
    with pytest.raises(InputError, match="Did you mean 'greedy'"):
        court(tmp_path, tests=(Test("a", 1, "public", "random", "greedi"),))
    with pytest.raises(InputError, match="regrowth"):
        court(tmp_path, parameters={"regrowht": 0.1})
    assert eqx.is_array(court(tmp_path).environment.regrowth)
    assert assignment(tmp_path).points == 6
