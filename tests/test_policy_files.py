"""A policy in a file comes back as it was, into the world it is for, or not at all."""

import json

import equinox as eqx
import jax
import numpy as np
import pytest

from aira_agents.environment import by_role
from aira_agents.errors import AiraError, CorruptFileError, IncompatiblePolicyError, InputError
from aira_agents.learning.ppo import PPO
from aira_agents.policies.files import ARRAYS, MANIFEST, load_policies, read_manifest, save_policies
from aira_agents.policies.networks import Network
from environments.cartpole import CartPole
from environments.foraging import Foraging

MEADOW = Foraging(n_agents=3, width=6, height=6)


def _built(network, environment=MEADOW):
    def build(role):
        return eqx.filter_jit(network.builder(role))(role.n_features, role.n_outputs, jax.random.key(1))

    return by_role(environment, build)


def _same(one, other):
    pairs = zip(
        jax.tree.leaves(eqx.filter(one, eqx.is_array)), jax.tree.leaves(eqx.filter(other, eqx.is_array)), strict=True
    )
    return all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in pairs)


@pytest.mark.parametrize(
    "network",
    [
        Network(),
        Network(hidden=(8,)),
        Network("conv", hidden=(8,)),
        Network("gru", hidden=(8,)),
        Network(hidden=(8,), per_agent=True, newborn="start anew"),
        Network("tabular"),
    ],
    ids=["mlp", "small", "conv", "gru", "per agent", "tabular"],
)
def test_every_network_comes_back_as_it_was(tmp_path, network):
    policies = _built(network)
    save_policies(tmp_path, policies, MEADOW, network=network)
    for path in (tmp_path, tmp_path / ARRAYS, tmp_path / MANIFEST):
        assert _same(load_policies(path, MEADOW), policies)


def test_what_a_learner_wrapped_comes_back_wrapped(tmp_path):
    ppo, network = PPO(n_worlds=2, n_steps=4, normalize=True), Network(hidden=(4,))
    learner = ppo.learner(MEADOW, network.builders(MEADOW))
    policies = learner.policies(jax.jit(learner.init)(jax.random.key(0)))
    save_policies(tmp_path, policies, MEADOW, network=network, learner=ppo)
    loaded = load_policies(tmp_path, MEADOW)
    assert type(loaded["forager"]) is type(policies["forager"])
    assert _same(loaded, policies)


def test_the_manifest_says_what_the_policy_is_for(tmp_path):
    save_policies(tmp_path, _built(Network()), MEADOW, network=Network())
    manifest = read_manifest(tmp_path)
    assert manifest["world"] == "foraging"
    assert manifest["parameters"]["regrowth"] == 0.002  # as written, not as float32 rounds it
    assert manifest["roles"]["forager"]["actions"]["move"]["names"] == ["stay", "up", "down", "left", "right"]


def test_other_numbers_of_the_same_world_are_welcome(tmp_path):
    save_policies(tmp_path, _built(Network()), MEADOW, network=Network())
    assert load_policies(tmp_path, Foraging(n_agents=9, regrowth=0.5))


@pytest.mark.parametrize(
    ("environment", "difference"),
    [
        (CartPole(), "for the world 'foraging' and cannot act in 'cartpole'.*roles are forager, not cart"),
        (Foraging(vision_radius=2), r"forager perceives 50 numbers, not 18, has food\(dy=-2, dx=-2\)"),
    ],
)
def test_a_policy_for_another_world_names_the_difference(tmp_path, environment, difference):
    save_policies(tmp_path, _built(Network()), MEADOW, network=Network())
    with pytest.raises(IncompatiblePolicyError, match=difference):
        load_policies(tmp_path, environment)


def test_networks_of_single_agents_do_not_fit_another_number_of_agents(tmp_path):
    network = Network(hidden=(4,), per_agent=True)
    save_policies(tmp_path, _built(network), MEADOW, network=network)
    with pytest.raises(IncompatiblePolicyError, match="does not fit Foraging as it is set"):
        load_policies(tmp_path, Foraging(n_agents=4, width=6, height=6))


@pytest.mark.parametrize("file", [ARRAYS, MANIFEST])
@pytest.mark.parametrize("damage", ["cut", "foreign"])
def test_a_damaged_file_is_never_loaded(tmp_path, file, damage):
    save_policies(tmp_path, _built(Network()), MEADOW, network=Network())
    content = (tmp_path / file).read_bytes()
    (tmp_path / file).write_bytes(content[: len(content) // 2] if damage == "cut" else b"[1, 2]")
    with pytest.raises(CorruptFileError):
        load_policies(tmp_path, MEADOW)


@pytest.mark.parametrize("lost", ["network", "roles"])
def test_a_manifest_that_lacks_something_is_corrupt(tmp_path, lost):
    save_policies(tmp_path, _built(Network()), MEADOW, network=Network())
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    manifest[lost] = {"forager": {}}
    (tmp_path / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(CorruptFileError, match="lacks or misnames"):
        load_policies(tmp_path, MEADOW)


def test_no_policy_is_one_clear_line(tmp_path):
    with pytest.raises(InputError, match="There is no policy at"):
        load_policies(tmp_path / "nowhere", MEADOW)
    with pytest.raises(InputError, match="Cannot read"):
        load_policies(tmp_path, MEADOW)


def test_networks_built_by_hand_need_an_example(tmp_path):
    policies = _built(Network(hidden=(5,)))
    save_policies(tmp_path, policies, MEADOW)
    with pytest.raises(InputError, match="built by hand"):
        load_policies(tmp_path, MEADOW)
    assert _same(load_policies(tmp_path, MEADOW, like=_built(Network(hidden=(5,)))), policies)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "mpl"}, "Did you mean 'mlp'"),
        ({"hidden": (0,)}, "at least 1"),
        ({"kind": "gru", "hidden": (8, 8)}, "at most 1"),
        ({"newborn": "kep"}, "Did you mean 'keep'"),
        ({"kind": "tabular", "hidden": (8,)}, "A table has no hidden layers"),
        ({"kind": "tabular", "bins": 0}, "`bins` must be a whole number of at least 1"),
    ],
)
def test_a_network_that_cannot_be_is_refused(fields, message):
    with pytest.raises(AiraError, match=message):
        Network(**fields)


def test_a_convolution_needs_a_patch():
    with pytest.raises(IncompatiblePolicyError, match="Use `mlp`"):
        Network("conv").builders(CartPole())


def test_a_table_in_other_pieces_does_not_fit(tmp_path):
    save_policies(tmp_path, _built(Network("tabular", bins=4), CartPole()), CartPole(), network=Network("tabular"))
    with pytest.raises(IncompatiblePolicyError, match=r"expected float32\[4096, 2\].*got float32\[256, 2\]"):
        load_policies(tmp_path, CartPole())


def test_a_network_survives_its_record():
    network = Network("conv", (8, 4), per_agent=True, newborn="copy the parent", bins=3)
    assert Network.from_record(json.loads(json.dumps(network.record()))) == network
