"""A world at a pace steps on by itself: a key that is pressed in time is the action, and else it is said who acts."""

import os
import sys

import jax.numpy as jnp
import numpy as np
import probes
import pytest

from aira_agents.cli.main import main
from aira_agents.cli.play import PlayOptions
from aira_agents.data.dataset import Dataset
from aira_agents.errors import InputError
from aira_agents.human.demonstrating import demonstrate
from aira_agents.human.keyboard import TerminalKeys
from aira_agents.human.pace import Pace, TimedKeys
from aira_agents.policies import Rule
from environments.foraging import ROLE, Foraging

MEADOW = Foraging(n_agents=2, width=5, height=4, max_steps=6)
STAY, UP, DOWN, LEFT, RIGHT = range(5)


class Typist:
    """Presses keys at given seconds of a clock that only runs while somebody waits for a key."""

    def __init__(self, *presses):
        self.now, self.presses = 0.0, list(presses)

    def __iter__(self):
        return self

    def __next__(self):
        if not self.presses:
            raise StopIteration
        at, key = self.presses.pop(0)
        self.now = max(self.now, at)
        return key

    def within(self, seconds):
        if self.presses and self.presses[0][0] <= self.now + max(seconds, 0.0):
            return next(self)
        self.now += max(seconds, 0.0)
        return None


def down(observation, key):
    del observation, key
    return jnp.full((), DOWN, jnp.int32)


def steered(typist, unpressed="policy", world=MEADOW, **values):
    said = []
    policies = {role.name: Rule(values.pop("rule", down)) for role in world.roles}
    pace = Pace(1.0, unpressed, lambda: typist.now)
    dataset = demonstrate(world, policies, typist, said.append, who="w1", pace=pace, **values)
    track = dataset.episodes[0].tracks[world.roles[0].name]
    (actions,) = track.actions.values()
    return actions[:, 0].tolist(), track.weight[:, 0].tolist(), said


@pytest.mark.parametrize(
    ("unpressed", "actions", "weights"),
    [
        ("policy", [UP, DOWN, LEFT, DOWN, DOWN, DOWN], [1, 0, 1, 0, 0, 0]),
        ("stay", [UP, STAY, LEFT, STAY, STAY, STAY], [1, 1, 1, 1, 1, 1]),
        ("last", [UP, UP, LEFT, LEFT, LEFT, LEFT], [1, 1, 1, 1, 1, 1]),
    ],
)
def test_where_nobody_presses_a_key_in_time_it_is_said_who_acts_and_whose_step_it_is(unpressed, actions, weights):
    typist = Typist((5.0, "up"), (6.5, "left"))
    found, own, said = steered(typist, unpressed)
    assert (found, own) == (actions, weights)
    assert typist.now == 5.0 + 5 * 1.0  # the world waits for the first key, and for no other
    assert "a step every 1 s from your first key on" in said[0]


def test_of_several_keys_in_one_step_the_last_counts_and_what_is_no_key_counts_for_nothing():
    typist = Typist((0.0, "up"), (0.1, "right"), (0.2, "left"), (0.3, "x"), (1.5, "q"))
    actions, weights, said = steered(typist)
    assert (actions, weights) == ([UP, LEFT], [1, 1])
    assert any("'x' is no key here" in line for line in said)


def test_a_pause_stops_the_world_until_it_is_resumed_and_a_stop_ends_it_at_once():
    typist = Typist((0.0, "up"), (0.5, "p"), (50.0, "left"), (60.0, "p"), (60.5, "right"), (61.2, "q"))
    actions, _, said = steered(typist)
    assert actions == [UP, RIGHT]
    assert said.index("paused") < said.index("on we go")
    assert typist.now == 61.2


def test_every_world_waits_for_its_first_key():
    typist = Typist((0.0, "up"), (100.0, "left"), (100.5, "q"))
    said = []
    policies = {ROLE: Rule(down)}
    pace = Pace(1.0, clock=lambda: typist.now)
    dataset = demonstrate(MEADOW, policies, typist, said.append, who="w1", pace=pace, n_episodes=3)
    assert [episode.n_steps for episode in dataset.episodes] == [6, 1]


def test_a_key_for_what_cannot_be_done_now_counts_as_none():
    world = probes.ForbiddenArm(max_steps=3)  # the second arm is forbidden
    actions, weights, said = steered(
        Typist((0.0, "1"), (0.5, "2")), "last", world, rule=lambda observation, key: jnp.zeros((), jnp.int32)
    )
    assert (actions, weights) == ([0, 0, 0], [1, 1, 1])
    assert "'second' cannot be done now." in said


@pytest.mark.parametrize("step_s", [0.0, -1.0, float("nan"), float("inf"), 1e6])
def test_a_pace_that_nobody_can_keep_is_refused(step_s):
    with pytest.raises(InputError, match=r"takes 0\.02 to 60 s"):
        Pace(step_s)


def test_who_cannot_stay_is_told_before_anything_runs():
    with pytest.raises(InputError, match="There is: first, second"):
        steered(Typist((0.0, "1")), "stay", probes.ForbiddenArm(max_steps=3))


def test_keys_of_a_terminal_can_be_waited_for_until_a_moment():
    outer, inner = os.openpty()
    keys = TerminalKeys(inner)
    assert isinstance(keys, TimedKeys)
    assert keys.within(0.0) is None
    os.write(outer, b"a\n")
    assert keys.within(0.0) == "a"
    os.close(outer)
    os.close(inner)


def test_who_plays_at_a_pace_is_never_played_for_by_a_policy():
    assert PlayOptions().unpressed == "last"
    assert PlayOptions(pace=0.5).paced("last") == Pace(0.5, "last")
    with pytest.raises(SystemExit) as leaving:
        main(["play", "foraging", "--pace", "0.5", "--unpressed", "policy"])
    assert leaving.value.code == 2


def test_the_command_steps_on_in_a_terminal_where_nobody_presses_a_key(tmp_path, monkeypatch, capsys):
    outer, inner = os.openpty()
    os.write(outer, b"\x1b[A")  # typed ahead: one key, and no more
    monkeypatch.chdir(tmp_path)
    with os.fdopen(inner, closefd=False) as as_file:
        monkeypatch.setattr(sys, "stdin", as_file)
        small = ["--world.n-agents", "2", "--world.width", "5", "--world.height", "5", "--world.max-steps", "4"]
        main(["demonstrate", "foraging", "--policy", "greedy", "--pace", "0.02", *small])
    os.close(outer)
    os.close(inner)
    track = Dataset.load(tmp_path / "demonstrations.episodes").episodes[0].tracks[ROLE]
    assert track.weight[:, 0].tolist() == [1, 0, 0, 0]
    assert np.all(track.weight[:, 1] == 0)
    assert "where you press none, the policy decides" in " ".join(capsys.readouterr().out.split())
