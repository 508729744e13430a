"""The classic worlds in tiny situations whose outcome is known, and what they refuse."""

import equinox as eqx
import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest
from compiled import observe, reset, start, step, unroll

from aira_agents.errors import InputError
from aira_agents.policies.rule import Rule
from aira_agents.populations import with_columns
from environments.flocking import Flocking, boid, order_parameter
from environments.segregation import Segregation, schelling
from environments.traffic import Traffic, TrafficModel, nagel_schreckenberg
from environments.virus import Virus
from environments.wealth import NetworkWealth, Wealth, boltzmann, gini
from environments.wolf_sheep import WolfSheep

KEY = jax.random.key(0)


def act(world, state, actions):
    return step(world, state, actions, KEY)


# Segregation.


def town(**values):
    """Three of a kind in a corner of a 4 x 4 town, and one of the other far from all."""
    world = Segregation(width=4, height=4, capacity=4, density=4 / 16, homophily=0, **values)
    x, y, kind = (jnp.array(column, jnp.int32) for column in ([0, 1, 0, 3], [0, 0, 1, 3], [0, 0, 0, 1]))
    return world, with_columns(reset(world, KEY), "resident", x=x, y=y, kind=kind)


def test_residents_count_who_is_alike_and_schelling_moves_who_has_too_few():
    world, state = town(alike=2)
    features = observe(world, state, KEY)["resident"].features
    assert features[:, :2].tolist() == [[2, 0], [2, 0], [2, 0], [0, 0]]
    moves = [int(schelling(world.roles[0].observation(row), KEY)) for row in features]
    assert moves == [0, 0, 0, 1]
    assert world.index(state) == 1


def test_who_moves_finds_an_empty_cell_and_who_stays_does_not_move():
    world, state = town()
    after, _ = act(world, state, {"resident": {"move": jnp.array([0, 0, 1, 1])}})
    cells = (after.agents["resident"].y * 4 + after.agents["resident"].x).tolist()
    assert cells[:2] == [0, 1] and len(set(cells)) == 4


def test_one_by_one_only_one_moves_a_step():
    world, state = town(order="one_by_one")
    moved = 0
    for _ in range(4):
        after, _ = act(world, state, {"resident": {"move": jnp.ones(4, jnp.int32)}})
        changed = [getattr(after.agents["resident"], axis) != getattr(state.agents["resident"], axis) for axis in "xy"]
        assert int((changed[0] | changed[1]).sum()) == 1
        moved, state = moved + 1, after
    assert moved == 4


def test_a_full_town_stays_as_it_is_and_nobody_is_lost():
    world = Segregation(width=5, height=4, density=1.0, homophily=1.0)
    policies = {"resident": Rule(schelling)}
    now, _ = unroll(world, policies, start(world, policies, KEY), 5, lambda _: None)
    residents = now.state.agents["resident"]
    assert len({*(residents.y * 5 + residents.x).tolist()}) == 20 and residents.alive.all()


# Flocking.


def test_a_bird_is_pulled_by_the_three_urges():
    observation = {
        "flockmates": jnp.array([2.0, 0.0, 1.0, 0.0, 0.0, 1.0, 3.0]),
        "course": jnp.array([0.0, 1.0, 0.5, 0.25, 1.0]),
    }
    wanted = np.array([0.5 * 2 - 0.25 * 1, 1 + 1.0])
    assert np.allclose(boid(observation, KEY), wanted / np.linalg.norm(wanted))


@pytest.mark.parametrize("neighbours", ["all_pairs", "cells"])
def test_birds_see_each_other_across_the_border_of_a_torus(neighbours):
    world = Flocking(n_birds=3, width=40, height=40, neighbours=neighbours)
    at = {"x": jnp.array([39.0, 1.0, 20.0]), "y": jnp.array([5.0, 5.0, 20.0]), "heading": jnp.array([0, jnp.pi / 2, 0])}
    features = observe(world, with_columns(reset(world, KEY), "bird", **at), KEY)["bird"].features
    expected = [[2, 0, 0, 0, 1, 0, 1], [-2, 0, 0, 0, 0, 1, 1], [0] * 7]
    assert np.allclose(features[:, :7], expected, atol=1e-4)


