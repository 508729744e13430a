"""Agents do what they were praised for: TAMER, COACH, simulated teachers and people."""

import dataclasses
import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import probes
import pytest
from grid_world import GridWorld

from aira_agents.errors import IncompatiblePolicyError, InputError
from aira_agents.human.coach import COACH
from aira_agents.human.inbox import Inbox
from aira_agents.human.tamer import TAMER
from aira_agents.human.teacher import Teacher
from aira_agents.learning.train import train
from aira_agents.policies import Rule
from aira_agents.policies.mlp import MLPPolicy
from aira_agents.policies.networks import Network
from aira_agents.populations import with_columns
from aira_agents.statistics import mean_interval
from aira_agents.store.events import FeedbackEvent
from environments.thermostat import Thermostat

TABLE = Network("tabular", bins=2)
RECORDS = {"tamer": TAMER(learning_rate=0.05), "coach": COACH(learning_rate=1.0)}
both = pytest.mark.parametrize("name", RECORDS)


def always_second(observation, key):
    del observation, key
    return jnp.ones((), jnp.int32)


def along_the_wall(observation, key):
    del key
    return jnp.where(observation["x"] < 4, 3, 0).astype(jnp.int32)


def taught(record, world, expert, n_updates, n_seeds, network=TABLE, **faults):
    """Returns the metrics of each seed and update."""
    build = network.builders(world)[world.roles[0].name]
    learner = record.learner(world, build, experts={world.roles[0].name: Rule(expert)}, teacher=Teacher(**faults))

    def run(key):
        return jax.lax.scan(lambda s, _: learner.update(s), learner.init(key), None, n_updates)[1]

    return {k: np.asarray(v) for k, v in jax.jit(jax.vmap(run))(jax.random.split(jax.random.key(0), n_seeds)).items()}


@both
def test_what_is_praised_is_done_though_the_world_pays_for_something_else(name):
    # The first arm earns nothing here either; only the teacher prefers the second.
    metrics = taught(RECORDS[name], probes.OneForever(max_steps=50), always_second, 40, 2)
    assert metrics["right"][:, -10:].mean() > 0.85
    assert metrics["right"][:, :2].mean() < metrics["right"][:, -10:].mean()


@both
def test_without_any_signal_nothing_is_learned(name):
    world = probes.OneForever(max_steps=50)
    build = TABLE.builders(world)["player"]
    learner = RECORDS[name].learner(world, build, experts={"player": Rule(always_second)}, teacher=Teacher(rate=0.0))
    state = learner.init(jax.random.key(0))
    after, metrics = jax.jit(learner.update)(state)
    np.testing.assert_array_equal(after.taught.vector, state.taught.vector)
    assert float(metrics["signals"]) == 0


@both
def test_the_budget_of_a_person_holds_over_all_updates(name):
    metrics = taught(RECORDS[name], probes.OneForever(max_steps=50), always_second, 30, 1, budget=17, rate=1.0)
    assert metrics["signals"].sum() == 17


def a_person_says(state, value, n, step_s=0.2):
    """Posts `n` signals on the first action of the agent that was just seen."""
    inbox = Inbox(step_s)
    window = state.last.active.shape[0]
    now = int(state.n_updates) * window
    chosen = [at for at in range(window) if int(state.last.actions["choose"][at, 0, 0]) == 1]
    at = now - window + chosen[0]
    events = [
        FeedbackEvent(f"{i}", at * step_s + 0.01, at, 1, value, "somebody", "evaluation", "probe", "s")
        for i in range(n)
    ]
    receipt = inbox.post(events)
    assert len(receipt.stored) == n and not receipt.refused
    return inbox.hand_over(state), chosen


@both
@pytest.mark.parametrize("value", [1.0, -1.0])
def test_thirty_signals_of_a_person_change_the_policy_in_their_direction(name, value):
    world = probes.OneForever(max_steps=10_000)
    build = functools.partial(MLPPolicy.build, hidden=(16,))
    record = {"tamer": TAMER(low_s=0, high_s=0, epsilon=1.0), "coach": COACH(low_s=0, high_s=0)}[name]
    learner = record.learner(world, build)
    update = jax.jit(learner.update)
    state, _ = update(learner.init(jax.random.key(1)))
    said, _ = a_person_says(state, value, 30)

    def preference(state):
        logits, _ = learner.policies(state)["player"](jnp.ones(1), None)
        return float(logits[1] - logits[0])

    after, metrics = update(said)
    unsaid, _ = update(state)
    assert float(metrics["signals"]) == 30
    assert (preference(after) - preference(unsaid)) * value > 0


