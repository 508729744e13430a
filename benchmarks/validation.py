"""The classic worlds beside the same models in plain Mesa: the same figures over as many seeds, small worlds.

    python benchmarks/validation.py [--seeds 200]

Each figure is told with the distance of Kolmogorov and Smirnov between the two samples. What of it is tested, and
within which tolerance, is in `tests/test_validation.py`.
"""

import argparse
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
from plain_mesa_classic import PlainFlocking, PlainSegregation, PlainWolfSheep, Sheep, Wolf
from plain_mesa_market import PlainNetworkWealth, PlainTraffic, PlainVirus, PlainWealth
from scipy.stats import ks_2samp

from aira_agents.environment import Environment
from aira_agents.loop import start_worlds, unroll
from aira_agents.policies.rule import Rule
from aira_agents.populations import State
from aira_agents.turns import ONE_BY_ONE, TOGETHER
from environments.flocking import Flocking, boid, order_parameter
from environments.segregation import Segregation, schelling
from environments.traffic import Traffic, nagel_schreckenberg
from environments.virus import Virus, sociable
from environments.wealth import NetworkWealth, Wealth, boltzmann, gini, give
from environments.wolf_sheep import WolfSheep, wander

GRAPH = nx.watts_strogatz_graph(60, 4, 0.2, seed=1)


class Pair(NamedTuple):
    """A world and its peer; both give the same figures at the same steps, `[figures]` a seed."""

    world: Environment
    rules: dict[str, Any]
    figures: Callable[[Environment, State], list[Any]]
    plain: Callable[[int], Any]
    plain_figures: Callable[[Any], list[float]]
    names: tuple[str, ...]
    steps: tuple[int, ...]  # when figures are taken
    turns: int = 1  # steps of the world to one of the peer


def _town(order: str) -> Pair:
    size = {"width": 12, "height": 12, "capacity": 100, "density": 100 / 144}
    return Pair(
        Segregation(**size, homophily=0, alike=3, order=order, max_steps=10**6),
        {"resident": schelling},
        lambda world, state: [world.index(state)],
        lambda seed: PlainSegregation(100, 12, 1, 3, rng=seed),
        lambda model: [model.index()],
        ("segregation index",),
        (1, 3, 20),
    )


def _market(order: str) -> Pair:
    return Pair(
        Wealth(n_agents=60, width=7, height=7, order=order, max_steps=10**6),
        {"agent": boltzmann},
        lambda _, state: [gini(state.agents["agent"].coins)],
        lambda seed: PlainWealth(60, 7, rng=seed),
        lambda model: [model.gini()],
        ("Gini",),
        (5, 30),
    )


def _network_market(order: str) -> Pair:
    return Pair(
        NetworkWealth(graph=GRAPH, order=order, max_steps=10**6),
        {"agent": give},
        lambda _, state: [gini(state.agents["agent"].coins)],
        lambda seed: PlainNetworkWealth(GRAPH, rng=seed),
        lambda model: [model.gini()],
        ("Gini",),
        (5, 30),
    )


def _illness(order: str) -> Pair:
    return Pair(
        Virus(graph=GRAPH, outbreak=3 / 60, order=order, max_steps=10**6),
        {"node": sociable},
        _health,
        lambda seed: PlainVirus(GRAPH, 3, rng=seed),
        lambda model: [model.count(1), model.count(2)],
        ("infected", "resistant"),
        (2, 5, 30),
    )


def _road(cars: int) -> Pair:
    return Pair(
        Traffic(length=60, capacity=cars, density=cars / 60, max_steps=10**6),
        {"car": nagel_schreckenberg},
        lambda world, state: [world.flow(state)],
        lambda seed: PlainTraffic(n=cars, rng=seed),
        lambda model: [model.flow()],
        ("flow",),
        (5, 60),
    )


def _in_both_orders(n_agents: int, make: Callable[[str], Pair]) -> dict[str, Pair]:
    return {TOGETHER: make(TOGETHER), ONE_BY_ONE: make(ONE_BY_ONE)._replace(turns=n_agents)}


def _counts(world: Environment, state: State) -> list[Any]:
    del world
    return [jnp.sum(state.agents[role].alive) for role in ("sheep", "wolf")]


def _health(world: Environment, state: State) -> list[Any]:
    del world
    return [jnp.sum(state.agents["node"].health == health) for health in (1, 2)]


def _plain_counts(model: PlainWolfSheep) -> list[float]:
    return [float(len(model.agents_by_type.get(kind, []))) for kind in (Sheep, Wolf)]