def test_without_a_torus_a_bird_turns_round_at_the_border():
    world = Flocking(n_birds=1, width=10, height=10, torus=False)
    state = with_columns(
        reset(world, KEY), "bird", x=jnp.array([9.5]), y=jnp.array([5.0]), heading=jnp.array([jnp.pi / 2])
    )
    after, _ = act(world, state, {"bird": {"fly": jnp.array([[1.0, 0.0]])}})
    bird = after.agents["bird"]
    assert bird.x[0] == 10 and np.isclose(bird.heading[0], -np.pi / 2)
    assert np.isclose(order_parameter(after), 1)


def test_many_birds_are_looked_for_in_cells_and_few_by_pairs():
    assert Flocking(n_birds=100).method == "all_pairs"
    assert Flocking(n_birds=10_000, width=700, height=700).method == "cells"
    assert Flocking(n_birds=10_000, width=12, height=12, vision=3).method == "all_pairs"


# Wolves and sheep.


def test_sheep_graze_wolves_catch_and_the_hungry_die():
    world = WolfSheep(
        n_sheep=3, n_wolves=2, sheep_capacity=4, wolf_capacity=2, width=5, height=5, sheep_births=0, wolf_births=0
    )
    state = reset(world, KEY)
    zero, none = jnp.zeros(4, jnp.int32), jnp.zeros(2, jnp.int32)
    # Sheep 0 and 1 in a cell with grass and a wolf; sheep 2 starves elsewhere; wolf 1 is alone.
    sheep = {"x": jnp.array([1, 1, 3, 0]), "y": zero, "energy": jnp.array([9.0, 9.0, 1.5, 0.0])}
    wolves = {"x": jnp.array([1, 4]), "y": none, "energy": jnp.array([2.0, 0.5])}
    state = with_columns(with_columns(state, "sheep", **sheep), "wolf", **wolves)
    state = eqx.tree_at(lambda s: s.wait, state, jnp.full((5, 5), 7, jnp.int32).at[0, 1].set(0))
    stay = {"sheep": {"walk": zero}, "wolf": {"walk": none}}
    after, feedback = act(world, state, stay)
    assert after.agents["sheep"].alive.sum() == 1 and not after.agents["sheep"].alive[2]
    assert sorted(after.agents["sheep"].energy[:2].tolist()) == [8, 13]
    assert after.agents["wolf"].energy.tolist() == [14, -0.5]
    assert after.agents["wolf"].alive.tolist() == [True, False]
    assert int(after.wait[0, 1]) == 19 and int(after.wait[0, 0]) == 6
    assert feedback["wolf"].reward.tolist() == [1, -1]


