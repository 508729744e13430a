"""Teaching as the page does it, without a page: from what is said to the store, to who listens, into the world."""

import jax
import numpy as np
import pytest

from aira_agents.errors import InputError
from aira_agents.store import Store

pytestmark = pytest.mark.filterwarnings("ignore")  # Mesa, Solara and their friends warn of one another

SMALL = {"n_agents": 3, "width": 8, "height": 8, "vision_radius": 1}


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Makes tabs that share a database."""
    from viz.lab import Lab  # noqa: PLC0415  it starts Solara
    from viz.settings import SETTINGS  # noqa: PLC0415
    from viz.subjects import find_subject  # noqa: PLC0415

    monkeypatch.setattr(SETTINGS, "database", str(tmp_path / "aira.db"))
    monkeypatch.chdir(tmp_path)  # a mix keeps what reward taught in `results`
    made = []

    def new(subject="foraging", **values):
        lab = Lab(find_subject(subject))
        lab.values |= SMALL | values if subject == "foraging" else values
        lab.model.value = lab.model_class(rng=0)
        made.append(lab)
        return lab

    yield new
    for lab in made:
        lab.close()


@pytest.fixture
def lab(make):
    return make()


def begun(lab, listener="coach", token="", steps=3):
    who = lab.teaching.agree(token)
    lab.teaching.begin(listener)
    assert lab.teaching.said.value == ""
    walk(lab, steps)
    return who


def walk(lab, n):
    for _ in range(n):
        lab.model.value.step()


def weights(lab):
    lab.teaching.live.settle()
    return np.asarray(lab.teaching.live.course.flat.flatten(lab.teaching.live.network))


def approve(lab, n, value=1.0, first=0):
    for i in range(n):
        lab.teaching.signal(f"s{first + i}", value, lab.teaching.subject(), lab.model.value.steps, 5.0)


def acted(lab):
    """Returns the probability of what the judged agent did last, now and in the policy that acts in the world."""
    shown, live = lab.teaching.reel.last, lab.teaching.live
    row = np.flatnonzero(shown.uid == lab.teaching.subject())[0]
    logits = live.network(jax.numpy.asarray(shown.features[row]), None)[0]
    return float(jax.nn.softmax(logits)[shown.actions["move"][row]])


def test_nothing_is_stored_before_somebody_agreed(lab, tmp_path):
    lab.teaching.begin()
    assert "Nobody has agreed" in lab.teaching.said.value
    with pytest.raises(InputError, match="Nobody listens"):
        approve(lab, 1)
    assert not (tmp_path / "aira.db").exists()


def test_thirty_approvals_change_the_policy_that_acts_in_the_approved_direction(lab):
    begun(lab)
    before = acted(lab)
    approve(lab, 30)
    weights(lab)
    assert acted(lab) > before + 0.2
    in_world = lab.model.value.policies["forager"].policy.policy
    assert np.array_equal(in_world.layers[0].weight, lab.teaching.live.network.layers[0].weight)
    assert len(lab.teaching.log) == 30 and lab.choice.value == "taught here"


def test_undo_takes_the_credit_back_exactly(lab):
    begun(lab)
    approve(lab, 3)
    before = weights(lab)
    approve(lab, 1, value=-2.0, first=3)
    assert not np.array_equal(before, weights(lab))
    lab.teaching.undo()
    assert np.array_equal(before, weights(lab))
    for _ in range(3):
        lab.teaching.undo()
    assert np.array_equal(weights(lab), lab.teaching.live.course.flat.flatten(lab.teaching.live.course.untrained()))
    with pytest.raises(InputError, match="nothing to take back"):
        lab.teaching.undo()


def test_a_restart_of_the_server_loses_nothing_that_was_acknowledged(make):
    first = make()
    who = begun(first)
    approve(first, 5)
    first.teaching.undo()
    taught = weights(first)
    del first  # killed: nothing is closed

    second = make()
    assert second.teaching.agree(who) == who
    (run,) = second.teaching.notebook.earlier()
    second.teaching.begin(run=run)
    assert np.array_equal(weights(second), taught)
    walk(second, 2)
    approve(second, 1, first=9)
    assert len(second.teaching.log) == 5
    events = second.teaching.notebook.store.events(session=run.record["session"])
    assert [e.step for e in events] == sorted(e.step for e in events) and events[-1].id == "s9"


def test_a_signal_sent_again_counts_once(lab):
    begun(lab)
    approve(lab, 1)
    once = weights(lab)
    approve(lab, 1)
    assert np.array_equal(once, weights(lab)) and len(lab.teaching.log) == 1


def test_steps_of_a_person_who_leads_are_stored_and_in_the_next_update(lab):
    who = begun(lab, "take-over")
    teaching, uid = lab.teaching, lab.teaching.subject()
    before = weights(lab)
    teaching.leading.helm.take(who, uid)
    rows = []
    for _ in range(10):
        teaching.leading.helm.press(who, "right")
        walk(lab, 1)
        rows.append(int(lab.model.value.transition.decisions["forager"].actions["move"][uid - 1]))
    teaching.leading.helm.press(who, None)
    walk(lab, 1)  # it waits, and nothing is learned of that
    teaching.leading.helm.release(who)
    walk(lab, 2)
    assert rows == [teaching.leading.helm.actions.index("right")] * 10
    events = teaching.notebook.store.events(channel="takeover")
    assert [(e.uid, e.signal, e.step) for e in events] == [(uid, 4.0, step) for step in range(4, 14)]
    assert not np.array_equal(before, weights(lab)) and teaching.live.n_learned == 10
    shown = teaching.reel.last
    logits = teaching.live.network(jax.numpy.asarray(shown.features[uid - 1]), None)[0]
    assert int(np.argmax(logits)) == teaching.leading.helm.actions.index("right")
    with pytest.raises(InputError, match="heeds only what you do"):
        approve(lab, 1)


def test_dagger_lets_the_agent_go_its_way_and_learns_what_would_have_been_right(lab):
    who = begun(lab, "DAgger")
    teaching, uid = lab.teaching, lab.teaching.subject()
    teaching.leading.helm.take(who, uid)
    teaching.leading.helm.press(who, "right")
    model = lab.model.value
    for _ in range(10):
        by_itself = model.ahead().decisions["forager"].actions["move"]
        walk(lab, 1)
        assert np.array_equal(model.transition.decisions["forager"].actions["move"], by_itself)
        teaching.live.settle()
    events = teaching.notebook.store.events(channel="takeover")
    assert [(e.uid, e.signal) for e in events] == [(uid, 4.0)] * 10
    logits = teaching.live.network(jax.numpy.asarray(teaching.reel.last.features[uid - 1]), None)[0]
    assert int(np.argmax(logits)) == teaching.leading.helm.actions.index("right")


def test_who_listens_to_comparisons_heeds_no_praise(lab):
    begun(lab, "preferences")
    with pytest.raises(InputError, match="which clip is better"):
        approve(lab, 1)


def test_signals_about_nobody_the_future_or_the_forgotten_past_are_refused(lab):
    begun(lab)
    for uid, step, reason in ((99, 3, "No agent 99"), (1, 7, "about step 7"), (1, 0, "press Step first")):
        with pytest.raises(InputError, match=reason):
            lab.teaching.signal("x", 1.0, uid, step, 1.0)
    with pytest.raises(InputError, match="finite"):
        lab.teaching.signal("x", float("nan"), 1, 3, 1.0)
    assert lab.teaching.notebook.store.events() == []


def test_reset_goes_on_with_what_was_taught_and_steps_count_on(lab):
    begun(lab)
    approve(lab, 2)
    taught = weights(lab)
    lab.model.value = lab.model_class(rng=1)
    walk(lab, 2)
    assert np.array_equal(lab.model.value.policies["forager"].policy.policy.layers[0].weight[0, 0], taught[0])
    approve(lab, 1, first=2)
    assert [e.step for e in lab.teaching.notebook.store.events()] == [3, 3, 6]


def test_a_world_with_other_senses_ends_the_teaching_in_words(lab):
    begun(lab)
    lab.values["vision_radius"] = 2
    lab.model.value = lab.model_class(rng=1)
    walk(lab, 1)
    assert lab.teaching.live is None and "perceive otherwise" in lab.teaching.said.value


def test_another_persons_teaching_is_not_offered(make):
    begun(make())
    other = make()
    other.teaching.agree("0123456789abcdef")
    assert other.teaching.notebook.earlier() == []
    with Store(other.teaching.notebook.store.where) as store:
        assert len(store.participants()) == 2


def test_agents_that_act_by_numbers_cannot_be_taught_and_that_is_said(make):
    lab = make("thermostat")
    lab.teaching.agree()
    lab.teaching.begin()
    assert "acts by numbers" in lab.teaching.said.value and not lab.teaching.is_on


def test_what_was_done_in_the_better_clip_becomes_more_probable_and_equal_and_skip_teach_nothing(lab):
    from viz.comparing import Comparing  # noqa: PLC0415

    begun(lab)
    comparing = Comparing(lab.teaching)
    before = weights(lab)
    for answer in ("equal", "skip"):
        comparing.ask()
        assert comparing.pair.value is not None
        comparing.answer(answer)
        assert comparing.pair.value is None
    assert np.array_equal(before, weights(lab))
    comparing.ask()
    first, second = comparing.pair.value
    assert first.lesson.credit.sum() == pytest.approx(1) and first.uid > 0
    untaught = [likelihood(lab, clip) for clip in (first, second)]
    comparing.answer("second")
    weights(lab)
    taught = [likelihood(lab, clip) for clip in (first, second)]
    assert taught[1] - taught[0] > untaught[1] - untaught[0] + 0.001
    kept = lab.teaching.notebook.store.events(channel="preference")
    assert [e.signal for e in kept] == [0.0, -1.0, 1.0]


def likelihood(lab, clip):
    """Returns how probable what was done in a clip is, on average, as a logarithm."""
    logits = jax.vmap(lambda row: lab.teaching.live.network(row, None)[0])(jax.numpy.asarray(clip.lesson.features))
    chances = jax.nn.log_softmax(logits)
    return float(np.mean([chances[i, action] for i, action in enumerate(clip.lesson.actions["move"])]))


def test_what_was_about_to_be_done_is_forbidden_in_that_step_and_less_probable_from_then_on(lab):
    from viz.vetoing import about_to, veto  # noqa: PLC0415

    begun(lab)
    teaching, uid = lab.teaching, lab.teaching.subject()
    names = teaching.leading.helm.actions
    for i in range(4):
        name, lesson = about_to(teaching)
        before = np.asarray(teaching.live.network(jax.numpy.asarray(lesson.features[0]), None)[0])
        veto(teaching, f"v{i}")
        weights(lab)
        after = np.asarray(teaching.live.network(jax.numpy.asarray(lesson.features[0]), None)[0])
        action = names.index(name)
        assert jax.nn.softmax(after)[action] < jax.nn.softmax(before)[action]
        walk(lab, 1)
        assert int(lab.model.value.transition.decisions["forager"].actions["move"][uid - 1]) != action
    name, _ = about_to(teaching)
    walk(lab, 1)  # nothing is forbidden any more
    assert names[int(lab.model.value.transition.decisions["forager"].actions["move"][uid - 1])] == name
    assert [e.channel for e in teaching.notebook.store.events()] == ["veto"] * 4