def pairs() -> dict[str, dict[str, Pair]]:
    """All worlds beside their peers, in the orders of acting that there are."""
    long = {"max_steps": 10**6}
    farm = {"sheep_capacity": 150, "wolf_capacity": 150, "n_sheep": 40, "n_wolves": 20, "width": 15, "height": 15}
    farm |= {"regrowth": 10, "sheep_births": 0.4, "wolf_births": 0.2}
    farm_plain = {"sheep": 40, "wolves": 20, "side": 15, "regrowth": 10, "sheep_births": 0.4, "wolf_births": 0.2}
    roam = {"sheep": wander, "wolf": wander}
    flock = Pair(
        Flocking(n_birds=24, width=24, height=24, **long),
        {"bird": boid},
        lambda _, s: [order_parameter(s)],
        lambda seed: PlainFlocking(24, 24, 5.0, rng=seed),
        lambda m: [m.order()],
        ("order parameter",),
        (10, 40),
    )
    return {
        "segregation": _in_both_orders(100, _town),
        "flocking": {TOGETHER: flock},
        "wolf_sheep": {
            TOGETHER: Pair(
                WolfSheep(**farm, **long),
                roam,
                _counts,
                lambda seed: PlainWolfSheep(**farm_plain, rng=seed),
                _plain_counts,
                ("sheep", "wolves"),
                (5, 30),
            )
        },
        "wealth": _in_both_orders(60, _market),
        "network_wealth": _in_both_orders(60, _network_market),
        "virus": _in_both_orders(60, _illness),
        **{f"traffic of {cars}": {TOGETHER: _road(cars)} for cars in (6, 12, 30)},
    }


def ours(pair: Pair, seeds: int) -> np.ndarray:
    """Returns the figures of a world, `[times, figures, seeds]`."""
    policies = {role: Rule(act) for role, act in pair.rules.items()}

    @eqx.filter_jit
    def run(world: Environment, key: jax.Array) -> list[jax.Array]:
        now, found, time = start_worlds(world, policies, key, seeds), [], 0
        for step in pair.steps:
            n = (step - time) * pair.turns
            now = jax.vmap(lambda one, n=n: unroll(world, policies, one, n, lambda _: None)[0])(now)
            found.append(
                jax.vmap(lambda s: jnp.stack([jnp.asarray(f, jnp.float32) for f in pair.figures(world, s)]))(now.state)
            )
            time = step
        return found

    return np.stack([np.asarray(figures).T for figures in run(pair.world, jax.random.key(0))])


def theirs(pair: Pair, seeds: int) -> np.ndarray:
    """Returns the figures of plain Mesa, `[times, figures, seeds]`."""
    found = []
    for seed in range(seeds):
        model, rows = pair.plain(seed), []
        for step in range(1, pair.steps[-1] + 1):
            model.step()
            if step in pair.steps:
                rows.append(pair.plain_figures(model))
        found.append(rows)
    return np.moveaxis(np.array(found, float), 0, -1)


class Agreement(NamedTuple):
    """One figure at one time: means of both samples, deviation of the peer's, and how far the samples are apart."""

    ours: float
    theirs: float
    deviation: float
    distance: float  # of Kolmogorov and Smirnov: 0 the same, 1 nothing in common


def agreements(pair: Pair, peer: np.ndarray) -> dict[str, Agreement]:
    """Compares a world with what `theirs` found, over as many seeds."""
    found = {}
    for step, one, other in zip(pair.steps, ours(pair, peer.shape[-1]), peer, strict=True):
        for name, a, b in zip(pair.names, one, other, strict=True):
            distance = float(ks_2samp(a.astype(float).round(4), b.round(4)).statistic)
            found[f"{name} after {step}"] = Agreement(float(a.mean()), float(b.mean()), float(b.std()), distance)
    return found


def main() -> None:
    """Prints all agreements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--only", default="", help="pairs whose name contains this")
    arguments = parser.parse_args()
    for name, orders in pairs().items():
        if arguments.only not in name:
            continue
        peer = theirs(next(iter(orders.values())), arguments.seeds)
        for order, pair in orders.items():
            for figure, found in agreements(pair, peer).items():
                told = f"{found.ours:8.3f}, plain Mesa {found.theirs:8.3f} +- {found.deviation:.3f}"
                print(f"{name}, {order}: {figure}: {told}, distance {found.distance:.3f}", flush=True)


if __name__ == "__main__":
    main()
