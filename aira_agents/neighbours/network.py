"""Who is linked to whom: a graph as arrays, and sums over the neighbours of every node.

Two forms of one graph: rows of neighbours, padded to the longest, and a list of links. Rows win where nodes have about
as many neighbours each; the list where a few have very many, for it holds no padding.
"""

from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np

from aira_agents.errors import InputError
from aira_agents.types import Array, Float, Int

Method = Literal["fastest", "padded", "links"]
SCATTER_COST = 4  # gathers from a padded row that one scatter into a sum is worth (measured, two cores)


class Network(eqx.Module):
    """An undirected graph of `n` nodes; what is padded is -1."""

    neighbours: Int[Array, "nodes most"]
    degree: Int[Array, " nodes"]
    senders: Int[Array, " links"]  # both directions of every link, ordered by receiver
    receivers: Int[Array, " links"]
    pairs: Int[Array, "pairs 2"]  # each link once, for pictures

    @property
    def n_nodes(self) -> int:
        """How many nodes there are."""
        return self.degree.shape[0]

    @property
    def fastest(self) -> Method:
        """The cheaper form for this graph."""
        return "padded" if self.neighbours.size <= SCATTER_COST * max(self.senders.size, 1) else "links"


def network(graph: Any) -> Network:
    """Turns a networkx graph into arrays; nodes are numbered in the graph's own order.

    Raises:
        InputError: There is no node, or it is no graph.
    """
    if isinstance(graph, Network):
        return graph
    if not isinstance(graph, nx.Graph) or graph.number_of_nodes() == 0:
        got = "a graph without nodes" if isinstance(graph, nx.Graph) else type(graph).__name__
        raise InputError(f"A network must be a networkx graph with at least one node; got {got}.")
    number = {node: row for row, node in enumerate(graph)}
    ends = [(number[a], number[b]) for a, b in graph.to_undirected(as_view=True).edges() if a != b]
    pairs = np.unique(np.sort(np.array(ends, np.int32).reshape(-1, 2), axis=1), axis=0)
    both = np.concatenate([pairs, pairs[:, ::-1]])
    both = both[np.lexsort((both[:, 1], both[:, 0]))]
    receivers, senders = both.T
    degree = np.bincount(receivers, minlength=len(number)).astype(np.int32)
    neighbours = np.full((len(number), max(int(degree.max()), 1)), -1, np.int32)
    neighbours[receivers, np.arange(len(receivers)) - (np.cumsum(degree) - degree)[receivers]] = senders
    arrays = (neighbours, degree, senders, receivers, pairs)
    return Network(*(jnp.asarray(array, jnp.int32) for array in arrays))


def neighbour_sums(net: Network, values: Float[Array, " nodes"], method: Method = "fastest") -> Float[Array, " nodes"]:
    """Returns for each node the sum of its neighbours' values; `method` forces one form of the graph."""
    if (net.fastest if method == "fastest" else method) == "padded":
        seen = values.at[net.neighbours].get(mode="clip")
        return jnp.sum(jnp.where(net.neighbours >= 0, seen, 0.0), axis=1)
    return jax.ops.segment_sum(values[net.senders], net.receivers, net.n_nodes, indices_are_sorted=True)


def neighbour_by_lot(net: Network, luck: Float[Array, " nodes"]) -> Int[Array, " nodes"]:
    """Returns a neighbour of each node, chosen by its number from 0 to 1; -1 where it has none."""
    nth = jnp.minimum((luck * net.degree).astype(jnp.int32), net.degree - 1)
    chosen = jnp.take_along_axis(net.neighbours, jnp.maximum(nth, 0)[:, None], axis=1)[:, 0]
    return jnp.where(net.degree > 0, chosen, -1)
