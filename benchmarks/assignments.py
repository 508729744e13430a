"""How long a student waits for `aira check`, a lecturer for a class, and what the pipe costs, beside no pipe at all.

`python benchmarks/assignments.py [--class-size N] [--checks N] [--json PATH]`

A class is mixed as classes are: of a hundred, sixty rules, eighteen NumPy networks, twelve policies that need JAX, half
of them trained weights, and ten that are broken, one of which never answers.
"""

import argparse
import contextlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jax
import numpy as np
from figures import Figures

from aira_agents.assignments.classes import grade_class
from aira_agents.assignments.grading import Court
from aira_agents.assignments.levels import chosen_level
from aira_agents.assignments.spec import load_assignment
from aira_agents.assignments.starting import shipped_assignments
from aira_agents.assignments.submission import Submission
from aira_agents.policies.files import save_policies
from aira_agents.policies.networks import Network
from environments.foraging import Foraging

FORAGER = shipped_assignments()["forager"]
JAX = "from environments.foraging import greedy as act\n"
STILL = "def act(observation, rng):\n    return 0\n"
NETWORK = """
import numpy as np

chance = np.random.default_rng({number})
FIRST, SECOND = chance.normal(size=(64, 18)), chance.normal(size=(5, 64))


def act(observation, rng):
    hidden = np.tanh(FIRST @ observation["vision"].reshape(-1))
    scores = np.exp(SECOND @ hidden)
    return int(rng.choice(5, p=scores / scores.sum()))
"""
BROKEN = {
    "syntax": ("ERROR", "def act(observation, rng)\n    return 0\n"),
    "late": ("ERROR", "def act(observation, rng):\n    return 1 // int(rng.integers(0, 400))\n"),  # in the midst of it
    "none": ("INVALID", "def act(observation, rng):\n    observation\n"),
    "leaves": ("ERROR", "import os\ndef act(observation, rng):\n    os._exit(0)\n"),
    "import": ("ERROR", "import torch_of_the_students_own\n" + STILL),
    "sleeps": ("TIMEOUT", "import time\ndef act(observation, rng):\n    time.sleep(60)\n"),
}
CLASS, TARGET_S = 100, 600


def check_seconds(folder, source):
    """Returns the seconds of a first `aira check`, and of all its processes' work: nothing was compiled before."""
    (folder / "policy.py").write_text(source)
    environment = {**os.environ, "XDG_CACHE_HOME": tempfile.mkdtemp(dir=folder)}
    command = [sys.executable, "-m", "aira_agents.cli.main", "check", str(folder / "policy.py")]
    command += ["--assignment", str(FORAGER), "--results", str(folder / "results")]
    begun, before = time.perf_counter(), _work_s()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun, _work_s() - before


def _work_s():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def handed_in(folder, count):
    """Writes `count` submissions, mixed; returns them, and the state in which each must end."""
    world = Foraging()
    (role,), network = world.roles, Network("mlp", (32, 32))
    solution = (FORAGER / "solution.py").read_text()
    submissions, states = [], {}
    for number in range(count):
        # In a hundred and in any smaller class the shares are about the same.
        share, own = (number * 37) % 100, folder / f"student{number}"
        own.mkdir()
        states[own.name], source = "DONE", solution
        if share < 12 and share % 2:
            policy = network.builder(role)(role.n_features, role.n_outputs, jax.random.key(number))
            save_policies(own, {role.name: policy}, world, network=network)
            source = None
        elif share < 12:
            source = JAX
        elif share < 30:
            source = NETWORK.format(number=number)
        elif share < 40:
            kind = "sleeps" if share == 39 else [*BROKEN][share % (len(BROKEN) - 1)]
            states[own.name], source = BROKEN[kind]
        if source is not None:
            (own / "policy.py").write_text(source)
        submissions.append(Submission(own.name, own))
    return submissions, states


def batch_ms(court, folder, rounds=400):
    """Returns what a batch costs that nothing is computed for: as the pipe carries it, and as a plain call."""
    (folder / "policy.py").write_text(STILL)
    _, view = court.arena.begin(court.seeds)
    nobody = {**view.batch, "alive": np.zeros_like(view.batch["alive"])}  # nobody is asked: the pipe alone is left
    with court.running(folder / "policy.py", len(court.seeds)) as runner:
        piped = _median_ms(lambda: runner.act(nobody), rounds)
    from aira_agents.assignments.loading import NumPyActor  # noqa: PLC0415  beside its only use

    setup = court.arena.setup(len(court.seeds), "foraging", {})
    actor = NumPyActor(lambda observation, rng: 0, setup)
    called = _median_ms(lambda: actor.act({**nobody, "keys": nobody["row_keys"]}), rounds)
    return piped - called, sum(array.nbytes for array in nobody.values()) / 1024


def _median_ms(call, rounds):
    taken = []
    for _ in range(rounds):
        begun = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begun)
    return 1000 * statistics.median(taken)


def main():
    """Measures all three."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--class-size", type=int, default=CLASS)
    parser.add_argument("--checks", type=int, default=3, help="of which the median is taken")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    figures = Figures()
    court = Court(load_assignment(FORAGER), chosen_level(None, "process"))
    print(f"level {court.level.name}, {len(court.seeds)} worlds, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        solution = (FORAGER / "solution.py").read_text()
        for name, source, target in (("numpy", solution, 5), ("jax", JAX, 15)):
            runs = [check_seconds(folder, source) for _ in range(arguments.checks)]
            print(f"{name}: {', '.join(f'{wall:.1f} s (work {work:.1f} s)' for wall, work in runs)}")
            median = statistics.median(wall for wall, _ in runs)
            figures.add(f"check_of_a_{name}_policy", median, "s", target, at_least=False)
        cost_ms, kilobytes = batch_ms(court, folder)
        print(f"a batch is {kilobytes:.0f} kB")
        figures.add("pipe_for_a_batch", cost_ms, "ms", 0.2, at_least=False)
        submissions, states = handed_in(folder, arguments.class_size)
        begun = time.perf_counter()
        with contextlib.redirect_stdout(None):
            grades = grade_class(court, submissions, folder / "grades", workers=2)
        took = time.perf_counter() - begun
        assert {grade.name: grade.state for grade in grades} == states
        print(f"{len(grades)} submissions in {took:.1f} s, compile included, load {os.getloadavg()[0]:.1f}")
        figures.add(f"class_of_{CLASS}", took * CLASS / len(grades), "s", TARGET_S, at_least=False)
    figures.finish(arguments.json)


if __name__ == "__main__":
    main()
