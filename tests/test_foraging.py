"""Foraging against hand-made meadows, and the claim of its scenario over eight seeds."""

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest
from compiled import observe, reset, step

from aira_agents.errors import InputError
from aira_agents.populations import with_columns
from environments.foraging import ROLE, Foraging, greedy
from scenarios.foraging import compare, main

STAY, UP, DOWN, LEFT, RIGHT = range(5)


def _meadow(cells, food, **fields):
    """A meadow where nothing grows, with foragers in `cells` and food in `food`, both as (x, y)."""
    world = Foraging(n_agents=len(cells), width=5, height=4, regrowth=0, **fields)
    state = reset(world, jax.random.key(0))
    x, y = jnp.asarray(cells, jnp.int32).T
    ground = jnp.zeros((4, 5), bool)
    for column, row in food:
        ground = ground.at[row, column].set(True)
    return world, eqx.tree_at(lambda s: s.food, with_columns(state, ROLE, x=x, y=y), ground)


def _act(world, state, *moves):
    return step(world, state, {ROLE: {"move": jnp.asarray(moves, jnp.int32)}}, jax.random.key(1))


def test_who_steps_on_food_eats_it():
    world, state = _meadow([(0, 0), (3, 2)], [(1, 0), (3, 3)])
    state, feedback = _act(world, state, RIGHT, LEFT)
    assert feedback[ROLE].reward.tolist() == [1.0, 0.0]
    assert state.agents[ROLE].meals.tolist() == [1, 0]
    assert state.food.sum() == 1 and bool(state.food[3, 3])


def test_one_of_two_gets_a_contested_cell_and_its_meal():
    world, state = _meadow([(0, 0), (2, 0)], [(1, 0)])
    state, feedback = _act(world, state, RIGHT, LEFT)
    assert sorted(feedback[ROLE].reward.tolist()) == [0.0, 1.0]
    assert sorted(state.agents[ROLE].x.tolist()) in ([0, 1], [1, 2])


def test_founders_stand_in_different_cells_in_their_order_and_anywhere():
    world = Foraging(n_agents=20, width=8, height=6)
    agents = jax.jit(jax.vmap(world.reset))(jax.random.split(jax.random.key(0), 200)).agents[ROLE]
    cells = agents.y * 8 + agents.x
    assert bool(jnp.all(jnp.diff(cells, axis=1) > 0))
    taken = jnp.bincount(cells.reshape(-1), length=48)  # each with probability 20 / 48: 83 times, give or take 7
    assert int(taken.min()) > 50 and int(taken.max()) < 116


def test_food_grows_at_its_rate():
    world = Foraging(n_agents=1, width=100, height=100, food_at_start=0, regrowth=0.1)
    state, _ = _act(world, reset(world, jax.random.key(2)), STAY)
    assert 900 < int(state.food.sum()) < 1100  # 1,000 expected; the deviation is 30


def test_vision_shows_food_and_neighbours():
    world, state = _meadow([(0, 0), (1, 1)], [(1, 0)], vision_radius=1)
    features = observe(world, state, jax.random.key(0))[ROLE].features
    food, agents = world.roles[0].observation(features)["vision"][0]
    assert food.tolist() == [[0, 0, 0], [0, 0, 1], [0, 0, 0]]
    assert agents[2, 2] == 1  # the neighbour, one up and one to the right


def test_greedy_steps_toward_the_nearest_food():
    world, state = _meadow([(2, 2)], [(2, 3)], vision_radius=1)
    features = observe(world, state, jax.random.key(0))[ROLE].features
    seen = jax.tree.map(lambda leaf: leaf[0], world.roles[0].observation(features))
    assert int(greedy(seen, jax.random.key(0))) == UP


def test_more_agents_than_cells_are_refused():
    with pytest.raises(InputError, match="at most width x height = 9; got 10"):
        Foraging(n_agents=10, width=3, height=3)


@pytest.mark.slow
def test_the_scenario_draws_its_picture_and_says_what_came_out(tmp_path, capsys):
    main(seeds=2, updates=1, results=tmp_path)
    assert "an agent that learned eats" in capsys.readouterr().out
    assert next(tmp_path.glob("*/foraging.png")).stat().st_size > 10_000


def test_an_interval_needs_two_seeds(tmp_path):
    with pytest.raises(InputError, match="at least 2 seeds"):
        main(seeds=1, results=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.released
@pytest.mark.slow
def test_a_network_that_learned_beats_greed_and_chance_over_eight_seeds():
    found = compare(seed=1, seeds=8, updates=30, world=Foraging())
    assert found.learned.low > found.greedy.high
    assert found.greedy.low > found.random.high
