"""Neighbours at any size: every way gives what brute force gives, and overflow is counted."""

import compiled
import equinox as eqx
import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest
from scipy.spatial import cKDTree

from aira_agents.errors import InputError
from aira_agents.neighbours.boxes import box_sums
from aira_agents.neighbours.cell_lists import cell_lists, overflow
from aira_agents.neighbours.network import neighbour_by_lot, neighbour_sums, network
from aira_agents.neighbours.plane import Around, Plane, all_pairs
from aira_agents.neighbours.plane_cells import Mesh, crowded, in_cells
from aira_agents.neighbours.room import grown
from environments.flocking import Flocking
from environments.foraging import Foraging

KEY = jax.random.key(0)
N, WIDTH, HEIGHT, RADIUS = 150, 20, 16, 3.5


def _cloud(torus):
    rng = np.random.default_rng(3)
    places = (rng.random((2, N)) * [[WIDTH], [HEIGHT]]).astype(np.float32)
    values, alive = rng.normal(size=(2, N)).astype(np.float32), rng.random(N) < 0.8
    living = np.flatnonzero(alive)
    tree = cKDTree(places.T[alive], boxsize=(WIDTH, HEIGHT) if torus else None)
    sides = np.array([[WIDTH], [HEIGHT]])
    count, away, carried = np.zeros(N), np.zeros((2, N)), np.zeros((2, N))
    for row in living:
        near = living[tree.query_ball_point(places[:, row], RADIUS)]
        near = near[near != row]
        vectors = places[:, near] - places[:, [row]]
        vectors = vectors - sides * np.round(vectors / sides) if torus else vectors
        count[row], away[:, row], carried[:, row] = len(near), vectors.sum(axis=1), values[:, near].sum(axis=1)
    return jnp.asarray(places), jnp.asarray(values), jnp.asarray(alive), (count, away, carried)


@pytest.mark.parametrize("torus", [True, False])
@pytest.mark.parametrize("way", ["all_pairs", "cells"])
def test_those_near_are_those_that_a_tree_finds(way, torus):
    places, values, alive, expected = _cloud(torus)
    plane, asked = Plane(WIDTH, HEIGHT, torus), [Around(jnp.float32(RADIUS), values)]
    if way == "cells":
        (near,) = jax.jit(lambda *own: in_cells(*own, plane, Mesh(WIDTH // 4, HEIGHT // 4, 40)))(places, alive, asked)
    else:
        (near,) = jax.jit(lambda *own: all_pairs(*own, plane))(places, alive, asked)
    assert 0 < expected[0].max() < N / 4
    for found, known in zip((near.count, near.away, near.values), expected, strict=True):
        np.testing.assert_allclose(np.asarray(found)[..., alive], known[..., alive], atol=1e-3)


@pytest.mark.parametrize("torus", [True, False])
def test_points_whose_stretch_of_three_cells_overflows_are_counted(torus):
    places, _, alive, _ = _cloud(torus)
    columns, rows = np.floor(np.asarray(places) / 4).astype(int)
    counts = np.zeros((4, 5), int)
    np.add.at(counts, (rows[np.asarray(alive)], columns[np.asarray(alive)]), 1)
    wide = np.pad(counts, ((1, 1), (1, 1)), mode="wrap" if torus else "constant")
    threes = wide[:, :-2] + wide[:, 1:-1] + wide[:, 2:]
    longest = np.stack([threes[:-2], threes[1:-1], threes[2:]]).max(axis=0)[rows, columns][np.asarray(alive)]
    for room in (10, 20, 40):
        lost = jax.jit(lambda *own, room=room: crowded(*own, Plane(WIDTH, HEIGHT, torus), Mesh(5, 4, room)))
        assert lost(places, alive) == (longest > room).sum()
    assert 20 < longest.max() <= 40


def test_a_cell_lists_each_of_those_in_it_once():
    cells, takes_part = jnp.array([2, 0, 2, 2, 1, 2]), jnp.array([True, True, True, False, True, True])
    lists = jax.jit(cell_lists, static_argnums=(2, 3))(cells, takes_part, 4, 2)
    assert lists.count.tolist() == [1, 1, 2, 0]
    assert sorted(lists.rows[:, 2].tolist()) == [2, 5]
    assert lists.slot.tolist() == [-1, 0, 1, -1, 0, 0]
    assert jax.jit(overflow, static_argnums=(2, 3))(cells, takes_part, 4, 2) == 1


def _flock(world):
    state = compiled.reset(world, KEY)
    together = jnp.full(world.n_birds, 5.0)
    agents = eqx.tree_at(lambda b: (b.x, b.y), state.agents["bird"], (together, together))
    stay = {"bird": {"fly": jnp.zeros((world.n_birds, 2))}}
    after, _ = compiled.step(world, eqx.tree_at(lambda s: s.agents["bird"], state, agents), stay, KEY)
    return after


@pytest.mark.slow
def test_room_grows_outside_the_program_until_it_suffices_or_is_the_most_there_can_be():
    crowd = Flocking(n_birds=11, neighbours="cells", room=4, speed=0.0)
    assert _flock(crowd).crowded == 11
    larger = grown(grown(crowd))
    assert (larger.room, int(_flock(larger).crowded)) == (16, 0)
    assert grown(Flocking(room=200)).room == 256
    assert grown(Flocking(room=256)) is None and grown(Foraging()) is None


@pytest.mark.parametrize("torus", [True, False])
@pytest.mark.parametrize("radius", [1, 2])
def test_a_box_sums_what_is_around_a_cell(torus, radius):
    values = np.random.default_rng(0).integers(0, 9, (7, 6))
    padded = np.pad(values, radius, mode="wrap" if torus else "constant")
    side = 2 * radius + 1
    known = [[padded[y : y + side, x : x + side].sum() for x in range(6)] for y in range(7)]
    assert np.array_equal(jax.jit(lambda own: box_sums(own, radius, torus=torus))(values), known)


@pytest.mark.parametrize("graph", [nx.star_graph(6), nx.gnp_random_graph(30, 0.2, seed=1), nx.empty_graph(3)])
def test_both_forms_of_a_network_sum_over_the_same_neighbours(graph):
    net = network(graph)
    values = np.random.default_rng(0).random(net.n_nodes).astype(np.float32)
    known = nx.to_numpy_array(graph) @ values
    for method in ("fastest", "padded", "links"):
        sums = jax.jit(lambda own, method=method: neighbour_sums(net, own, method))
        np.testing.assert_allclose(sums(values), known, atol=1e-5)


def test_a_hub_makes_the_list_of_links_the_cheaper_form():
    assert network(nx.star_graph(1000)).fastest == "links"
    assert network(nx.cycle_graph(1000)).fastest == "padded"


def test_a_neighbour_by_lot_is_any_of_the_neighbours():
    net = network(nx.star_graph(4))
    luck = jnp.asarray(np.repeat(np.linspace(0, 1, 40, dtype=np.float32)[:, None], 5, axis=1))
    drawn = jax.jit(jax.vmap(lambda own: neighbour_by_lot(net, own)))(luck)
    assert set(drawn[:, 0].tolist()) == {1, 2, 3, 4}
    assert set(drawn[:, 3].tolist()) == {0}
    assert neighbour_by_lot(network(nx.empty_graph(2)), jnp.zeros(2)).tolist() == [-1, -1]


@pytest.mark.parametrize("nonsense", [nx.Graph(), [(0, 1)]])
def test_what_is_no_network_is_refused(nonsense):
    with pytest.raises(InputError, match="a networkx graph with at least one node; got"):
        network(nonsense)
