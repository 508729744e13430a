import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from aira_agents.effectors import GridMove
from aira_agents.effectors.grid_move import DX, DY
from aira_agents.errors import InputError
from aira_agents.populations import Population, State, clocks, founders
from aira_agents.sensors import ColumnSensor, GridVision, NoisySensor, RangedSensor, Strips, padded_scene
from aira_agents.types import Array, Int

KEY = jax.random.key(0)


class Walkers(Population):
    x: Int[Array, " capacity"]
    y: Int[Array, " capacity"]


def walkers(cells, alive=None):
    xs, ys = zip(*cells, strict=True)
    fields = founders(len(cells)) | ({} if alive is None else {"alive": jnp.array(alive)})
    people = Walkers(**fields, x=jnp.array(xs, jnp.int32), y=jnp.array(ys, jnp.int32))
    return State(agents={"walker": people}, **clocks(len(cells) + 1))


def cells_of(state):
    people = state.agents["walker"]
    return list(zip(people.x.tolist(), people.y.tolist(), strict=True))


def test_vision_sees_around_the_torus_with_the_agent_in_the_middle():
    grid = jnp.arange(20.0).reshape(4, 5)
    vision = GridVision(role="walker", layers=("height",), radius=1)
    state = walkers([(0, 0), (2, 1)])
    scene = padded_scene([grid], 1)
    for row, (x, y) in enumerate([(0, 0), (2, 1)]):
        seen = vision(state, scene, jnp.array(row), KEY).reshape(vision.shape)
        around = [[grid[(y + dy) % 4, (x + dx) % 5] for dx in (-1, 0, 1)] for dy in (-1, 0, 1)]
        assert np.array_equal(seen[0], np.array(around))
        assert seen.size == len(vision.features)
    assert vision.features[0] == "height(dy=-1, dx=-1)" and vision.features[5] == "height(dy=+0, dx=+1)"


@pytest.mark.parametrize("n_layers", [1, 2, 3, 7])
@pytest.mark.parametrize("radius", [0, 1, 2, 5, 10, 15])
def test_strips_show_what_a_padded_scene_shows(n_layers, radius):
    layers = [*jnp.asarray(np.random.default_rng(0).random((n_layers, 5, 9)) < 0.4)]  # a torus seen round
    vision = GridVision(role="walker", layers=tuple("abcdefg"[:n_layers]), radius=radius)
    state = walkers([(x, y) for x in range(9) for y in range(5)])
    see = jax.vmap(lambda row, scene: vision(state, scene, row, KEY), (0, None))
    shown = jax.jit(lambda make: see(jnp.arange(45), make(layers, radius)), static_argnums=0)
    strips, numbers = shown(Strips.of), shown(padded_scene)
    assert strips.dtype == numbers.dtype and np.array_equal(strips, numbers)
    assert np.asarray(strips)[:, vision.shape[-1] ** 2 // 2].tolist() == [
        float(layers[0][y, x]) for x in range(9) for y in range(5)
    ]


def test_a_strip_that_fits_into_no_word_is_told():
    with pytest.raises(InputError, match="`radius` must be at most 15; got 16"):
        Strips.of([jnp.zeros((40, 40), bool)], 16)


def test_a_column_is_sensed_in_units_of_its_scale():
    sensor = ColumnSensor(role="walker", name="x", scale=4.0)
    assert sensor(walkers([(2, 0)]), None, jnp.array(0), KEY).tolist() == [0.5]
    assert sensor.shape == ()


def test_noise_has_the_deviation_it_says_and_is_drawn_anew():
    sensor = NoisySensor(ColumnSensor(role="walker", name="x"), std=0.3)
    state = walkers([(7, 0)])
    read = jax.vmap(lambda key: sensor(state, None, jnp.array(0), key)[0])(jax.random.split(KEY, 4000))
    assert abs(float(read.mean()) - 7) < 0.02 and abs(float(read.std()) - 0.3) < 0.02
    assert sensor.name == "x" and sensor.features == ("x",)


def test_a_range_clips():
    sensor = RangedSensor(ColumnSensor(role="walker", name="x"), low=0.0, high=5.0)
    assert sensor(walkers([(7, 0)]), None, jnp.array(0), KEY).tolist() == [5.0]


@pytest.mark.parametrize("move", range(5))
def test_a_walker_moves_by_one_cell_around_the_torus(move):
    state = walkers([(0, 0), (4, 3)])
    moved = GridMove(role="walker", height=4, width=5)(state, jnp.full(2, move, jnp.int32), KEY)
    assert cells_of(moved) == [((x + DX[move]) % 5, (y + DY[move]) % 4) for x, y in cells_of(state)]


def test_the_dead_stay_where_they_are_and_block_nobody():
    state = walkers([(0, 0), (1, 0)], alive=[True, False])
    moved = GridMove(role="walker", height=3, width=3, exclusive=True)(state, jnp.array([4, 4], jnp.int32), KEY)
    assert cells_of(moved) == [(1, 0), (1, 0)]


def test_of_two_who_want_a_cell_either_gets_it_by_chance():
    state = walkers([(0, 1), (2, 1)])
    move = jax.jit(GridMove(role="walker", height=3, width=5, exclusive=True).__call__)
    outcomes = [tuple(cells_of(move(state, jnp.array([4, 3], jnp.int32), key))) for key in jax.random.split(KEY, 60)]
    assert set(outcomes) == {((1, 1), (2, 1)), ((0, 1), (1, 1))}
    assert 15 <= outcomes.count(((1, 1), (2, 1))) <= 45


def test_nobody_enters_a_cell_that_was_taken_even_if_it_is_being_left():
    state = walkers([(0, 0), (1, 0)])
    moved = GridMove(role="walker", height=3, width=5, exclusive=True)(state, jnp.array([4, 4], jnp.int32), KEY)
    assert cells_of(moved) == [(0, 0), (2, 0)]


def test_a_cell_never_holds_two_in_a_crowd():
    cells = list(itertools.product(range(6), range(5)))[:22]
    state = walkers(cells)
    move = jax.jit(GridMove(role="walker", height=5, width=6, exclusive=True).__call__)
    for key in jax.random.split(KEY, 40):
        act_key, move_key = jax.random.split(key)
        state = move(state, jax.random.randint(act_key, (22,), 0, 5, jnp.int32), move_key)
        assert len(set(cells_of(state))) == 22
    assert cells_of(state) != cells