def test_people_are_refused_for_a_reason_and_the_rest_goes_on():
    learner = COACH().learner(probes.OneForever(max_steps=10_000), TABLE.builders(probes.OneForever())["player"])
    state = learner.init(jax.random.key(0))
    for _ in range(3):
        state, _ = jax.jit(learner.update)(state)  # steps 0..23 are over, 16..23 remembered
    inbox = Inbox(0.2)

    def event(name, **values):
        sound = {"time_s": 4.1, "step": 20, "uid": 1, "signal": 1.0}
        rest = {"who": "w", "channel": "evaluation", "world": "probe", "session": "s"}
        return FeedbackEvent(name, **sound | values, **rest)

    nonsense = [event("nan", signal=float("nan")), event("late clock", time_s=1e6), event("good"), event("good")]
    receipt = inbox.post([*nonsense, event("old", step=3), event("ahead", step=24), event("ghost", uid=99)])
    assert set(receipt.stored) == {"late clock", "good", "old", "ahead", "ghost"}
    assert "finite" in receipt.refused["nan"] and "counts once" in receipt.refused["good"]
    state = inbox.hand_over(state)
    assert int(state.inbox.given.sum()) == 2  # a clock that is off does no harm
    assert {name: reason.split(":")[0] for name, reason in inbox.refused.items()} == {
        "old": "it is about step 3; steps before 16 are forgotten.",
        "ahead": "it is from the future",
        "ghost": "no agent with uid 99 lived in step 20.",
    }


def test_signals_about_the_dead_or_another_world_are_refused_and_any_order_will_do():
    world = probes.One(n_players=1, max_steps=10, dies=1)  # who acts dies, and lives again in the next world
    learner = COACH().learner(world, TABLE.builders(world)["player"])
    state, _ = jax.jit(learner.update)(learner.init(jax.random.key(0)))
    dead = eqx.tree_at(lambda s: s.last.active, state, state.last.active.at[3].set(False))
    inbox = Inbox(0.2, "probe")

    def event(name, step, world="probe"):
        return FeedbackEvent(name, 0.0, step, 1, 1.0, "w", "evaluation", world, "s")

    receipt = inbox.post([event("late", 7), event("early", 2), event("dead", 3), event("elsewhere", 4, "foraging")])
    assert receipt.refused == {"elsewhere": "it is about the world 'foraging'; here runs 'probe'."}
    signals = inbox.hand_over(dead).inbox
    assert inbox.refused == {"dead": "no agent with uid 1 lived in step 3."}
    np.testing.assert_allclose(np.asarray(signals.time_s)[np.asarray(signals.given)], [-0.2, -1.2], atol=1e-5)


class TwoCues(probes.Bandit):
    """The second arm is right if both cues are alike: neither alone says anything."""

    @property
    def roles(self):
        (role,) = super().roles
        cue = dataclasses.replace(role.sensors[0], name="cue")
        return (dataclasses.replace(role, sensors=(*role.sensors, cue)),)

    def reset(self, key):
        cue_key, shown_key = jax.random.split(key)
        shown = jax.random.rademacher(shown_key, (self.n_players,), jnp.float32)
        return with_columns(super().reset(cue_key), "player", shown=shown)


def if_alike(observation, key):
    del key
    return (observation["shown"] == observation["cue"]).astype(jnp.int32)


@pytest.mark.slow
def test_deep_tamer_learns_what_no_linear_model_of_a_person_can_tell():
    at_once = {"low_s": 0.0, "high_s": 0.0}
    record, world = TAMER(learning_rate=0.01, n_worlds=4, **at_once), TwoCues()

    def right(hidden):
        learner = record.learner(
            world,
            functools.partial(MLPPolicy.build, hidden=hidden),
            experts={"player": Rule(if_alike)},
            teacher=Teacher(rate=1.0, mistakes=0.0, **at_once),
        )
        metrics = jax.jit(lambda key: jax.lax.scan(lambda s, _: learner.update(s), learner.init(key), None, 60)[1])
        return float(metrics(jax.random.key(0))["right"][-20:].mean())

    assert right((16,)) > 0.9 and right(()) < 0.7


