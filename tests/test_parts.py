"""A learner in parts learns the same, but for rounding, on any number of devices, and refuses what cannot be cut."""

import dataclasses
import functools
import json
import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from shell import python

from aira_agents.equation.terms import ML
from aira_agents.errors import InputError
from aira_agents.learning.actor_critic import Setting
from aira_agents.learning.evolution import Evolution
from aira_agents.learning.parts import LEAST_ROWS, Parts, fitting_count
from aira_agents.learning.ppo import PPO
from aira_agents.learning.reinforce import Reinforce
from aira_agents.learning.train import train
from aira_agents.policies.gru import GRUPolicy
from aira_agents.policies.mlp import MLPPolicy
from aira_agents.policies.normalized import Statistics
from environments.cartpole import CartPole
from environments.predator_prey import PredatorPrey
from environments.simple_spread import SimpleSpread


@dataclasses.dataclass(frozen=True)
class Core:
    platform: str = "cpu"
    process_index: int = 0


CORES = [Core()] * 4
SMALL = dict(n_worlds=8, n_steps=16, n_parts=4)
UPDATE = 8 * 16
ON_DEVICES = """
import hashlib, json, sys, tempfile
from pathlib import Path
import jax
folder = Path(tempfile.mkdtemp())
jax.config.update("jax_num_cpu_devices", 4)
jax.config.update("jax_compilation_cache_dir", str(folder / "compiled"))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
import numpy as np
from aira_agents.learning.evolution import Evolution
from aira_agents.learning.ppo import PPO
from aira_agents.learning.train import train
from aira_agents.policies.mlp import MLPPolicy
from environments.cartpole import CartPole
from environments.simple_spread import SimpleSpread

records = {
    "ppo": PPO(n_worlds=8, n_steps=16, n_parts=4, normalize=True),
    "evolution": Evolution(n_pairs=8, n_steps=8, n_parts=4, normalize=True),
    "automatic": PPO(n_worlds=8, n_steps=192, normalize=True),
}
world = {"ppo": CartPole, "evolution": SimpleSpread, "automatic": CartPole}[sys.argv[1]]()
learner = records[sys.argv[1]].learner(world, MLPPolicy.build)

def told(n_devices, updates, first=0, **options):
    devices = jax.devices()[first:first + n_devices]
    trained = train(learner, n_steps=learner.steps_per_update * updates, devices=devices, progress=False, **options)
    used = jax.tree.leaves(trained.state)[0].sharding.device_set
    assert used <= set(devices)
    policy, = trained.policies.values()
    numbers = jax.tree.leaves((policy.inner.layers, policy.statistics))
    return {
        "devices": len(used),
        "bits": hashlib.sha256(b"".join(np.asarray(leaf).tobytes() for leaf in numbers)).hexdigest(),
        "numbers": [float(np.sum(np.abs(leaf))) for leaf in numbers],
        "one": all(len(leaf.sharding.device_set) == 1 for leaf in numbers),
        "last": {k: v for k, v in trained.last.items() if v == v},
    }

runs = {n: told(n, 3) for n in (1, 2, 3, 4)}
runs["last alone"] = told(1, 3, first=3)
for name, n in (("resumed", 4), ("resumed on two", 2)):
    told(4, 1, folder=folder / name)
    runs[name] = told(n, 3, folder=folder / name, resume=True)
print(json.dumps(runs))
"""


@pytest.mark.slow  # a process of its own, with four devices
@pytest.mark.parametrize(
    ("name", "used"), [("ppo", [1, 2, 2, 4]), ("evolution", [1, 2, 2, 4]), ("automatic", [1, 2, 2, 2])]
)
def test_any_number_of_devices_learns_the_same(name, used):
    done = python("-c", ON_DEVICES, name, timeout=180)
    assert done.returncode == 0, done.stderr
    runs = json.loads(done.stdout)
    assert [runs[n]["devices"] for n in "1234"] == used
    for one, other in (("2", "3"), ("1", "last alone"), ("4", "resumed")):  # as many devices: the same program
        assert runs[one]["bits"] == runs[other]["bits"]
    for run in runs.values():  # another number: the compiler rounds otherwise
        np.testing.assert_allclose(run["numbers"], runs["4"]["numbers"], rtol=1e-5)
        assert run["last"] == pytest.approx(runs["4"]["last"], rel=1e-4, abs=1e-6)
    assert all(run["one"] for run in runs.values())  # policies come back to one device


