"""PPO's steps a second against Stable-Baselines3's, and PureJaxRL's if it is there: in the same run, without compiling.

`python benchmarks/training.py --peer-python PATH_TO_ITS_PYTHON [--purejaxrl PYTHON FOLDER] [--json PATH]`
"""

import argparse
import os
import statistics
import subprocess
from pathlib import Path

import cores
import jax
from figures import Figures

from aira_agents.cli.devices import share_cpu
from aira_agents.learning.dispatch import Dispatch
from aira_agents.learning.ppo import PPO
from aira_agents.learning.train import over_devices
from aira_agents.policies.mlp import MLPPolicy
from environments.cartpole import CartPole
from environments.simple_spread import SimpleSpread

HERE = Path(__file__).parent
PEER = """
import sys, time, torch
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
torch.set_num_threads(2)
model = PPO("MlpPolicy", make_vec_env("CartPole-v1", 4), n_steps=128, batch_size=128, n_epochs=4, device="cpu",
            policy_kwargs=dict(net_arch=dict(pi=[64, 64], vf=[64, 64])))
model.learn(2048)
start = time.perf_counter()
model.learn(16384)
print(16384 / (time.perf_counter() - start))
"""


def compiled(world, n_worlds, updates=100):
    """Returns a function that measures agent-steps a second, as `aira train` learns, and the seconds compiling took."""
    learner = over_devices(PPO(n_worlds=n_worlds).learner(world, MLPPolicy.build))
    state = learner.placed(jax.jit(learner.init)(jax.random.key(0)))
    program = Dispatch(learner, state, updates)
    agents = sum(role.capacity for role in world.roles)
    running = [program(state, updates).state]

    def measure():
        done = program(running[0], updates)
        running[0] = done.state
        return updates * learner.steps_per_update * agents / done.seconds

    return measure, program.compile_seconds


def told_by(*command):
    """Returns the number that a peer prints last."""
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1])


def main():
    """Measures both, interleaved, and prints the ratios of the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer-python", required=True, help="a Python with benchmarks/requirements.txt installed")
    parser.add_argument("--purejaxrl", nargs=2, metavar=("PYTHON", "FOLDER"), help="see `peer_purejaxrl.py`")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    figures = Figures()
    share_cpu(os.cpu_count() or 1)  # as `aira train` does, which learns on all cores where that pays
    cartpole, cartpole_s = compiled(CartPole(), 4)
    spread, spread_s = compiled(SimpleSpread(), 16)
    measures = {"peer": lambda: told_by(arguments.peer_python, "-c", PEER), "cartpole": cartpole, "spread": spread}
    if arguments.purejaxrl:
        python, folder = arguments.purejaxrl
        measures["purejaxrl"] = lambda: told_by(python, str(HERE / "peer_purejaxrl.py"), folder)
    measured = {name: [] for name in measures}
    distances = []
    for _ in range(arguments.rounds):
        for name, measure in measures.items():
            measured[name].append(measure())
        distances.append(cores.apart())
    medians = {name: statistics.median(values) for name, values in measured.items()}
    for name, values in measured.items():
        print(f"{name}: median {medians[name]:.0f} steps/s of", ", ".join(f"{value:.0f}" for value in values))
    print("cores apart, after each round:", ", ".join(distances))
    print(f"compile: cartpole {cartpole_s:.1f} s, simple_spread {spread_s:.1f} s")
    figures.add("ppo_cartpole_vs_sb3", medians["cartpole"] / medians["peer"], "ratio", 40)
    figures.add("ppo_simple_spread_vs_sb3_cartpole", medians["spread"] / medians["peer"], "ratio", 50)
    if arguments.purejaxrl:
        # Where the other targets were set, PureJaxRL did 28 times Stable-Baselines3's steps, and 40 were asked for.
        figures.add("ppo_cartpole_vs_purejaxrl", medians["cartpole"] / medians["purejaxrl"], "ratio", 40 / 28)
    figures.finish(arguments.json)


if __name__ == "__main__":
    main()