def test_more_signals_than_an_update_takes_wait_for_the_next():
    world = probes.OneForever(max_steps=10_000)
    learner = COACH(inbox_size=4).learner(world, TABLE.builders(world)["player"])
    state, _ = jax.jit(learner.update)(learner.init(jax.random.key(0)))
    inbox = Inbox(0.2)
    inbox.post([FeedbackEvent(str(i), 0.0, 2, 1, 1.0, "w", "evaluation", "probe", "s") for i in range(6)])
    counts = []
    for _ in range(3):
        state = inbox.hand_over(state)
        counts.append(int(state.inbox.given.sum()))
    assert counts == [4, 2, 0]


def test_teaching_runs_in_the_same_host_loop(tmp_path):
    world = probes.OneForever(max_steps=50)
    record, build = RECORDS["coach"], TABLE.builders(world)["player"]
    learner = record.learner(world, build, experts={"player": Rule(always_second)}, teacher=Teacher())
    whole = train(learner, n_steps=160, folder=tmp_path / "whole", between=Inbox(0.2).hand_over, updates_per_dispatch=5)
    train(learner, n_steps=80, folder=tmp_path / "cut", updates_per_dispatch=5)
    resumed = train(learner, n_steps=160, folder=tmp_path / "cut", resume=True, updates_per_dispatch=5)
    np.testing.assert_array_equal(whole.state.taught.vector, resumed.state.taught.vector)


def test_one_role_of_several_is_taught():
    learner = TAMER().learner(probes.Opposites(), functools.partial(MLPPolicy.build, hidden=(8,)), role="rival")
    state, _ = jax.jit(learner.update)(jax.jit(learner.init)(jax.random.key(0)))
    assert set(learner.policies(state)) == {"player", "rival"}


def test_what_cannot_be_taught_is_refused():
    world = probes.Bandit()
    build = TABLE.builders(world)["player"]
    with pytest.raises(InputError, match="Unknown role 'pupil'"):
        TAMER().learner(world, build, role="pupil")
    with pytest.raises(InputError, match="needs an expert"):
        TAMER().learner(world, build, teacher=Teacher())
    with pytest.raises(InputError, match="reaches back"):
        TAMER().learner(world, build, experts={"player": Rule(always_second)}, teacher=Teacher(high_s=5.0))
    with pytest.raises(IncompatiblePolicyError, match="list of actions"):
        TAMER().learner(Thermostat(), functools.partial(MLPPolicy.build))
    gru = Network("gru").builders(world)["player"]
    with pytest.raises(IncompatiblePolicyError, match="cannot teach a network with a memory"):
        COACH().learner(world, gru)


@pytest.mark.slow
def test_a_window_of_credit_restores_what_delay_destroys():
    network = Network("tabular")
    record = TAMER(learning_rate=0.05)
    at_once = {"low_s": 0.0, "high_s": 0.0}
    runs = {
        "prompt": taught(TAMER(learning_rate=0.05, **at_once), GridWorld(), along_the_wall, 200, 8, network, **at_once),
        "late": taught(TAMER(learning_rate=0.05, **at_once), GridWorld(), along_the_wall, 200, 8, network),
        "window": taught(record, GridWorld(), along_the_wall, 200, 8, network),
    }
    right = {name: mean_interval(metrics["right"][:, -50:].mean(axis=1)) for name, metrics in runs.items()}
    # Both the teacher's delay (late 0.2 to 0.8 s, one to four steps) and what is done about it matter.
    assert right["late"].high < right["window"].low, right
    assert right["window"].estimate <= right["prompt"].high, right


@pytest.mark.slow
def test_praise_for_news_only_is_kept_by_coach():
    metrics = taught(
        COACH(learning_rate=1.0), GridWorld(), along_the_wall, 300, 8, Network("tabular"), standard="improvement"
    )
    early, late = metrics["right"][:, :20].mean(axis=1), metrics["right"][:, -50:].mean(axis=1)
    gained = mean_interval(late - early)
    assert gained.low > 0, gained
