"""A class with trolls in it still teaches what most of it wants; counting clicks would not."""

import jax
import jax.numpy as jnp
import numpy as np
import probes
import pytest

from aira_agents.human.course import Course
from aira_agents.human.listening import Coached
from aira_agents.human.reel import Lesson
from aira_agents.human.verdicts import Ballot
from aira_agents.policies.networks import Network

WORLD = probes.OneForever(max_steps=1000)
ROLE = WORLD.roles[0]
HONEST, MISTAKES, QUESTIONS = 12, 0.2, 120
RIGHT = 1  # the action that the class wants
SEEDS = range(3)


def always_no(right, rng):
    return -1


def contrary(right, rng):
    return -1 if right else 1


@pytest.fixture(scope="module")
def course():
    return Course(
        Coached(learning_rate=0.1), WORLD, probes.ROLE, Network("mlp", hidden=(8,)).builders(WORLD)[probes.ROLE]
    )


def lesson(value, action):
    actions = {"choose": np.array([action], np.int32)}
    return Lesson(value, np.array([1]), np.ones(1, np.float32), np.zeros((1, ROLE.n_features), np.float32), {}, actions)


def taught(course, seed, trolls, clicks=1, robust=True):
    """Returns how probable the right action is after a class with these trolls, of `clicks` a question, taught it."""
    rng, ballot, state = np.random.default_rng(seed), Ballot(), course.begun(course.untrained())
    logits = jax.jit(lambda taught: course.network(taught)(jnp.zeros(ROLE.n_features), None)[0])

    def chance():
        return float(jax.nn.softmax(logits(state))[RIGHT])

    for question in range(QUESTIONS):
        action = RIGHT if rng.random() < chance() else 1 - RIGHT
        right, said = action == RIGHT, []
        for who in range(HONEST):
            if rng.random() < 0.7:
                said.append((f"honest {who}", 1 if right ^ (rng.random() < MISTAKES) else -1))
        said += [(f"troll {i}", troll(right, rng)) for i, troll in enumerate(trolls) for _ in range(clicks)]
        for who, vote in said:
            ballot.cast(question, who, vote)
        value = ballot.value_of(question) if robust else float(np.mean([vote for _, vote in said]))
        state = course.learn(state, lesson(value, action), question)
    return chance()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trolls", "clicks"),
    [((), 1), ((always_no,), 1), ((contrary,), 50), ((always_no,), 50), ((contrary,) * 3, 1)],
    ids=["nobody", "one who always says no", "a bot", "a bot that always says no", "a colluding fifth"],
)
def test_trolls_do_not_ruin_what_a_class_teaches(course, trolls, clicks):
    assert len(trolls) <= (HONEST + len(trolls)) / 5
    learned = [taught(course, seed, trolls, clicks) for seed in SEEDS]
    assert min(learned) > 0.9


@pytest.mark.slow
def test_counting_clicks_would_let_a_bot_teach_the_opposite(course):
    assert max(taught(course, seed, (contrary,), 50, robust=False) for seed in SEEDS) < 0.2