@pytest.mark.slow
@pytest.mark.parametrize("values", [{}, {"n_sheep": 100, "sheep_capacity": 199}])
def test_founders_of_a_farm_are_anywhere(values):
    world = WolfSheep(**values)
    farms = jax.jit(jax.vmap(world.reset))(jax.random.split(KEY, 400))
    for animals in farms.agents.values():
        rows = np.asarray(animals.y)[np.asarray(animals.alive)]
        share = np.bincount(rows // 5, minlength=5) / len(rows)
        np.testing.assert_allclose(share, 0.2, atol=4 * np.sqrt(0.2 * 0.8 / len(rows)))
        lower = np.sum((np.asarray(animals.y) < 10) & np.asarray(animals.alive), axis=1)
        n = np.sum(np.asarray(animals.alive)[0])
        assert abs(np.var(lower) / (n * 0.4 * 0.6) - 1) < 0.3  # each by itself: as many in a part as chance gives


def test_two_wolves_in_a_cell_catch_two_sheep():
    world = WolfSheep(
        n_sheep=3, n_wolves=2, sheep_capacity=3, wolf_capacity=2, width=3, height=3, sheep_births=0, wolf_births=0
    )
    state = reset(world, KEY)
    for role, n in (("sheep", 3), ("wolf", 2)):
        zero = jnp.zeros(n, jnp.int32)
        state = with_columns(state, role, x=zero, y=zero, energy=jnp.full(n, 9.0))
    stay = {"sheep": {"walk": jnp.zeros(3, jnp.int32)}, "wolf": {"walk": jnp.zeros(2, jnp.int32)}}
    after, _ = act(world, state, stay)
    assert int(after.agents["sheep"].alive.sum()) == 1
    assert after.agents["wolf"].energy.tolist() == [21, 21]


# Wealth.


@pytest.mark.parametrize("order", ["together", "one_by_one"])
def test_coins_change_hands_within_a_cell_and_none_is_lost(order):
    world = Wealth(n_agents=40, width=4, height=4, order=order)
    policies = {"agent": Rule(boltzmann)}
    now, coins = unroll(world, policies, start(world, policies, KEY), 60, lambda t: t.before.agents["agent"].coins)
    assert np.asarray(coins).sum(axis=1).tolist() == [40] * 60 and now.state.agents["agent"].coins.min() >= 0
    assert gini(now.state.agents["agent"].coins) > 0.2


def test_nobody_gives_to_itself_and_a_full_cell_is_counted():
    world = Wealth(n_agents=3, width=3, height=3, room=2)
    state = reset(world, KEY)
    here = {"x": jnp.array([0, 0, 2]), "y": jnp.zeros(3, jnp.int32)}
    give = {"agent": {"walk": jnp.zeros(3, jnp.int32), "give": jnp.array([0, 1, 1])}}
    after, _ = act(world, with_columns(state, "agent", **here), give)
    assert after.agents["agent"].coins.tolist() == [2, 0, 1] and after.crowded == 0
    together = with_columns(state, "agent", x=jnp.zeros(3, jnp.int32), y=jnp.zeros(3, jnp.int32))
    assert act(world, together, give)[0].crowded == 1


def test_on_a_network_coins_go_along_links():
    world = NetworkWealth(graph=nx.path_graph(3))
    after, _ = act(world, reset(world, KEY), {"agent": {"give": jnp.array([1, 0, 1])}})
    assert after.agents["agent"].coins.tolist() == [0, 3, 0]


def test_gini_of_equals_is_zero_and_of_one_owner_nearly_one():
    assert gini(jnp.zeros(5, jnp.int32)) == 0
    assert gini(jnp.full(5, 3)) == pytest.approx(0, abs=1e-6)
    assert gini(jnp.array([0, 0, 0, 8])) == pytest.approx(0.75)


# Virus.


def _ill(world, *infected):
    state = reset(world, KEY)
    health = jnp.zeros(world.graph.n_nodes, jnp.int32).at[jnp.array(infected)].set(1)
    return with_columns(state, "node", health=health)


def test_a_virus_takes_every_open_neighbour_and_no_closed_one():
    world = Virus(graph=nx.star_graph(3), spread=1.0, recovery=0.0)
    after, feedback = act(world, _ill(world, 0), {"node": {"be": jnp.array([1, 1, 0, 1])}})
    assert after.agents["node"].health.tolist() == [1, 1, 0, 1]
    assert np.allclose(feedback["node"].reward, [-1, -1, -0.2, -1])


def test_the_checked_recover_and_become_resistant():
    world = Virus(graph=nx.path_graph(2), spread=0.0, check=1.0, recovery=1.0, resistance=1.0)
    after, _ = act(world, _ill(world, 1), {"node": {"be": jnp.ones(2, jnp.int32)}})
    assert after.agents["node"].health.tolist() == [0, 2]


def test_an_outbreak_begins_with_its_share_and_at_least_one():
    for share, count in ((0.0, 1), (0.3, 3), (1.0, 10)):
        assert (Virus(graph=nx.cycle_graph(10), outbreak=share).reset(KEY).agents["node"].health == 1).sum() == count


# Traffic.


def test_cars_follow_in_order_and_never_meet():
    world = Traffic(length=20, density=0.5)
    policies = {"car": Rule(nagel_schreckenberg)}
    _, (cells, alive) = unroll(
        world,
        policies,
        start(world, policies, KEY),
        80,
        lambda t: (t.before.agents["car"].cell, t.feedback["car"].active),
    )
    cells, alive = np.asarray(cells), np.asarray(alive)
    assert (alive.sum(axis=1) == 10).all()
    for row in cells[:, :10]:
        gaps = (np.roll(row, -1) - row) % 20
        assert gaps.min() >= 1 and gaps.sum() == 20


def test_who_is_taken_off_the_road_leaves_its_place_to_who_comes_behind():
    model = TrafficModel(length=30, density=0.3, policy=nagel_schreckenberg, rng=0, dawdle=0.0, limit=3)
    for nth in (4, 4, 6):
        model.step()
        list(model.agents)[nth].remove()
    for _ in range(20):
        model.step()
        cells = model.agents.get("cell")
        assert len(set(cells)) == len(cells) == 6
    assert min(model.agents.get("speed")) == 3  # six cars on thirty cells flow freely


def test_a_driver_accelerates_brakes_and_dawdles():
    def wanted(speed, gap, dawdle):
        return int(nagel_schreckenberg({"dashboard": jnp.array([speed, gap, 5.0, dawdle])}, KEY))

    assert [wanted(2, 9, 0.0), wanted(5, 9, 0.0), wanted(4, 1, 0.0), wanted(2, 9, 1.0), wanted(3, 0, 1.0)] == [
        3,
        5,
        1,
        2,
        0,
    ]


def test_without_dawdling_cars_flow_freely():
    world = Traffic(length=60, density=0.1, dawdle=0.0)
    policies = {"car": Rule(nagel_schreckenberg)}
    now, _ = unroll(world, policies, start(world, policies, KEY), 40, lambda _: None)
    assert world.flow(now.state) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Segregation(density=1.1), "`density` must be a number in 0..1; got 1.1"),
        (lambda: Segregation(width=5, height=5, capacity=10), "are 20 residents; `capacity` leaves room for 10"),
        (lambda: Segregation(width=4, height=9, torus=True, radius=2), "`radius` must be at most 1, or a neighbour"),
        (lambda: Flocking(vision=26.0), "`vision` must be at most a quarter of the shorter side, 25; got 26"),
        (lambda: Flocking(n_birds=5000, vision=7.0), "`vision` must be at most `reach` = 5; got 7"),
        (lambda: Flocking(width=12, height=40, vision=3.0, neighbours="cells"), "fewer than three cells"),
        (lambda: WolfSheep(n_sheep=500), "`n_sheep` must be at most `sheep_capacity` = 400; got 500"),
        (lambda: Traffic(density=2.0), "`density` must be a number in 0..1; got 2"),
        (lambda: Traffic(density=float("nan")), "`density` must be a number in 0..1; got nan"),
        (lambda: Traffic(length=10, density=0.01), "are 0 cars; it must be 1..10"),
        (lambda: Traffic(length=10, capacity=3, density=0.5), "are 5 cars; it must be 1..3"),
        (lambda: Virus(graph=nx.Graph()), "got a graph without nodes"),
        (lambda: NetworkWealth(graph="a ring"), "got str"),
    ],
)  # fmt: skip
def test_nonsense_is_refused_in_one_line(make, told):
    with pytest.raises(InputError, match=told.replace("(", r"\(")) as refusal:
        make()
    assert "\n" not in str(refusal.value)
