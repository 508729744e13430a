"""Virus: an infection that spreads along the links of a network, among nodes that may close themselves off.

Source: Stonedahl and Wilensky 2008, "NetLogo Virus on a Network": whoever is infected infects each susceptible
neighbour with some chance; at a check it may recover, and then become resistant or susceptible again.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import networkx as nx

from aira_agents.arrays import lots
from aira_agents.drawing import Drawing, Links, Marks
from aira_agents.effectors import Effector
from aira_agents.environment import Environment, Role
from aira_agents.hosting import HostedModel
from aira_agents.neighbours.network import Method, Network, neighbour_sums, network
from aira_agents.parameters import number, option
from aira_agents.populations import Population, State, clocks, founders, with_columns
from aira_agents.sensors import Range, Sensor
from aira_agents.spaces import Discrete
from aira_agents.turns import acting, first_turns, next_turns, turn_option
from aira_agents.types import Actions, Array, Float, Int, Key, Number, UInt32

ROLE = "node"
SUSCEPTIBLE, INFECTED, RESISTANT = 0, 1, 2


class Nodes(Population):
    """The nodes of the network."""

    health: Int[Array, " capacity"]  # 0 susceptible, 1 infected, 2 resistant
    open: Int[Array, " capacity"]  # 1: it meets its neighbours in this step


class NetworkState(State):
    """The nodes, the links between them, and whose turn it is where they act one by one."""

    links: Int[Array, "pairs 2"]
    turns: UInt32[Array, " turns"]


class Rumour(Sensor):
    """Knows the own health, how many neighbours there are, and how many of them are infected."""

    graph: Network
    name: str = eqx.field(static=True, default="rumour")

    @property
    def features(self) -> tuple[str, ...]:
        """Three answers, two counts."""
        return ("susceptible", "infected", "resistant", "neighbours", "infected_neighbours")

    @property
    def ranges(self) -> tuple[Range | None, ...]:
        """As many as anybody has."""
        most = self.graph.neighbours.shape[1]
        return (*(Range(0, 1, whole=True),) * 3, *(Range(0, most, whole=True),) * 2)

    def __call__(self, state: NetworkState, scene: Any, index: Int[Array, ""], key: Key) -> Float[Array, " features"]:
        """Returns `[5]`."""
        del key
        health = jax.nn.one_hot(state.agents[ROLE].health[index], 3)
        counts = jnp.stack([self.graph.degree[index].astype(jnp.float32), scene[index]])
        return jnp.concatenate([health, counts])


class Meet(Effector):
    """Meets the neighbours, or is closed to them: neither infects nor is infected."""

    name: str = eqx.field(static=True, default="be")

    @property
    def space(self) -> Discrete:
        """Two choices."""
        return Discrete(("closed", "open"))

    def __call__(self, state: NetworkState, actions: Int[Array, " capacity"], key: Key) -> NetworkState:
        """Every node is what it chose."""
        del key  # nodes do not get in each other's way
        return with_columns(state, ROLE, open=actions)


def _graph(graph: Any) -> Network:
    """Converts a networkx graph; `None` is a random one of 100 with three links a node on average."""
    return network(nx.gnp_random_graph(100, 3 / 99, seed=0) if graph is None else graph)


class Virus(Environment):
    """Nodes, who lose by being infected and by closing themselves off."""

    populations = {ROLE: Nodes}
    usual = "sociable"
    draw = Drawing(
        links=Links("links", ROLE), marks=(Marks(ROLE, x=None, y=None, size=0.05, colour="health", low=0, high=2),)
    )

    method: Method = option(
        "fastest", ("fastest", "padded", "links"), help="how neighbours are counted: chosen, or forced"
    )
    order: str = turn_option()
    outbreak: Number = number(0.03, low=0, high=1, help="share of nodes infected at the start, at least one")
    spread: Number = number(0.4, low=0, high=1, help="chance to infect a neighbour in a step")
    check: Number = number(0.4, low=0, high=1, help="chance that an infected node is checked in a step")
    recovery: Number = number(0.3, low=0, high=1, help="chance to recover at a check")
    resistance: Number = number(0.5, low=0, high=1, help="chance to become resistant at recovery")
    cost_of_closing: Number = number(0.2, low=0, help="what a step of being closed costs; one infected costs 1")
    max_steps: Number = number(200, low=1, whole=True, unit="steps", help="length of an episode")
    graph: Network = eqx.field(default=None, converter=_graph)  # any networkx graph; None: a random one of 100

    @property
    def roles(self) -> tuple[Role, ...]:
        """One role: nodes, who hear of infections around, and are open or closed."""
        return (Role(ROLE, self.graph.n_nodes, (Rumour(graph=self.graph),), (Meet(),)),)

    def reset(self, key: Key) -> NetworkState:
        """Nodes infected by lot."""
        n = self.graph.n_nodes
        lot_key, turn_key = jax.random.split(key)
        count = jnp.maximum(jnp.round(self.outbreak * n), 1).astype(jnp.int32)
        lot = lots(lot_key, n)
        infected = lot >= jnp.sort(lot)[n - count]
        nodes = Nodes(**founders(n), health=infected.astype(jnp.int32), open=jnp.ones(n, jnp.int32))
        turns = first_turns(self.order, n, turn_key)
        return NetworkState(agents={ROLE: nodes}, **clocks(n + 1), links=self.graph.pairs, turns=turns)

    def scene(self, state: NetworkState) -> Float[Array, " nodes"]:
        """How many neighbours of every node are infected."""
        infected = state.agents[ROLE].health == INFECTED
        return neighbour_sums(self.graph, infected.astype(jnp.float32), self.method)

    def dynamics(self, state: NetworkState, key: Key) -> NetworkState:
        """Whoever was infected and acts infects, by all of its links at once; then it may recover."""
        nodes = state.agents[ROLE]
        luck_key, turn_key = jax.random.split(key)
        infect, check, recover, resist = jax.random.uniform(luck_key, (4, self.graph.n_nodes))
        ill = (nodes.health == INFECTED) & acting(state.turns, nodes.alive)
        infects = ill & (nodes.open > 0)
        sources = neighbour_sums(self.graph, infects.astype(jnp.float32), self.method)
        escapes = (1 - self.spread) ** sources
        caught = (nodes.health == SUSCEPTIBLE) & (nodes.open > 0) & (infect >= escapes)
        health = jnp.where(caught, INFECTED, nodes.health)
        recovers = ill & (check < self.check) & (recover < self.recovery)
        healed = jnp.where(resist < self.resistance, RESISTANT, SUSCEPTIBLE)
        state = eqx.tree_at(lambda s: s.turns, state, next_turns(state.turns, nodes.alive, turn_key))
        return with_columns(state, ROLE, health=jnp.where(recovers, healed, health))

    def rewards(self, before: State, actions: Actions, after: State) -> dict[str, Float[Array, " capacity"]]:
        """Minus one while infected, minus the cost of being closed."""
        del before, actions
        nodes = after.agents[ROLE]
        return {ROLE: -(nodes.health == INFECTED).astype(jnp.float32) - self.cost_of_closing * (nodes.open == 0)}

    def measures(self, state: NetworkState) -> dict[str, Float[Array, ""]]:
        """The shares of those who are infected, and of those who are resistant."""
        health = state.agents[ROLE].health
        return {"infected": jnp.mean(health == INFECTED), "resistant": jnp.mean(health == RESISTANT)}


def sociable(observation: dict[str, Array], key: Key) -> Int[Array, ""]:
    """The classic rule: always open."""
    del observation, key
    return jnp.ones((), jnp.int32)


class VirusModel(HostedModel, environment=Virus):
    """`Virus` as a Mesa model."""
