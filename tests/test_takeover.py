"""The person who takes over: whom they help, how late, how wrongly, how often; and what learns from it."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import probes
import pytest

from aira_agents.environment import Percept
from aira_agents.equation.tables import corrected, empty_table
from aira_agents.errors import InputError
from aira_agents.human.overseer import Overseer, check_role, fallible
from aira_agents.human.takeover import LedPolicy, Takeover
from aira_agents.learning.experience import Batch
from aira_agents.learning.flattening import Flattener
from aira_agents.learning.pairs import pair_builder
from aira_agents.learning.parts import Parts
from aira_agents.learning.ppo import PPO
from aira_agents.learning.ppo_loss import gradient
from aira_agents.learning.whole import Whole
from aira_agents.loop import start_worlds, unroll
from aira_agents.policies import RandomPolicy, Rule
from aira_agents.policies.mlp import MLPPolicy
from environments.cartpole import CartPole
from environments.thermostat import Thermostat
from environments.villages import ROLE, Villages, in_danger, is_well, place

KEY = jax.random.key(0)
STAY, UP, DOWN, LEFT, RIGHT = range(5)


@functools.cache  # programs are kept by the functions in them
def always(action):
    return lambda observation, key: jnp.asarray(action, jnp.int32)


STILL = Rule(always(STAY))


def never(observation):
    return jnp.zeros((), bool)


def a_person(**values):
    own = {"expert": always(UP), "danger": in_danger, "place": place, "well": is_well, "mistakes": 0.0}
    return Overseer(**{**own, **values})


@eqx.filter_jit
def happened(person, keys, policy):
    """Lets one world run for 60 steps with the person before it; returns its transitions."""
    world, policies = Villages(marsh=0), {ROLE: LedPolicy(policy, person)}
    now = jax.tree.map(lambda leaf: leaf[0], start_worlds(world, policies, KEY, 1))
    now = eqx.tree_at(lambda n: n.memories, now, {ROLE: now.memories[ROLE].with_keys(keys)})
    return unroll(world, policies, now, 60)[1]


def watch(person, keys, n_steps, policy=STILL):
    """Returns what was decided, `[steps, villagers]`."""
    decisions = happened(person, jnp.asarray(keys), policy).decisions[ROLE]
    return jax.tree.map(lambda leaf: np.asarray(leaf[:n_steps]), decisions)


def test_who_stays_about_one_place_is_led_after_patience_and_delay_and_let_go_once_it_got_on():
    led = watch(a_person(patience=5, least_delay=3, most_delay=3, reach=2), 99, 12).led.any(axis=1)
    assert led.tolist() == [False] * (5 + 3) + [True] * 3 + [False]  # three cells away is beyond a reach of two


def test_the_delay_varies_between_its_bounds():
    person = a_person(patience=1, least_delay=1, most_delay=4)
    mind = eqx.tree_at(lambda m: (m.keys_left, m.seen), person.away(4), (jnp.asarray(9), jnp.full(4, 9)))
    (role,) = Villages().roles
    delayed = jax.jit(jax.vmap(lambda key: person.lead(role, nothing_seen(), mind, key)[2].delay))
    firsts = delayed(jax.random.split(KEY, 30)) + 1  # the step that saw the trouble is over
    assert np.unique(firsts).tolist() == [1, 2, 3, 4]


def nothing_seen():
    return Percept(jnp.zeros((4, Villages().roles[0].n_features)), {})


def test_one_at_a_time_is_led_and_the_others_do_as_they_like():
    decision = watch(a_person(patience=1), 99, 20)
    moves = np.asarray(decision.actions["move"])
    assert np.all(np.asarray(decision.led).sum(axis=1) <= 1)
    assert np.all(moves[np.asarray(decision.led)] == UP) and np.all(moves[~np.asarray(decision.led)] == STAY)


@pytest.mark.parametrize("keys", [0, 1, 7])
def test_no_more_keys_are_pressed_than_there_are(keys):
    assert watch(a_person(patience=1, reach=9), keys, 60).led.sum() == keys


def test_nobody_is_helped_who_is_ill():
    assert not watch(a_person(patience=1, well=never), 99, 20).led.any()


def test_danger_comes_before_being_stuck():
    person = a_person(patience=1, least_delay=0, most_delay=0, danger=lambda seen: seen["carries"] > 0)
    (role,) = Villages().roles
    features = nothing_seen().features
    row = role.features.index("carries")
    mind = eqx.tree_at(lambda m: (m.keys_left, m.seen), person.away(4), (jnp.asarray(9), jnp.full(4, 9)))
    percept = Percept(features.at[2, row].set(1.0), {})
    led = jax.jit(lambda mind: person.lead(role, percept, mind, KEY)[0])(mind)
    assert led.tolist() == [False, False, True, False]


def test_mistakes_are_other_actions_at_their_rate():
    keys = jax.random.split(KEY, 4000)
    done = jax.vmap(lambda key: fallible(always(UP), 0.1, 5)({}, key))(keys)
    assert float(jnp.mean(done != UP)) == pytest.approx(0.1, abs=0.02)
    assert set(np.unique(done)) == {0, 1, 2, 3, 4}
    assert not jnp.any(jax.vmap(lambda key: fallible(always(UP), 1.0, 5)({}, key))(keys) == UP)


def test_the_log_probability_is_that_of_the_policys_own_choice():
    person = a_person(patience=1, least_delay=0, most_delay=0)
    alone, led = (watch(person, keys, 6, policy=RandomPolicy()) for keys in (0, 99))
    assert led.led.any() and alone.log_prob[0].tolist() == led.log_prob[0].tolist()


def test_corrections_are_written_until_the_table_is_full():
    world = Villages(marsh=0)
    person = a_person(patience=1, least_delay=0, most_delay=0, expert=always(RIGHT))
    lived = jax.tree.map(lambda leaf: leaf[:20], happened(person, jnp.asarray(5), STILL))
    (role,) = world.roles
    write = jax.jit(lambda table: corrected(table, role, lived, Takeover()))
    assert write(empty_table(world, 8)).weight.tolist() == [1] * 5 + [0] * 3
    full = write(empty_table(world, 3))
    assert full.weight.tolist() == [1] * 3 and full.actions["move"].tolist() == [RIGHT] * 3
    assert write(full).weight.tolist() == [1] * 3


def test_steps_that_were_led_teach_the_critic_and_not_the_actor():
    (role,) = probes.Bandit(n_players=2).roles
    flat = Flattener(pair_builder(role, MLPPolicy.build, 8))
    pair = eqx.filter_jit(flat.build)(KEY)

    def batch(led, action, advantage, target):
        shape = (2, 1, 2)
        return Batch(
            features=jnp.ones((*shape, role.n_features)),
            valid={},
            actions={"choose": jnp.asarray([[[1, action]], [[0, action]]])},
            log_prob=jnp.full(shape, -0.7),
            active=jnp.ones(shape, bool),
            led=jnp.asarray([[[False, led]]] * 2),
            fresh=jnp.zeros(shape, bool),
            actor_memory=None,
            critic_memory=None,
            advantages=jnp.asarray([[[1.0, advantage]], [[3.0, advantage]]]),
            targets=jnp.asarray([[[0.0, target]]] * 2),
        )

    compiled = jax.jit(lambda shown: gradient(pair, shown, role, PPO(), Whole.of(Parts(1, 1), shown))[0])

    def gradients(*values):
        found = jax.device_get(compiled(batch(*values)))
        return [np.concatenate([np.ravel(x) for x in jax.tree.leaves(part)]) for part in (found.actor, found.critic)]

    actor, critic = gradients(True, 0, 5.0, 0.0)
    other_actor, other_critic = gradients(True, 1, -7.0, 9.0)
    assert np.array_equal(actor, other_actor) and not np.array_equal(critic, other_critic)
    assert not np.array_equal(gradients(False, 0, 5.0, 0.0)[0], gradients(False, 1, 5.0, 0.0)[0])


def test_a_keyboard_needs_named_actions():
    check_role(CartPole().roles[0])
    with pytest.raises(InputError, match="one effector with named actions"):
        check_role(Thermostat().roles[0])


@pytest.mark.parametrize("wrong", [{"mistakes": 1.5}, {"patience": 0}, {"least_delay": 5}])
def test_a_person_who_cannot_be_is_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        a_person(**wrong)


def test_fewer_than_no_keys_are_refused():
    with pytest.raises(InputError, match="`budget` must be"):
        Takeover(budget=-1)
