"""Villages against small situations made by hand, and what chance and its rule come to there."""

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest
from compiled import observe, reset, step

from aira_agents.errors import InputError
from aira_agents.evaluation import evaluate
from aira_agents.policies import RandomPolicy, Rule
from aira_agents.populations import with_columns
from environments.villages import EAST, MIDDLE, RIVER, ROLE, WEST, Villages, expert, in_danger, place

STAY, UP, DOWN, LEFT, RIGHT = range(5)
KEY = jax.random.key(0)


def situation(cells, *, food=(), marsh=(), carries=False, **fields):
    """Villagers in `cells`, and nothing but the `food` and `marsh` given, all as (x, y)."""
    world = Villages(regrowth=0, **fields)
    x, y = jnp.asarray(cells, jnp.int32).T
    state = with_columns(reset(world, KEY), ROLE, x=x, y=y, carries=jnp.full(4, carries))
    grounds = []
    for places in (food, marsh):
        ground = jnp.zeros(state.food.shape, bool)
        for column, row in places:
            ground = ground.at[row, column].set(True)
        grounds.append(ground)
    return world, eqx.tree_at(lambda s: (s.food, s.marsh), state, tuple(grounds))


def act(world, state, *moves):
    return step(world, state, {ROLE: {"move": jnp.asarray(moves, jnp.int32)}}, jax.random.key(1))


def seen_by(world, state, row):
    features = observe(world, state, KEY)[ROLE].features
    return jax.tree.map(lambda leaf: leaf[row], world.roles[0].observation(features))


def test_who_carries_food_home_is_rewarded_once_and_can_take_another():
    cells = [(RIVER - 2, MIDDLE), (RIVER - 1, MIDDLE), (RIVER + 1, MIDDLE), (RIVER + 2, MIDDLE)]
    world, state = situation(cells, carries=True)
    state, feedback = act(world, state, RIGHT, LEFT, STAY, STAY)
    assert feedback[ROLE].reward.tolist() == [1, 0, 1, 0]
    assert state.agents[ROLE].carries.tolist() == [False, True, False, True]


def test_a_food_has_one_taker_and_its_side_is_remembered():
    world, state = situation([(0, 0), (2, 0), (16, 6), (15, 5)], food=[(1, 0), (15, 6)])
    state, _ = act(world, state, RIGHT, LEFT, LEFT, STAY)
    agents = state.agents[ROLE]
    assert agents.carries[:2].sum() == 1 and agents.carries[2:].tolist() == [True, False]
    assert sorted(agents.source.tolist()) == [-1, 0, 0, 1]
    assert state.food.sum() == 0


def test_nobody_takes_a_second_food():
    world, state = situation([(0, 0)] * 4, food=[(0, 0)], carries=True)
    state, _ = act(world, state, *[STAY] * 4)
    assert state.food[0, 0]


def test_river_and_border_stop_a_walker_and_only_the_shared_home_is_a_bridge():
    cells = [(RIVER - 1, MIDDLE), (RIVER - 1, 0), (0, 6), (16, 0)]
    for shared, across in ((False, RIVER - 1), (True, RIVER)):
        world, state = situation(cells, shared_home=shared)
        agents = act(world, state, RIGHT, RIGHT, UP, RIGHT)[0].agents[ROLE]
        assert agents.x.tolist() == [across, RIVER - 1, 0, 16]
        assert agents.y.tolist() == [MIDDLE, 0, 6, 0]


def test_who_steps_into_the_marsh_dies_ten_steps_later_wherever_it_went():
    world, state = situation([(12, 1), (1, 1), (14, 1), (15, 1)], marsh=[(13, 1)])
    state, feedback = act(world, state, RIGHT, STAY, STAY, STAY)
    assert state.agents[ROLE].ill.tolist() == [1, 0, 0, 0]
    assert not feedback[ROLE].terminated.any()
    for _ in range(9):
        state, feedback = act(world, state, UP, STAY, STAY, STAY)
        assert state.agents[ROLE].alive.all()
    state, feedback = act(world, state, STAY, STAY, STAY, STAY)
    assert feedback[ROLE].terminated.tolist() == [True, False, False, False]


def test_the_marsh_is_in_the_east_and_leaves_the_homes_dry():
    marsh = reset(Villages(marsh=1), KEY).marsh
    assert not marsh[:, : RIVER + 2].any() and marsh[:, RIVER + 2 :].all()


def test_food_lies_in_the_outer_three_columns():
    food = reset(Villages(food_west=1, food_east=1), KEY).food
    assert food[:, :3].all() and food[:, 14:].all() and not food[:, 3:14].any()


def test_the_rule_goes_home_with_food_and_round_the_marsh():
    world, state = situation([(3, MIDDLE), (3, 0), (11, MIDDLE), (10, 3)], marsh=[(10, MIDDLE)], carries=True)
    moves = [int(expert()(seen_by(world, state, row), KEY)) for row in range(3)]
    assert moves[0] == RIGHT and moves[1] in (UP, RIGHT) and moves[2] in (UP, DOWN)


def test_from_the_bridge_the_rule_goes_where_it_prefers():
    world, state = situation([(RIVER, MIDDLE)] * 4, shared_home=True)
    observation = seen_by(world, state, 0)
    assert int(expert(WEST)(observation, KEY)) == LEFT and int(expert(EAST)(observation, KEY)) == RIGHT


def test_danger_is_marsh_beside_one_who_is_well():
    world, state = situation([(12, 1), (13, 2), (14, 1), (5, 5)], marsh=[(13, 1)])
    assert [bool(in_danger(seen_by(world, state, row))) for row in range(4)] == [True, True, True, False]
    ill = with_columns(state, ROLE, ill=jnp.ones(4, jnp.int32))
    assert not in_danger(seen_by(world, ill, 0))


def test_a_place_is_counted_in_cells_from_home():
    world, state = situation([(4, 5)] * 4)
    assert place(seen_by(world, state, 0)).tolist() == [4 - (RIVER - 1), 5 - MIDDLE]


@pytest.mark.slow
def test_chance_brings_almost_nothing_home_and_the_rule_much():
    world = Villages()
    chance = evaluate(world, {ROLE: RandomPolicy()}, KEY, 32)[ROLE]
    ruled = evaluate(world, {ROLE: Rule(expert())}, KEY, 32)[ROLE]
    assert chance.high < 0.2 and ruled.low > 6


def test_a_share_beyond_one_is_refused():
    with pytest.raises(InputError, match="`marsh` must be a number in"):
        Villages(marsh=1.5)
