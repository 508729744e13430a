"""A class: who may come in, and what they may say."""

import pytest

from aira_agents.human.classroom import AWAY_S, MOST_STUDENTS, Classroom, RefusedError


@pytest.fixture
def clock():
    return [0.0]


@pytest.fixture
def room(clock):
    return Classroom("ABC234", clock=lambda: clock[0])


def test_the_code_lets_in_and_a_wrong_one_does_not(room):
    room.check_code(" abc234 ", "here")
    with pytest.raises(RefusedError, match="not the code"):
        room.check_code("ABC235", "here")
    with pytest.raises(RefusedError, match="not the code"):
        room.check_code("ÄÖÜ\u2028", "here")


def test_a_guesser_is_slowed_down_and_learns_nothing_while_the_class_still_joins(room, clock):
    refusals = []
    for i in range(50):
        with pytest.raises(RefusedError) as refused:
            room.check_code(f"AAA{i:03}", "guesser")
        refusals.append(str(refused.value))
    assert refusals.count("That is not the code of this class.") == 8
    with pytest.raises(RefusedError, match="Too many"):
        room.check_code("ABC234", "guesser")  # the right one, now too late
    room.check_code("ABC234", "a student")
    clock[0] += 60
    room.check_code("ABC234", "guesser")


def test_guessers_with_many_addresses_are_slowed_down_together(room):
    for i in range(200):
        with pytest.raises(RefusedError):
            room.check_code("WRONG1", f"address {i}")
    with pytest.raises(RefusedError, match="Too many"):
        room.check_code("WRONG1", "a new address")


def test_everybody_gets_a_name_and_a_secret_of_their_own(room):
    students = [room.join(f"who{i}") for i in range(MOST_STUDENTS)]
    assert len({s.name for s in students}) == len({s.token for s in students}) == MOST_STUDENTS
    assert all(s.name.replace(" ", "").isalpha() for s in students)
    with pytest.raises(RefusedError, match="full"):
        room.join("one more")


def test_a_forged_token_is_nobodys_and_who_was_taken_out_stays_out(room):
    ann = room.join("ann")
    assert room.student(ann.token) is ann
    for forged in ("", "ann", ann.who, ann.name, ann.token[:-1]):
        with pytest.raises(RefusedError, match="not in this class"):
            room.student(forged)
    assert room.remove(ann.name) is ann and room.remove(ann.name) is None
    with pytest.raises(RefusedError, match="not in this class"):
        room.student(ann.token)


def test_a_phone_that_sleeps_is_away_and_comes_back(room, clock):
    ann = room.join("ann")
    clock[0] += AWAY_S + 1
    assert room.students() == [(ann, False)]
    room.student(ann.token)
    assert room.students() == [(ann, True)]


def test_what_is_not_asked_for_is_refused_in_words(room):
    ann = room.join("ann")
    with pytest.raises(RefusedError, match="not time to vote"):
        room.check_may(ann, "vote")
    room.set_mode("vote")
    room.check_may(ann, "vote")
    room.freeze(True)
    with pytest.raises(RefusedError, match="Frozen"):
        room.check_may(ann, "vote")


def test_a_bot_is_heard_no_more_often_than_a_quick_person(room, clock):
    bot, ann = room.join("bot"), room.join("ann")
    room.set_mode("vote")
    heard = 0
    for _ in range(500):  # fifty a second, for ten seconds
        clock[0] += 0.02
        try:
            room.check_may(bot, "vote")
            heard += 1
        except RefusedError as refused:
            assert "Slower" in str(refused)
    assert heard <= 20 + 8 * 10
    room.check_may(ann, "vote")
