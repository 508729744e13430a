"""A world seen through one of its symmetries is the same world, and augmented data are as true as recorded ones."""

import dataclasses

import compiled
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import probes
import pytest

from aira_agents.data.augmentation import augment
from aira_agents.data.episodes import arrays_of
from aira_agents.data.recording import record
from aira_agents.errors import InputError
from aira_agents.policies import RandomPolicy, Rule
from aira_agents.populations import with_columns
from aira_agents.sensors import NoisySensor
from aira_agents.symmetries import FLIPS, MIRROR, SQUARE, Relabelling
from environments.cartpole import CartPole
from environments.foraging import ROLE, Foraging, greedy
from environments.simple_spread import SimpleSpread
from environments.villages import Villages

SQUARE_MEADOW = Foraging(n_agents=1, width=6, height=6, food_at_start=0.4, regrowth=0.0, vision_radius=2, max_steps=9)
LONG_MEADOW = Foraging(n_agents=1, width=7, height=5, food_at_start=0.4, regrowth=0.0, max_steps=9)


def moved(world, state, symmetry):
    """The same meadow, flipped or turned as a whole."""
    agents = state.agents[ROLE]
    places = symmetry.moved(np.stack([agents.x, agents.y], axis=1)) % [world.width, world.height]
    food = np.zeros_like(np.asarray(state.food))
    for y, x in np.argwhere(np.asarray(state.food)):
        to_x, to_y = symmetry.moved([(int(x), int(y))])[0] % [world.width, world.height]
        food[to_y, to_x] = True
    x, y = (jnp.asarray(column, jnp.int32) for column in places.T)
    return eqx.tree_at(lambda s: s.food, with_columns(state, ROLE, x=x, y=y), jnp.asarray(food))


@pytest.mark.parametrize("world", [SQUARE_MEADOW, LONG_MEADOW], ids=["square", "long"])
def test_a_turned_meadow_is_perceived_and_moves_as_declared(world):
    sensor, effector = world.roles[0].sensors[0], world.roles[0].effectors[0]
    key = jax.random.key(0)
    state = compiled.reset(world, key)
    assert len(world.symmetries) == (7 if world is SQUARE_MEADOW else 3)
    for symmetry in world.symmetries:
        features, actions = sensor.under(symmetry), effector.under(symmetry)
        turned = moved(world, state, symmetry)
        own, there = (np.asarray(compiled.observe(world, seen, key)[ROLE].features) for seen in (state, turned))
        np.testing.assert_array_equal(there, features.of_numbers(own))
        for action in range(5):
            now, _ = compiled.step(world, state, {ROLE: {"move": jnp.asarray([action], jnp.int32)}}, key)
            other = actions.of_choices(np.asarray([action], np.int32))
            after, _ = compiled.step(world, turned, {ROLE: {"move": jnp.asarray(other)}}, key)
            for name in ("x", "y", "eaten"):
                there = moved(world, now, symmetry).agents[ROLE]
                np.testing.assert_array_equal(getattr(after.agents[ROLE], name), getattr(there, name))


def test_the_best_rule_of_a_symmetric_world_is_equivariant():
    role = SQUARE_MEADOW.roles[0]
    keys = jax.random.split(jax.random.key(0), 300)

    @jax.jit
    def may_do(features):
        actions = jax.vmap(lambda key: greedy(role.observation(features), key))(keys)
        return jnp.zeros(5, bool).at[actions].set(True)

    patches = np.random.default_rng(0).random((12, 2, 25)) < np.array([0.08, 0.0])[None, :, None]
    patches[:, 1, 12] = True  # it sees itself
    for features in patches.reshape(12, 50).astype(np.float32):
        for symmetry in SQUARE:
            seen, done = role.sensors[0].under(symmetry), role.effectors[0].under(symmetry)
            there = may_do(jnp.asarray(seen.of_numbers(features)))
            np.testing.assert_array_equal(there, done.of_flags(np.asarray(may_do(jnp.asarray(features)))))


def test_a_mirrored_cart_is_pushed_from_the_other_side():
    world = CartPole()
    sensor, effector = world.roles[0].sensors[0], world.roles[0].effectors[0]
    state, key = compiled.reset(world, jax.random.key(3)), jax.random.key(0)
    there = with_columns(state, "cart", motion=-state.agents["cart"].motion)
    push, other = np.asarray([0], np.int32), effector.under(MIRROR).of_choices(np.asarray([0], np.int32))
    assert other.tolist() == [1] and sensor.under(SQUARE[3]) is None
    after, _ = compiled.step(world, state, {"cart": {"push": jnp.asarray(push)}}, key)
    mirrored, _ = compiled.step(world, there, {"cart": {"push": jnp.asarray(other)}}, key)
    moved_there = sensor.under(MIRROR).of_numbers(np.asarray(after.agents["cart"].motion))
    np.testing.assert_allclose(mirrored.agents["cart"].motion, moved_there, rtol=1e-6)


def relabelled(role, features, symmetry):
    """What an agent perceives through a symmetry, sensor by sensor."""
    parts = [
        sensor.under(symmetry).of_numbers(np.asarray(features)[..., start:stop])
        for sensor, (_, start, stop, _) in zip(role.sensors, role.layout, strict=True)
    ]
    return np.concatenate(parts, axis=-1)


