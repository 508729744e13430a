"""A class teaches together: votes, keys and answers over real sockets, good people and bad."""

import json
import re
import time
import urllib.error
import urllib.request

import numpy as np
import pytest
from class_server import CODE, Phone, class_of
from test_page_teaching import begun, make, walk, weights  # noqa: F401  fixtures
from websockets.exceptions import ConnectionClosed

from aira_agents.human.classroom import Classroom, RefusedError
from viz.classroom.asking import new_pair, new_riddle
from viz.classroom.quiz import Quiz
from viz.classroom.results import results_page
from viz.classroom.stage import Stage
from viz.settings import SETTINGS

ICON = '<link rel="icon" href="data:,">'
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def lab(make):  # noqa: F811
    return make()


@pytest.fixture
def served(lab, monkeypatch):
    begun(lab)
    with class_of(lab, monkeypatch) as (port, stage):
        yield port, stage


def taught(stage, n, seconds=10):
    """Waits until the class has taught `n` lessons."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and len(stage.lab.teaching.log) < n:
        stage.tick()
        time.sleep(0.05)
    assert len(stage.lab.teaching.log) >= n
    stage.lab.teaching.live.settle()


def events(stage, **equal):
    return stage.lab.teaching.notebook.store.events(**equal)


def test_a_class_votes_each_once_a_question_and_the_policy_moves_as_most_wish(served, lab):
    port, stage = served
    phones = [Phone(port) for _ in range(5)]
    assert len({p.name for p in phones}) == 5 and phones[0].until("state")["mode"] == "wait"
    assert "not time to vote" in phones[0].vote("early", 1, 3)["reason"]
    stage.room.set_mode("vote")
    before = weights(lab)
    for i, phone in enumerate(phones):
        assert phone.vote(f"v{i}", 1 if i < 4 else -1, 3)["kind"] == "stored"
    taught(stage, 1)
    (entry,) = lab.teaching.log
    assert 0 < entry.said.value <= 1 and entry.said.who == lab.teaching.notebook.who
    assert not np.array_equal(before, weights(lab))
    kept = events(stage, channel="vote")
    assert len({e.who for e in kept}) == 5 and sorted(e.signal for e in kept) == [-1, 1, 1, 1, 1]
    assert phones[0].frames > 0
    page = results_page(stage)
    assert "Students who joined</th><td>5" in page and not any(p.name in page for p in phones)
    for phone in phones:
        phone.close()


def test_what_is_sent_again_counts_once_and_who_was_cut_off_comes_back_as_the_same(served):
    port, stage = served
    stage.room.set_mode("vote")
    phone = Phone(port)
    assert [phone.vote("v1", 1, 3)["kind"] for _ in range(3)] == ["stored"] * 3
    phone.close()  # the network is lost, and the answer with it
    again = Phone(port, token=phone.token)
    assert again.name == phone.name and again.vote("v1", 1, 3)["kind"] == "stored"
    assert len(events(stage, channel="vote")) == 1
    assert len(stage.room.students()) == 1
    again.close()


def test_each_steers_an_agent_of_their_own_and_what_they_do_is_learned(served, lab):
    port, stage = served
    stage.room.set_mode("steer")
    phones = [Phone(port) for _ in range(4)]
    answers = [phone.say("p", "press", action="right") for phone in phones]
    assert [a["kind"] for a in answers] == ["stored"] * 3 + ["no"] and "led by others" in answers[3]["reason"]
    walk(lab, 1)
    assert np.asarray(lab.model.value.transition.decisions["forager"].actions["move"]).tolist() == [4, 4, 4]
    kept = events(stage, channel="takeover")
    assert len(kept) == 3 and len({e.who for e in kept}) == 3
    assert "action" in phones[0].say("q", "press", action="fly")["reason"]
    stage.remove(phones[0].name)
    assert len(lab.teaching.leading.helm.leads) == 2
    for phone in phones:
        phone.close()


def test_clips_are_dealt_so_that_each_pair_is_judged_by_several():
    quiz = Quiz()
    for _ in range(4):
        quiz.add((), ("first", "second", "equal"))
    for who in range(6):
        for _ in range(2):  # nobody has time for all of them
            quiz.answer(str(who), quiz.deal(str(who)).id, "equal")
    assert [sum(one.values()) for one in quiz.counts()] == [3, 3, 3, 3]
    assert quiz.matrix().shape == (4, 6)
    with pytest.raises(RefusedError, match="answered that one"):
        quiz.answer("0", next(id for id, given in quiz.given.items() if "0" in given), "first")
    quiz.retract("0")
    assert sum(sum(one.values()) for one in quiz.counts()) == 10


def test_clips_are_compared_with_equal_and_skip_and_shown_to_the_class_alone(served):
    port, stage = served
    new_pair(stage)
    stage.room.set_mode("compare")
    phones = [Phone(port) for _ in range(3)]
    for phone, answer in zip(phones, ("second", "equal", "skip"), strict=True):
        question = phone.until("state")["question"]
        clip = urllib.request.Request(
            f"http://127.0.0.1:{port}/class/clip/{question['id']}/1", headers={"X-Token": phone.token}, method="POST"
        )
        assert len(urllib.request.urlopen(clip).read()) > 1000
        assert "one of" in phone.say("c0", "compare", question=question["id"], answer="best")["reason"]
        assert phone.say("c1", "compare", question=question["id"], answer=answer)["kind"] == "stored"
    assert stage.pairs.counts() == [{"first": 0, "second": 1, "equal": 1, "skip": 1}]
    kept = events(stage, channel="preference")
    assert sorted(e.signal for e in kept) == [1.0, 2.0]
    stage.teach_pairs()
    stage.teach_pairs()  # again: it counts once
    assert [round(e.said.value, 1) > 0 for e in stage.lab.teaching.log] == [False, True]
    with pytest.raises(urllib.error.HTTPError, match="403"):
        clip.headers["X-token"] = "forged"
        urllib.request.urlopen(clip)
    for phone in phones:
        phone.close()


def test_guesses_are_judged_and_nobody_is_told_the_truth_beforehand(served):
    port, stage = served
    new_riddle(stage)
    stage.room.set_mode("guess")
    phone = Phone(port)
    question = phone.until("state")["question"]
    assert "truth" not in json.dumps(question)
    phone.say("g", "guess", question=question["id"], answer=stage.riddles.questions[0].truth)
    assert stage.riddles.share_right() == 1.0
    phone.close()


def test_nobody_comes_in_without_the_code_or_without_agreeing_and_nothing_is_kept_of_them(served):
    port, stage = served
    people = stage.lab.teaching.notebook.store.participants()
    refused = [
        Phone(port, code="WRONG2"),
        Phone(port, agreed=False),
        Phone(port, agreed="yes"),
        Phone(port, token="forged"),
        Phone(port, token=people[0]),  # the lecturer's own id is no key
    ]
    assert all(phone.me["kind"] == "out" for phone in refused)
    assert stage.lab.teaching.notebook.store.participants() == people and stage.room.students() == []


def test_nonsense_is_refused_in_words_and_the_class_goes_on(served, lab):
    port, stage = served
    stage.room.set_mode("vote")
    phone = Phone(port)
    for i, (message, reason) in enumerate(
        [
            ({"kind": "vote", "value": "yes", "step": 3, "age_s": 1}, "number"),
            ({"kind": "vote", "value": 1, "step": 10**30, "age_s": 1}, "nobody has seen"),
            ({"kind": "vote", "value": 1, "step": -1, "age_s": 1}, "nobody has seen"),
            ({"kind": "vote", "value": 1}, "no sense"),
            ({"kind": "__class__"}, "Nothing is known"),
            ({"kind": "freeze"}, "Nothing is known"),  # what only the lecturer does
        ]
    ):
        assert reason in phone.say(f"n{i}", **message)["reason"]
    for raw in ("[1, 2]", "{", "[" * 1500, "null"):
        phone.socket.send(raw)
        assert "no sense" in phone.until("no")["reason"]
    assert "id" in phone.say(None, "vote", value=1, step=3, age_s=1)["reason"]
    assert phone.vote("x" * 65, 1, 3)["kind"] == "no"
    assert phone.vote("late clock", 1, 3, age_s=36_000)["kind"] == "stored"
    assert events(stage)[-1].time_s < 3600
    big = Phone(port)
    with pytest.raises(ConnectionClosed):  # said in words, then closed
        big.socket.send("x" * 10_000_000)
        assert "10,000,000 characters" in big.until("out")["reason"]
        big.until("never")
    assert phone.vote("still here", 1, 3)["kind"] == "stored"
    phone.close()


def test_names_agents_and_people_that_are_forged_count_for_nothing(served, lab):
    port, stage = served
    stage.room.set_mode("vote")
    markup = "<img src=x onerror=alert(1)>"
    ann, ben = Phone(port, name=markup, who="0123456789abcdef"), Phone(port)
    assert ann.name.replace(" ", "").isalpha() and markup not in results_page(stage)
    judged, lecturer = lab.teaching.subject(), lab.teaching.notebook.who
    forged = {"uid": judged + 1, "who": lecturer, "token": ben.token, "session": "another", "channel": "evaluation"}
    assert ann.say("v", "vote", value=1, step=3, age_s=1, **forged)["kind"] == "stored"
    (kept,) = events(stage)
    student = stage.room.student(ann.token)
    assert (kept.uid, kept.who, kept.channel) == (judged, student.who, "vote")
    assert kept.session == lab.teaching.notebook.session
    assert ben.vote("v", -1, 3)["kind"] == "stored"  # the packet of another, replayed, is one's own vote
    assert sorted((e.who == student.who, e.signal) for e in events(stage)) == [(False, -1.0), (True, 1.0)]
    stage.room.set_mode("steer")
    ann.say("p", "press", action="left", uid=judged)
    ben.say("p", "press", action="right", uid=stage.lab.teaching.leading.helm.leads[student.who], who=student.who)
    assert len(set(lab.teaching.leading.helm.leads.values())) == 2  # to each their own
    for phone in (ann, ben):
        phone.close()


def test_frozen_ended_and_closed_classes_say_so_and_nothing_is_lost(served, lab):
    port, stage = served
    stage.room.set_mode("vote")
    phone = Phone(port)
    phone.vote("a", 1, 3)
    stage.room.freeze(True)
    assert "Frozen" in phone.vote("b", 1, 3)["reason"]
    stage.room.freeze(False)
    SETTINGS.stage = None  # the lecturer's page is closed
    assert "page is closed" in phone.vote("c", 1, 3)["reason"]
    while not phone.state.get("closed"):
        phone.until("state")
    SETTINGS.stage = stage
    lab.teaching.stop()
    assert "not begun" in phone.vote("d", 1, 3)["reason"]
    assert len(events(stage, channel="vote")) == 1
    phone.close()


def test_who_is_taken_out_is_told_and_does_not_count_any_more(served):
    port, stage = served
    stage.room.set_mode("vote")
    phone = Phone(port)
    phone.vote("a", -1, 3)
    stage.remove(phone.name)
    assert "took you out" in phone.until("out")["reason"]
    assert stage.ballot.people == []
    assert Phone(port, token=phone.token).me["kind"] == "out"


def test_the_phones_page_runs_no_script_but_its_own(served):
    port, _ = served
    answer = urllib.request.urlopen(f"http://127.0.0.1:{port}/class")
    text, policy = answer.read().decode(), answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy and CODE not in text
    assert "img-src 'self' data:" in policy and ICON in text  # or a browser asks for one, and complains
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/class/hub.js")


def test_the_results_tell_how_far_a_class_agreed_in_all_that_it_was_asked(lab):
    stage = Stage(Classroom(CODE), lab)
    for question, vote in enumerate((1, -1, 1)):
        for who in ("ann", "ben"):
            stage.ballot.cast(question, who, vote)
    stage.curve = [1.0, -1.0, 1.0]
    for quiz, answers in ((stage.pairs, ("first", "second")), (stage.riddles, ("human", "network"))):
        for number in range(2):
            question = quiz.add((), answers)
            quiz.answer("ann", question.id, answers[number])
            quiz.answer("ben", question.id, answers[number if quiz is stage.pairs else 0])
    page = results_page(stage)
    told = dict(re.findall(r"<th>Agreement when ([a-z ]+) [^<]*</th><td>([^<]*)</td>", page))
    assert told["voting"] == told["comparing clips"] == "1.00" and float(told["guessing"]) < 0.5
    assert stage.room.mode == "wait" and page == results_page(stage)
    assert "Pair 2: first 0, second 2, skip 0" in page and "Riddle 1: human 2, network 0, skip 0" in page
    assert len(re.search(r"<polyline points='([^']*)'", page)[1].split()) == 3 and "<script" not in page