@pytest.mark.slow
def test_a_population_in_parts_fares_as_the_whole_does():
    whole, parts = (
        Evolution(n_pairs=4, n_steps=8, n_parts=n, normalize=True).learner(SimpleSpread(), MLPPolicy.build)
        for n in (1, 2)
    )
    first, second = (train(own, n_steps=3 * 64, progress=False) for own in (whole, parts))
    assert first.last == pytest.approx(second.last, rel=1e-4, nan_ok=True)
    for a, b in zip(*(jax.tree.leaves(own.policies) for own in (first, second)), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("record", [PPO, functools.partial(Reinforce, entropy_weight=0.1)], ids=["ppo", "reinforce"])
def test_parts_learn_what_the_whole_does_wherever_agents_live(record):
    world = PredatorPrey(width=8, height=8, n_prey=20, n_predators=8, prey_capacity=32, predator_capacity=16)
    whole, parts = (
        record(n_worlds=4, n_steps=16, n_parts=n, normalize=True).learner(world, MLPPolicy.build) for n in (1, 4)
    )
    first, second = (train(own, n_steps=2 * 4 * 16, progress=False) for own in (whole, parts))
    assert first.last == pytest.approx(second.last, rel=1e-3, abs=1e-5, nan_ok=True)
    for a, b in zip(*(jax.tree.leaves(own.policies) for own in (first, second)), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("n_worlds", "worth", "count"), [(16, 9, 4), (16, 3, 2), (6, 9, 3), (5, 9, 1), (16, 0, 1)])
def test_there_are_as_many_parts_as_cores_where_that_pays(n_worlds, worth, count):
    assert fitting_count(n_worlds, CORES, worth) == count
    assert fitting_count(n_worlds, (), worth) == 1, "nobody says where"


def test_only_whoever_asks_has_parts_on_several_gpus_or_hosts():
    assert fitting_count(16, [Core("gpu")] * 2, 16) == 1
    with pytest.raises(InputError, match="larger than 1 learns on several hosts"):
        fitting_count(16, [Core(process_index=0), Core(process_index=1)], 16)


def test_parts_that_would_learn_something_else_are_not_made_unasked():
    assert PPO().worthwhile_parts(4 * 1000, recurrent=False) == 1000 // LEAST_ROWS
    assert PPO().worthwhile_parts(4 * 1000, recurrent=True) == 1, "whole worlds are shuffled"
    assert PPO(n_steps=10).worthwhile_parts(4 * 1000, recurrent=False) == 1
    assert Setting(PPO(n_worlds=8, n_steps=192), CartPole(), GRUPolicy.build, CORES).parts.count == 1


def test_what_each_part_saw_is_in_the_statistics():
    parts = Parts(2, 4)
    rows = jnp.arange(24.0).reshape(2, 3, 4, 1)
    active = jnp.arange(24).reshape(2, 3, 4) % 5 != 0
    seen = parts.including(Statistics.none(1), rows, active)
    plain = Statistics.none(1).including(rows, active)
    for a, b in zip(jax.tree.leaves(seen), jax.tree.leaves(plain), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


@pytest.mark.slow
def test_recurrent_networks_shuffle_the_worlds_of_each_part():
    trained = train(PPO(**SMALL, n_minibatches=2).learner(CartPole(), GRUPolicy.build), n_steps=UPDATE, progress=False)
    assert trained.last["first_ratio_error/cart"] < 1e-5


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n_worlds": 6}, "`n_worlds` must be a multiple of `n_parts`; got n_worlds=6, n_parts=4."),
        ({"n_minibatches": 3}, "`n_steps` or the worlds of a part must be a multiple of `n_minibatches`"),
    ],
)
def test_what_cannot_be_cut_is_refused(options, said):
    with pytest.raises(InputError, match=said):
        learner = PPO(**(SMALL | options)).learner(CartPole(), MLPPolicy.build)
        jax.eval_shape(lambda key: learner.update(learner.init(key)), jax.random.key(0))


def test_pairs_that_cannot_be_cut_are_refused():
    with pytest.raises(InputError, match="got n_pairs=5, n_parts=2"):
        Evolution(n_pairs=5, n_parts=2).learner(CartPole(), MLPPolicy.build)


def test_a_person_watches_no_part():
    with pytest.raises(InputError, match="n_parts=4"):
        ML(learner=PPO(**SMALL))


@pytest.mark.slow
def test_the_command_learns_on_all_cores_where_that_pays(tmp_path):
    n_cores = os.cpu_count() or 1
    worlds, told = 2 * n_cores, "" if n_cores == 1 else f" on {n_cores} cores"
    run = f"cartpole --steps 1 --learner.n-worlds {worlds} --learner.n-minibatches 1 --results {tmp_path}".split()
    command = "import sys; from aira_agents.cli.train import train_command; train_command(sys.argv[1:])"
    for steps, said in ((LEAST_ROWS // 2, told), (4, "")):
        done = python("-c", command, *run, "--learner.n-steps", str(steps), timeout=180)
        assert done.returncode == 0, done.stderr
        assert f" steps/s{said})" in done.stdout


@pytest.mark.slow
def test_the_command_makes_a_device_for_each_part_and_goes_on_with_them(tmp_path):
    run = f"train cartpole --learner evolution --learner.n-parts 2 --learner.n-steps 4 --steps 300 --results {tmp_path}"
    command = "import sys, jax; from aira_agents.cli.train import train_command; train_command(sys.argv[1:]); "
    seen = "print('devices', len(jax.devices()))"
    for arguments in (run.split()[1:], ["--resume", f"{tmp_path}/cartpole-evolution-today", "--steps", "600"]):
        done = python("-c", command + seen, *arguments, timeout=180)
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith(f"devices {min(2, os.cpu_count() or 1)}\n")
        for folder in tmp_path.glob("cartpole-evolution-2*"):
            folder.rename(tmp_path / "cartpole-evolution-today")
