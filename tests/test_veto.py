"""What a person forbids is not done, the policy chooses among the rest, and learns that it did."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import probes
import pytest

from aira_agents.data.recording import record
from aira_agents.environment import Percept
from aira_agents.equation import HITL, ML, TD
from aira_agents.equation.pupil import Pupil
from aira_agents.equation.tables import corrected, empty_table
from aira_agents.errors import InputError
from aira_agents.human.inbox import Inbox
from aira_agents.human.overseer import Overseer
from aira_agents.human.veto import Forbidding, Veto, VetoedPolicy, every_action
from aira_agents.human.vetoes import Vetoes
from aira_agents.learning.ppo import PPO
from aira_agents.loop import one_step, start, start_worlds, unroll
from aira_agents.policies import RandomPolicy, Rule
from aira_agents.policies.mlp import MLPPolicy
from aira_agents.store.events import FeedbackEvent
from environments.thermostat import Thermostat
from environments.villages import ROLE, Villages, in_danger, is_well, place

KEY = jax.random.key(0)
STAY, UP = 0, 1


def always(action):
    return lambda observation, key: jnp.asarray(action, jnp.int32)


def a_person(**values):
    """Who would always stay, and turns at once to whoever does not get on."""
    own = {"expert": always(STAY), "danger": in_danger, "place": place, "well": is_well, "mistakes": 0.0}
    at_once = {"patience": 1, "least_delay": 0, "most_delay": 0, "reach": 99}
    return Overseer(**{**own, **at_once, **values})


NETWORK = MLPPolicy.build(Villages().roles[0].n_features, 5, KEY, hidden=(8,), final_scale=1.0)
POLICIES = {"network": NETWORK, "stay": Rule(always(STAY)), "up": Rule(always(UP))}


@functools.cache
def program(policy):
    world = Villages(marsh=0)
    policies = {ROLE: VetoedPolicy(POLICIES[policy], a_person())}

    def run(keys):
        now = jax.tree.map(lambda leaf: leaf[0], start_worlds(world, policies, KEY, 1))
        now = eqx.tree_at(lambda n: n.memories, now, {ROLE: now.memories[ROLE].with_keys(keys)})
        return unroll(world, policies, now, 60)[1]

    return jax.jit(run)


def watched(keys, policy):
    """Returns what happened in 60 steps of a world with the person before it."""
    return program(policy)(jnp.asarray(keys))


def test_an_action_that_is_forbidden_is_never_taken():
    decision = watched(999, "network").decisions[ROLE]
    forbidden = np.asarray(decision.forbidden)
    assert forbidden.sum() > 40
    taken, intended = (np.asarray(own["move"])[forbidden] for own in (decision.actions, decision.intended))
    assert np.all(taken != intended) and len(set(taken)) > 2
    free = np.asarray(decision.actions["move"])[~forbidden]
    assert np.array_equal(free, np.asarray(decision.intended["move"])[~forbidden])


def test_what_the_person_would_do_too_passes_and_costs_no_key():
    assert not watched(5, "stay").decisions[ROLE].forbidden.any()
    assert watched(5, "up").decisions[ROLE].forbidden.sum() == 5


def test_one_action_that_is_valid_cannot_be_forbidden():
    (role,) = Villages().roles
    person = a_person(expert=always(UP))
    only = {"move": jnp.zeros((4, 5), bool).at[:, STAY].set(True)}
    policy = VetoedPolicy(RandomPolicy(), person)
    mind = eqx.tree_at(
        lambda m: (m.attention.keys_left, m.attention.seen),
        policy.initial_memories(4),
        (jnp.asarray(9), jnp.full(4, 9)),
    )
    decide = eqx.filter_jit(policy.decide)
    decision, after = decide(role, Percept(jnp.zeros((4, role.n_features)), only), mind, KEY)
    assert not decision.forbidden.any() and decision.actions["move"].tolist() == [STAY] * 4
    assert int(after.attention.keys_left) == 9


def test_the_log_probability_is_that_of_the_masked_distribution():
    happened = watched(999, "network")
    decision, percept = happened.decisions[ROLE], happened.percepts[ROLE]
    logits = jax.vmap(jax.vmap(lambda seen: NETWORK(seen, None)[0]))(percept.features)
    masked = np.where(np.asarray(decision.valid["move"]), np.asarray(logits, np.float64), -np.inf)
    chosen = np.take_along_axis(masked, np.asarray(decision.actions["move"])[..., None], axis=-1)[..., 0]
    expected = chosen - np.log(np.sum(np.exp(masked), axis=-1))
    np.testing.assert_allclose(decision.log_prob, expected, atol=1e-5)
    forbidden = np.asarray(decision.forbidden)
    assert forbidden.any() and np.all(np.asarray(decision.valid["move"]).sum(-1)[forbidden] == 4)


def pupil(weight, world=None):
    ppo = PPO(n_worlds=2, n_steps=12, n_epochs=1, n_minibatches=1, critic_width=4)
    person = HITL(a_person(), channel=Veto(budget=99, per_lesson=99, weight=weight))
    return Pupil(ML(ppo, steps=24, network=MLPPolicy.build) + person, world or Villages(max_steps=12))


@pytest.mark.slow
def test_the_policy_gradient_uses_the_mask_and_what_was_forbidden_is_written_down():
    own = pupil(weight=0.5)
    table = empty_table(own.world, 99)
    state = own.init(KEY, empty_table(own.world, 1), table, jnp.asarray(99))
    after, told = jax.jit(own.update)(state)
    # With the mask that was chosen by, who gathered the experience is who learns from it: the ratio begins at one.
    assert float(told[f"first_ratio_error/{ROLE}"]) < 1e-5
    spent = 99 - int(after.keys_left)
    assert 0 < spent == int(jnp.sum(after.corrections.weight))
    assert not jnp.any(after.corrections.actions["move"][:spent] == STAY)


@pytest.mark.slow
def test_the_loss_makes_improbable_what_was_forbidden():
    (role,) = Villages().roles
    table = empty_table(Villages(), 3)
    table = eqx.tree_at(lambda t: (t.actions["move"], t.weight), table, (jnp.full(3, UP), jnp.ones(3)))
    network = MLPPolicy.build(role.n_features, 5, KEY, hidden=(8,))

    def chance(own):
        return jax.nn.softmax(own(jnp.zeros(role.n_features), None)[0])[UP]

    loss, slope = eqx.filter_value_and_grad(lambda own: Veto().loss(own, role, table))(network)
    assert float(loss) == pytest.approx(-np.log(1 - float(chance(network))), rel=1e-5)
    after = jax.tree.map(lambda own, down: own - down, eqx.filter(network, eqx.is_array), slope)
    assert float(chance(eqx.combine(after, network))) < float(chance(network))


def test_what_not_to_do_is_no_answer_to_look_up():
    happened = watched(9, "up")
    (role,) = Villages().roles
    written = corrected(empty_table(Villages(), 20), role, happened, Veto())
    assert written.weight.sum() == 9 and not Veto().extends_lookup


@pytest.mark.slow
def test_where_nobody_learns_vetoes_protect_and_are_not_written_down():
    world = Villages(vision_radius=1, max_steps=12)
    shown = record(world, {ROLE: RandomPolicy()}, 0, 1)
    looked_up = (TD(shown) + HITL(a_person(), channel=Veto(budget=5, per_lesson=5))).fit(world, KEY)
    assert looked_up.ledger.rows[1].signals == 5
    assert int(looked_up.policies[ROLE].known.sum()) == 4 * 12  # what was demonstrated, and no more


def event(name, step, uid, action, **values):
    rest = {"who": "w", "channel": "veto", "world": "probe", "session": "s"}
    return FeedbackEvent(name, 0.0, step, uid, action, **{**rest, **values})


def test_a_veto_of_a_person_masks_the_step_it_is_about_and_no_other():
    world = probes.Bandit(n_players=2, max_steps=9)
    (role,) = world.roles
    policy = Forbidding.nothing(RandomPolicy(), role)
    now = start(world, {role.name: policy}, KEY)
    vetoes = Vetoes(role)
    assert vetoes.post([event(str(step), step, 2, 1.0) for step in range(0, 6, 2)], 9).refused == {}
    chosen = []
    step = eqx.filter_jit(lambda policy, now: one_step(world, {role.name: policy}, now))
    for at in range(6):
        percept = world.observe(now.state, KEY)[role.name]
        masks = vetoes.masks(at, now.state.agents[role.name], percept)
        assert masks["choose"].tolist() == [[False, False], [False, at % 2 == 0]]
        policy = eqx.tree_at(lambda p: p.forbidden, policy, jax.tree.map(jnp.asarray, masks))
        now, happened = step(policy, now)
        chosen.append(happened.decisions[role.name].actions["choose"].tolist())
    assert [pair[1] for pair in chosen[::2]] == [0, 0, 0] and not vetoes.refused


def test_vetoes_that_make_no_sense_are_refused_in_words_and_the_rest_is_obeyed():
    world = probes.Bandit(n_players=2, max_steps=9)
    (role,) = world.roles
    vetoes = Vetoes(role)
    receipt = vetoes.post(
        [
            event("praise", 3, 1, 1.0, channel="evaluation"),
            event("nothing", 3, 1, 2.0),
            event("half", 3, 1, 0.5),
            event("nan", 3, 1, float("nan")),
            event("ahead", 7, 1, 1.0),
            *[event(*own) for own in (("one", 3, 1, 1.0), ("one", 3, 1, 1.0), ("two", 3, 1, 0.0), ("past", 2, 1, 0.0))],
            event("ghost", 3, 9, 0.0),
        ],
        5,
    )
    assert receipt.stored == ("one", "two", "past", "ghost")
    assert "expected 'veto'" in receipt.refused["praise"] and "from the future" in receipt.refused["ahead"]
    assert "(0 first, 1 second); got 2" in receipt.refused["nothing"] and "got 0.5" in receipt.refused["half"]
    assert "counts once" in receipt.refused["one"] and "finite" in receipt.refused["nan"]
    state = world.reset(KEY)
    masks = vetoes.masks(3, state.agents[role.name], world.observe(state, KEY)[role.name])
    assert masks["choose"].tolist() == [[False, True], [False, False]]
    assert vetoes.refused == {
        "two": "'first' is all that agent 1 can still do in step 3: it stays.",
        "past": "it is about step 2, which is over.",
        "ghost": "no agent with uid 9 lives in step 3.",
    }


def test_a_veto_that_is_sent_to_a_learner_is_told_where_vetoes_go():
    receipt = Inbox(0.2).post([event("no", 3, 1, 1.0), event("good", 3, 1, 1.0, channel="evaluation")])
    assert receipt.stored == ("good",)
    assert "vetoes are for a host that steps" in receipt.refused["no"]


def test_numbers_cannot_be_forbidden():
    with pytest.raises(InputError, match="one effector with named actions"):
        Vetoes(Thermostat().roles[0])


def test_everything_is_valid_where_a_percept_says_nothing():
    (role,) = probes.Bandit().roles
    assert every_action(role, Percept(jnp.zeros((1, 1)), {}))["choose"].tolist() == [[True, True]]
