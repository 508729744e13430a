"""Wealth: agents who give a coin to whoever they meet; all begin alike, and few end rich.

Source: Dragulescu and Yakovenko 2000, "Statistical mechanics of money", section 2: the exchange tends to Boltzmann's
distribution. `Wealth` is on a grid, where agents walk and give to somebody in their cell; `NetworkWealth` is on any
network, where they give to a neighbour.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import networkx as nx

from aira_agents.drawing import Drawing, Links, Marks
from aira_agents.effectors import CompassWalk, Effector, in_turn
from aira_agents.environment import Environment, Role
from aira_agents.hosting import HostedModel
from aira_agents.neighbours.cell_lists import cell_lists, overflow
from aira_agents.neighbours.network import Network, neighbour_by_lot, network
from aira_agents.parameters import number, size
from aira_agents.populations import Population, State, clocks, founders, with_columns
from aira_agents.scattering import total
from aira_agents.sensors import ColumnSensor
from aira_agents.spaces import Discrete
from aira_agents.turns import first_turns, next_turns, turn_option
from aira_agents.types import Actions, Array, Bool, Float, Int, Key, Number, UInt32

ROLE = "agent"


class Traders(Population):
    """Agents with coins."""

    coins: Int[Array, " capacity"]


class Walkers(Traders):
    """Agents with coins in cells; several may share one."""

    x: Int[Array, " capacity"]
    y: Int[Array, " capacity"]


class MarketState(State):
    """The agents, whose turn it is where they act one by one, and how often somebody stood in a cell that was full."""

    turns: UInt32[Array, " turns"]
    crowded: Int[Array, ""]  # times since the reset that an agent could not be met, for want of room in its cell


class NetworkState(State):
    """The agents, whose turn it is where they act one by one, and the links between them."""

    turns: UInt32[Array, " turns"]
    links: Int[Array, "pairs 2"]


class GiveInCell(Effector):
    """Gives a coin to somebody else in the cell, drawn by lot."""

    height: int = eqx.field(static=True)
    width: int = eqx.field(static=True)
    room: int = eqx.field(static=True)
    name: str = eqx.field(static=True, default="give")

    @property
    def space(self) -> Discrete:
        """Two choices."""
        return Discrete(("keep", "give"))

    def __call__(self, state: MarketState, actions: Int[Array, " capacity"], key: Key) -> MarketState:
        """All give at once, of what they had before anybody did."""
        agents = state.agents[ROLE]
        cells, n_cells = agents.y * self.width + agents.x, self.width * self.height
        crowd = cell_lists(cells, agents.alive, n_cells, self.room)
        others = crowd.count[cells] - (crowd.slot >= 0)
        nth = jnp.minimum((jax.random.uniform(key, cells.shape) * others).astype(jnp.int32), others - 1)
        nth = nth + ((crowd.slot >= 0) & (nth >= crowd.slot))  # not to oneself
        to = jnp.where(others > 0, crowd.rows[jnp.clip(nth, 0, self.room - 1), cells], -1)
        left_out = overflow(cells, agents.alive, n_cells, self.room)
        state = eqx.tree_at(lambda s: s.crowded, state, state.crowded + left_out)
        return _given(state, to, actions == 1)


class GiveNeighbour(Effector):
    """Gives a coin to a neighbour in the network, drawn by lot."""

    graph: Network
    name: str = eqx.field(static=True, default="give")

    @property
    def space(self) -> Discrete:
        """Two choices."""
        return Discrete(("keep", "give"))

    def __call__(self, state: NetworkState, actions: Int[Array, " capacity"], key: Key) -> NetworkState:
        """All give at once, of what they had before anybody did."""
        luck = jax.random.uniform(key, actions.shape)
        return _given(state, neighbour_by_lot(self.graph, luck), actions == 1)


def _given(state: Any, to: Int[Array, " capacity"], wants: Bool[Array, " capacity"]) -> Any:
    agents = state.agents[ROLE]
    gives = wants & agents.alive & (agents.coins > 0) & (to >= 0)
    received = total(jnp.maximum(to, 0), gives.astype(agents.coins.dtype), agents.capacity)
    return with_columns(state, ROLE, coins=agents.coins - gives + received)


def _after_turn(state: Any, key: Key) -> Any:
    return eqx.tree_at(lambda s: s.turns, state, next_turns(state.turns, state.agents[ROLE].alive, key))


class Wealth(Environment):
    """Agents who walk on a grid, and are rewarded by what they come to own."""

    populations = {ROLE: Walkers}
    grid = True
    usual = "boltzmann"
    draw = Drawing(marks=(Marks(ROLE, colour="coins", low=0),))

    n_agents: int = size(100, high=16_777_216, help="how many agents there are")
    width: int = size(10, low=1, high=4096, unit="cells", help="the market from left to right")
    height: int = size(10, low=1, high=4096, unit="cells", help="the market from bottom to top")
    room: int = size(12, high=256, help="how many of those in a cell can be met; more are counted in `crowded`")
    order: str = turn_option()
    coins: Number = number(1, low=0, whole=True, unit="coins", help="what each has at the start")
    max_steps: Number = number(500, low=1, whole=True, unit="steps", help="length of an episode")

    @property
    def roles(self) -> tuple[Role, ...]:
        """One role: agents, who know what they own, walk, and give."""
        walk = CompassWalk(role=ROLE, height=self.height, width=self.width)
        give = GiveInCell(height=self.height, width=self.width, room=self.room)
        return (
            Role(
                ROLE,
                self.n_agents,
                (ColumnSensor(role=ROLE, name="coins"),),
                (in_turn(walk, ROLE), in_turn(give, ROLE)),
            ),
        )

    def reset(self, key: Key) -> MarketState:
        """Agents anywhere, all with as many coins."""
        place_key, turn_key = jax.random.split(key)
        across, up = jax.random.uniform(place_key, (2, self.n_agents))
        agents = Walkers(
            **founders(self.n_agents),
            coins=jnp.full(self.n_agents, self.coins),
            x=(across * self.width).astype(jnp.int32),
            y=(up * self.height).astype(jnp.int32),
        )
        turns = first_turns(self.order, self.n_agents, turn_key)
        nobody = jnp.zeros((), jnp.int32)
        return MarketState(agents={ROLE: agents}, **clocks(self.n_agents + 1), turns=turns, crowded=nobody)

    def dynamics(self, state: MarketState, key: Key) -> MarketState:
        """Nothing happens but what the agents do."""
        return _after_turn(state, key)

    def rewards(self, before: State, actions: Actions, after: State) -> dict[str, Float[Array, " capacity"]]:
        """The coins gained."""
        del actions
        return {ROLE: (after.agents[ROLE].coins - before.agents[ROLE].coins).astype(jnp.float32)}

    def measures(self, state: MarketState) -> dict[str, Float[Array, ""]]:
        """How unequal the coins are."""
        return {"gini": gini(state.agents[ROLE].coins)}


def _graph(graph: Any) -> Network:
    """Converts a networkx graph; `None` is a ring of 100 with shortcuts."""
    return network(nx.watts_strogatz_graph(100, 6, 0.1, seed=0) if graph is None else graph)


class NetworkWealth(Environment):
    """Agents who are the nodes of a network, and are rewarded by what they come to own."""

    populations = {ROLE: Traders}
    usual = "give"
    draw = Drawing(links=Links("links", ROLE), marks=(Marks(ROLE, x=None, y=None, size=0.05, colour="coins", low=0),))

    order: str = turn_option()
    coins: Number = number(1, low=0, whole=True, unit="coins", help="what each has at the start")
    max_steps: Number = number(500, low=1, whole=True, unit="steps", help="length of an episode")
    graph: Network = eqx.field(default=None, converter=_graph)  # any networkx graph; None: a small world of 100

    @property
    def roles(self) -> tuple[Role, ...]:
        """One role: agents, who know what they own, and give."""
        return (
            Role(
                ROLE,
                self.graph.n_nodes,
                (ColumnSensor(role=ROLE, name="coins"),),
                (in_turn(GiveNeighbour(graph=self.graph), ROLE),),
            ),
        )

    def reset(self, key: Key) -> NetworkState:
        """All with as many coins."""
        n = self.graph.n_nodes
        agents = Traders(**founders(n), coins=jnp.full(n, self.coins))
        turns = first_turns(self.order, n, key)
        return NetworkState(agents={ROLE: agents}, **clocks(n + 1), turns=turns, links=self.graph.pairs)

    def dynamics(self, state: NetworkState, key: Key) -> NetworkState:
        """Nothing happens but what the agents do."""
        return _after_turn(state, key)

    def rewards(self, before: State, actions: Actions, after: State) -> dict[str, Float[Array, " capacity"]]:
        """The coins gained."""
        del actions
        return {ROLE: (after.agents[ROLE].coins - before.agents[ROLE].coins).astype(jnp.float32)}

    def measures(self, state: NetworkState) -> dict[str, Float[Array, ""]]:
        """How unequal the coins are."""
        return {"gini": gini(state.agents[ROLE].coins)}


def gini(coins: Int[Array, " agents"]) -> Float[Array, ""]:
    """How unequal the coins are: 0 all have as many, near 1 one has all."""
    ordered = jnp.sort(coins).astype(jnp.float32)
    n = coins.shape[0]
    below, total = jnp.sum(ordered * (n - jnp.arange(n))), jnp.sum(ordered)
    return jnp.where(total > 0, 1 + 1 / n - 2 * below / (n * jnp.maximum(total, 1)), 0.0)


def boltzmann(observation: dict[str, Array], key: Key) -> dict[str, Int[Array, ""]]:
    """The classic rule on the grid: walk anywhere, then give."""
    del observation
    direction = 1 + (jax.random.bits(key, (), jnp.uint32) >> 29).astype(jnp.int32)
    return {"walk": direction, "give": jnp.ones((), jnp.int32)}


def give(observation: dict[str, Array], key: Key) -> Int[Array, ""]:
    """The classic rule on a network: give."""
    del observation, key
    return jnp.ones((), jnp.int32)


class WealthModel(HostedModel, environment=Wealth):
    """`Wealth` as a Mesa model."""


class NetworkWealthModel(HostedModel, environment=NetworkWealth):
    """`NetworkWealth` as a Mesa model."""