def same_through(world, state, there, symmetry, actions, compare):
    """Checks that `there`, the moved `state`, is perceived and moves as is declared; `compare` two states."""
    (role,) = world.roles
    key, (effector,) = jax.random.key(0), role.effectors
    own, other = (compiled.observe(world, seen, key)[role.name].features for seen in (state, there))
    np.testing.assert_allclose(other, relabelled(role, own, symmetry), atol=1e-6)
    turned = jnp.asarray(effector.under(symmetry).of_choices(np.asarray(actions, np.int32)))
    after, there_after = (
        compiled.step(world, begun, {role.name: {effector.name: told}}, key)
        for begun, told in ((state, jnp.asarray(actions, jnp.int32)), (there, turned))
    )
    np.testing.assert_allclose(after[1][role.name].reward, there_after[1][role.name].reward, atol=1e-5)
    compare(after[0], there_after[0])


@pytest.mark.parametrize("shared_home", [False, True])
def test_a_flipped_village_is_a_village(shared_home):
    world = Villages(shared_home=shared_home, regrowth=0.0, food_east=0.9)
    (flip,) = world.symmetries
    state = compiled.reset(world, jax.random.key(1))
    state = with_columns(state, "villager", x=jnp.asarray([2, 5, 11, 14]), y=jnp.asarray([0, 4, 2, 6]))

    def flipped(own):
        there = with_columns(own, "villager", y=6 - own.agents["villager"].y)
        return eqx.tree_at(lambda s: (s.food, s.marsh), there, (own.food[::-1], own.marsh[::-1]))

    def compare(after, there):
        for one, other in zip(jax.tree.leaves(flipped(after)), jax.tree.leaves(there), strict=True):
            np.testing.assert_array_equal(one, other)

    for actions in ([1, 2, 3, 4], [2, 1, 0, 2]):
        same_through(world, state, flipped(state), flip, actions, compare)


def test_a_turned_spread_is_a_spread():
    world = SimpleSpread()
    state = compiled.reset(world, jax.random.key(0))
    state = with_columns(state, "agent", velocity=jax.random.normal(jax.random.key(1), (3, 2)))
    for symmetry in world.symmetries:
        turn = jnp.asarray(symmetry.matrix, jnp.float32)

        def turned(own, turn=turn):
            agents = own.agents["agent"]
            there = with_columns(own, "agent", position=agents.position @ turn.T, velocity=agents.velocity @ turn.T)
            return eqx.tree_at(lambda s: s.landmarks, there, own.landmarks @ turn.T)

        def compare(after, there, turned=turned):
            for name in ("position", "velocity"):
                own, other = (getattr(s.agents["agent"], name) for s in (turned(after), there))
                np.testing.assert_allclose(own, other, atol=1e-5)

        same_through(world, state, turned(state), symmetry, [1, 4, 3], compare)


def test_symmetries_undo_each_other():
    left, right = SQUARE[3], SQUARE[4]
    vision = SQUARE_MEADOW.roles[0].sensors[0]
    numbers = np.arange(50.0)
    there = vision.under(left).of_numbers(numbers)
    assert not np.array_equal(there, numbers)
    np.testing.assert_array_equal(vision.under(right).of_numbers(there), numbers)
    move = SQUARE_MEADOW.roles[0].effectors[0]
    assert move.under(left).of_choices(np.arange(5)).tolist() == [0, 3, 4, 2, 1]  # stay, left, right, down, up


def test_augmented_data_hold_each_episode_once_for_every_symmetry():
    data = record(LONG_MEADOW, {ROLE: Rule(greedy)}, 0, 4)
    more = augment(data, LONG_MEADOW)
    assert len(more) == 4 * (1 + len(FLIPS)) and len({episode.id for episode in more.episodes}) == 16
    assert len(augment(more, LONG_MEADOW)) == 16
    flipped = next(e for e in more.episodes if e.provenance.symmetry == MIRROR.name)
    original = next(e for e in data.episodes if e.id == flipped.source).tracks[ROLE]
    patch = original.features.reshape(-1, 1, 2, 3, 3)[..., ::-1]
    np.testing.assert_array_equal(flipped.tracks[ROLE].features, patch.reshape(original.features.shape))
    names = np.asarray(["stay", "up", "down", "right", "left"])[original.actions["move"]]
    assert (np.asarray(["stay", "up", "down", "left", "right"])[flipped.tracks[ROLE].actions["move"]] == names).all()
    kept = {name for name in arrays_of(original) if name not in ("features", "final", "actions/move")}
    for name in kept:
        np.testing.assert_array_equal(arrays_of(flipped.tracks[ROLE])[name], arrays_of(original)[name])


def test_masks_are_relabelled_with_the_actions():
    quarter = LONG_MEADOW.roles[0].effectors[0].under(SQUARE[3])
    mask = np.asarray([True, True, False, False, False])  # stay, up
    assert quarter.of_flags(mask).tolist() == [True, False, False, True, False]  # stay, left


def test_a_world_or_a_sensor_that_declares_nothing_is_one_clear_line():
    blind = record(probes.Bandit(), {probes.ROLE: RandomPolicy()}, 0, 1)
    with pytest.raises(InputError, match="Bandit declares no symmetries"):
        augment(blind, probes.Bandit())

    class Mirrored(probes.Bandit):
        @property
        def symmetries(self):
            return FLIPS

    with pytest.raises(InputError, match="'choose' does not say what becomes of it under 'flip left and right'"):
        augment(dataclasses.replace(blind), Mirrored())


def test_a_noisy_sensor_turns_as_the_one_it_wraps():
    vision = SQUARE_MEADOW.roles[0].sensors[0]
    assert NoisySensor(vision, 0.1).under(MIRROR) == vision.under(MIRROR)


def test_numbers_that_do_not_go_over_into_each_other_are_not_known():
    assert Relabelling.permuted([(1, 0), (0, 1)], MIRROR) is None
