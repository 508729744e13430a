"""Seconds that behaviour cloning takes for one epoch of a million decisions, beside plain optax on the same arrays.

`python benchmarks/cloning.py [--json PATH]`
"""

import argparse
import resource
import statistics
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import optax
from figures import Figures

from aira_agents.data.recording import record
from aira_agents.data.samples import rows
from aira_agents.learning.cloning import BehaviourCloning
from aira_agents.policies import Rule
from aira_agents.policies.mlp import MLPPolicy
from environments.foraging import ROLE, Foraging, greedy

SAMPLES, BATCH = 1_000_000, 1024


def peer(samples):
    """Returns an epoch as anybody would write it: a permutation, a gather and a step of optax on a tree of layers."""
    features, actions = jnp.asarray(samples.features), jnp.asarray(samples.actions["move"])
    network = MLPPolicy.build(features.shape[1], 5, jax.random.key(0))
    adam = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(1e-3))
    n_steps = len(actions) // BATCH

    def loss(network, batch):
        logits = jax.vmap(lambda own: network(own, None)[0])(features[batch])
        return optax.softmax_cross_entropy_with_integer_labels(logits, actions[batch]).mean()

    def step(carry, batch):
        network, state = carry
        changes, state = adam.update(jax.grad(loss)(network, batch), state)
        return (optax.apply_updates(network, changes), state), None

    def epoch(carry, key):
        order = jax.random.permutation(key, len(actions))[: n_steps * BATCH]
        return jax.lax.scan(step, carry, order.reshape(n_steps, BATCH))[0]

    run, carry = jax.jit(epoch), (network, adam.init(network))
    return lambda: jax.block_until_ready(run(carry, jax.random.key(1)))


def main():
    """Measures both, interleaved."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    world, figures = Foraging(), Figures()
    begun = time.perf_counter()
    data = record(world, {ROLE: Rule(greedy)}, 0, SAMPLES // (8 * 200))
    print(f"recorded {data.n_samples:,} decisions in {time.perf_counter() - begun:.1f} s")
    begun = time.perf_counter()
    learner = BehaviourCloning(batch_size=BATCH).learner(world, MLPPolicy.build, data)
    state = learner.init(jax.random.key(0))
    n_updates = -(-data.n_samples // learner.steps_per_update)
    print(f"laid out in {time.perf_counter() - begun:.1f} s")
    begun = time.perf_counter()
    ours = jax.jit(lambda state: jax.lax.scan(lambda s, _: learner.update(s), state, None, n_updates)[0])
    ours = ours.lower(state).compile()
    print(f"compiled in {time.perf_counter() - begun:.1f} s")
    theirs = peer(rows(data, ROLE))
    theirs()
    measured = {"ours": [], "peer": []}
    for _ in range(arguments.rounds):
        for name, epoch in (("ours", lambda: jax.block_until_ready(ours(state))), ("peer", theirs)):
            begun = time.perf_counter()
            epoch()
            measured[name].append(time.perf_counter() - begun)
    medians = {name: statistics.median(values) for name, values in measured.items()}
    print(f"epochs: ours {medians['ours']:.2f} s, plain optax {medians['peer']:.2f} s")
    print(f"resident memory at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")
    figures.add("cloning_epoch_of_1M", medians["ours"], "s", 5, at_least=False)
    figures.add("cloning_vs_plain_optax", medians["peer"] / medians["ours"], "ratio", 1)
    figures.finish(arguments.json)


if __name__ == "__main__":
    main()
