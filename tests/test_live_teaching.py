"""People teach while a world runs: what a signal is about, what is learned of it, and how it is taken back."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import probes
import pytest

from aira_agents.errors import CorruptFileError, IncompatiblePolicyError, InputError
from aira_agents.hosting.steered import model_of, steered
from aira_agents.human.course import Course
from aira_agents.human.credit import CreditWindow
from aira_agents.human.listening import LISTENERS, Coached, Led, Tamed, find_listener
from aira_agents.human.live import KEPT, LiveTeaching
from aira_agents.human.reel import LAGS, Lesson, Reel
from aira_agents.policies.networks import Network
from environments.thermostat import Thermostat

WORLD = probes.OneForever(max_steps=1000, n_players=2)
ROLE = WORLD.roles[0]
BUILD = Network("mlp", hidden=(8,)).builders(WORLD)[probes.ROLE]
WINDOW = CreditWindow(low_s=0.2, high_s=0.8)


def filmed(times_s):
    """Returns a reel of a world whose steps were shown at these times, and the model."""
    model, reel = steered(model_of(type(WORLD)), lambda: {"max_steps": 1000, "n_players": 2})(rng=0), Reel(ROLE)
    for step, time_s in enumerate(times_s, 1):
        model.step()
        reel.add(step, time_s, model.transition)
    return reel, model


def lesson(value, action=1):
    """Returns a lesson about one step in which the agent chose `action`."""
    features = np.zeros((1, ROLE.n_features), np.float32)
    return Lesson(value, np.array([1]), np.ones(1, np.float32), features, {}, {"choose": np.array([action], np.int32)})


@pytest.fixture(scope="module", params=LISTENERS)
def course(request):
    return Course(LISTENERS[request.param](), WORLD, probes.ROLE, BUILD)


@pytest.fixture(scope="module")
def coach():
    return Course(Coached(), WORLD, probes.ROLE, BUILD)


def probability(network, action=1):
    return float(jax.nn.softmax(network(jnp.zeros(ROLE.n_features), None)[0])[action])


def test_credit_is_the_chance_that_the_delay_fell_into_the_time_a_step_was_shown():
    reel, model = filmed([0.0, 0.5, 0.6, 1.0])
    given = reel.lesson(1, 4, 0.1, 1.0, WINDOW)  # at 1.1 s: delays of 0.2 to 0.8 s mean 0.3 to 0.9 s
    assert given.steps.tolist() == [3, 2, 1]
    # Step 3 was shown from 0.6 to 1.0 s, of which 0.3 s count; and so on.
    assert given.credit == pytest.approx([0.5, 1 / 6, 1 / 3], abs=1e-5)
    acted = np.asarray(model.transition.decisions[probes.ROLE].actions["choose"])
    assert reel.lesson(2, 4, 9.0, 1.0, WINDOW).actions["choose"].tolist() == [acted[1]]


def test_while_the_world_is_paused_a_signal_is_about_what_is_seen():
    reel, _ = filmed([0.0, 0.1, 0.2])
    given = reel.lesson(1, 3, 3600.0, -9.0, WINDOW)
    assert (given.steps.tolist(), given.credit.tolist(), given.value) == ([3], [1.0], -2.0)


def test_a_late_screen_is_judged_by_what_it_showed():
    reel, _ = filmed([0.0, 0.1, 0.2, 0.3])
    assert reel.lesson(1, 2, 30.0, 1.0, WINDOW).steps.tolist() == [2]


def test_signals_about_nobody_or_about_no_step_are_refused_in_words():
    reel, _ = filmed(np.arange(2 * LAGS + 5) * 0.1)
    with pytest.raises(InputError, match="about step 1, but the steps that are remembered are 6 to"):
        reel.lesson(1, 1, 0.0, 1.0, WINDOW)
    with pytest.raises(InputError, match="No agent 7 lived"):
        reel.lesson(7, 60, 0.5, 1.0, WINDOW)
    reel.clear()
    with pytest.raises(InputError, match="press Step first"):
        reel.lesson(1, 1, 0.0, 1.0, WINDOW)


def test_a_demonstration_is_about_one_step_alone():
    reel, _ = filmed([0.0, 0.1, 0.2])
    shown = reel.demonstration(1, 2)
    assert (shown.steps.tolist(), shown.credit.tolist(), shown.value) == ([2], [1.0], 1.0)


def test_a_lesson_comes_back_from_its_bytes_and_damaged_ones_are_refused():
    reel, _ = filmed([0.0, 0.3, 0.5])
    given = reel.lesson(1, 3, 0.2, 0.5, WINDOW)
    again = Lesson.from_bytes(given.to_bytes())
    for field in dataclasses.fields(Lesson):
        one, other = getattr(given, field.name), getattr(again, field.name)
        assert jax.tree.all(jax.tree.map(np.array_equal, one, other)), field.name
    with pytest.raises(CorruptFileError):
        Lesson.from_bytes(given.to_bytes()[:-3])


def test_what_is_approved_becomes_more_probable_and_what_is_blamed_less(course):
    live = LiveTeaching(course)
    before = live.network
    live.teach({f"a{i}": lesson(1.0) for i in range(30)})
    assert live.settle()
    assert probability(live.network) > probability(before) + 0.05
    live.leave()
    if course.listener.heeds:
        blamed = LiveTeaching(course)
        blamed.teach({f"a{i}": lesson(-1.0) for i in range(30)})
        assert blamed.settle()
        assert probability(blamed.network) < probability(before) - 0.05
        blamed.leave()


def test_taking_a_lesson_back_leaves_what_would_be_had_it_never_come(course):
    given = {f"l{i}": lesson(1.0 if i % 3 else -1.0, i % 2) for i in range(KEPT + 8)}
    live, never = LiveTeaching(course), LiveTeaching(course)
    live.teach(given)
    live.take_back(["nobody's"])
    live.settle()
    for gone in ("l39", "l2"):  # a late one, whose state before is kept; and an early one
        learned = live.course.flat.flatten(live.network)
        live.take_back([gone])
        live.settle()
        del given[gone]
        assert not np.array_equal(learned, live.course.flat.flatten(live.network))
    never.teach(given)
    never.settle()
    assert np.array_equal(live.course.flat.flatten(live.network), never.course.flat.flatten(never.network))
    assert live.ids == list(given) and live.n_learned == len(given)
    live.leave()
    never.leave()
    live.join(10)


def test_the_same_lesson_counts_once_and_a_course_goes_on_from_its_lessons(coach):
    heard = []
    live = LiveTeaching(coach, learned=lambda: heard.append(live.n_learned))
    for _ in range(3):
        live.teach({"a": lesson(1.0)})
    live.teach({"b": lesson(-1.0, 0)})
    live.settle()
    again = LiveTeaching(coach, lessons={"a": lesson(1.0), "b": lesson(-1.0, 0)}.items())
    again.settle()
    assert np.array_equal(coach.flat.flatten(live.network), coach.flat.flatten(again.network))
    assert live.n_learned == 2 and heard
    live.leave()
    again.leave()


def test_teaching_goes_on_from_a_network_that_was_learned_otherwise(coach):
    other = BUILD(ROLE.n_features, ROLE.n_outputs, jax.random.key(5))
    live = LiveTeaching(coach, begin=other)
    assert np.array_equal(coach.flat.flatten(live.network), coach.flat.flatten(other))
    with pytest.raises(IncompatiblePolicyError, match="another kind"):
        LiveTeaching(coach, begin=Network("mlp", hidden=(4,)).builders(WORLD)[probes.ROLE](1, 2, jax.random.key(0)))


def test_what_cannot_be_taught_is_refused_before_anything_is_learned(coach):
    with pytest.raises(InputError, match="listener"):
        find_listener("nobody")
    assert find_listener("tamer") is Tamed and not Led.heeds
    with pytest.raises(InputError, match="role"):
        Course(Coached(), WORLD, "nobody", BUILD)
    room = Thermostat()
    with pytest.raises(IncompatiblePolicyError, match="acts by numbers"):
        Course(Coached(), room, "thermostat", Network("mlp").builders(room)["thermostat"])
    with pytest.raises(IncompatiblePolicyError, match="memory"):
        Course(Coached(), WORLD, probes.ROLE, Network("gru").builders(WORLD)[probes.ROLE])
    live = LiveTeaching(coach)
    wide = dataclasses.replace(lesson(1.0), features=np.zeros((1, 9), np.float32))
    with pytest.raises(IncompatiblePolicyError, match="set otherwise"):
        live.teach({"a": wide})
    assert live.ids == []
