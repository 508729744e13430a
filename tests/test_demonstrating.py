"""A person steers one agent by keys, and what they did, and nothing else, is there to be learned from."""

import os
import pty
import sys

import jax.numpy as jnp
import numpy as np
import probes
import pytest
from ring import Ring

from aira_agents.cli.main import main
from aira_agents.data.dataset import Dataset
from aira_agents.data.samples import rows
from aira_agents.errors import InputError
from aira_agents.human.demonstrating import demonstrate, told
from aira_agents.human.keyboard import KeyMap, terminal_keys
from aira_agents.policies import Rule
from aira_agents.store import Store
from environments.foraging import ROLE, Foraging
from environments.thermostat import Thermostat

MEADOW = Foraging(n_agents=2, width=5, height=4, max_steps=6)
UP, DOWN, LEFT, RIGHT = b"\x1b[A", b"\x1b[B", b"\x1b[D", b"\x1bOC"


def stay(observation, key):
    del observation, key
    return jnp.zeros((), jnp.int32)


def steered(keys, world=MEADOW, **values):
    said = []
    policies = {role.name: Rule(stay) for role in world.roles}
    dataset = demonstrate(world, policies, iter(keys), said.append, **{"who": "w1", **values})
    return dataset, said


@pytest.fixture
def terminal(monkeypatch):
    """A terminal in which somebody has typed ahead."""
    outer, inner = pty.openpty()

    def typed(keys):
        os.write(outer, keys)
        return inner

    with os.fdopen(inner, closefd=False) as as_file:
        monkeypatch.setattr(sys, "stdin", as_file)
        yield typed
    os.close(outer)
    os.close(inner)


def test_keys_come_out_of_a_terminal_by_name_and_it_is_left_as_it_was(terminal):
    inner = terminal(UP + DOWN + LEFT + RIGHT + b" Q1\n")
    import termios  # noqa: PLC0415  where there are terminals

    before = termios.tcgetattr(inner)
    with terminal_keys(inner) as keys:
        assert termios.tcgetattr(inner)[3] != before[3]  # no line is waited for, nothing is echoed
        assert [next(keys) for _ in range(8)] == ["up", "down", "left", "right", "space", "q", "1", "enter"]
        terminal(b"\x04\x1b")
        assert next(keys) == "q"  # the end of the input is a stop
        assert next(keys) == "escape"
    assert termios.tcgetattr(inner) == before


def test_arrows_are_moves_and_every_action_has_a_number():
    keymap = KeyMap(MEADOW.roles[0])
    names = {key: keymap.names[action] for key, action in keymap.actions.items()}
    assert names["up"] == "up" and names["left"] == "left" and names["space"] == "stay"
    assert [names[str(i + 1)] for i in range(5)] == list(keymap.names)
    assert "q: stop" in str(keymap) and "up" in str(keymap)
    with pytest.raises(InputError, match="one effector with named actions"):
        KeyMap(Thermostat().roles[0])


def test_one_agent_does_what_the_keys_say_and_only_that_is_learned_from():
    dataset, said = steered(["up", "left", "x", "p", "right", "p", "1", "q"], agent=2)
    (episode,) = dataset.episodes
    track = episode.tracks[ROLE]
    names = MEADOW.roles[0].effectors[0].space.names
    assert [names[action] for action in track.actions["move"][:, 1]] == ["up", "left", names[0]]
    assert set(track.actions["move"][:, 0].tolist()) == {0}
    assert track.weight.tolist() == [[0, 1]] * 3
    assert np.asarray(rows(dataset, ROLE).weight).sum() == 3
    assert any("'x' is no key here" in line for line in said)
    assert "paused" in said and "on we go" in said
    about = episode.provenance
    assert (about.who, about.channel, about.policies[ROLE]) == ("w1", "keyboard", "person")


def test_the_world_ends_the_episode_and_a_new_one_begins():
    dataset, _ = steered(["up"] * 9, n_episodes=2)
    assert [episode.n_steps for episode in dataset.episodes] == [6, 3]
    assert [bool(episode.tracks[ROLE].truncated[-1, 0]) for episode in dataset.episodes] == [True, True]
    first, second = (episode.tracks[ROLE].features[0] for episode in dataset.episodes)
    assert not np.array_equal(first, second)


def test_who_dies_is_steered_no_more():
    dataset, _ = steered(["1"] * 3, Ring(mortality=1.0), n_episodes=3)
    assert [episode.n_steps for episode in dataset.episodes] == [1, 1, 1]


def test_another_role_is_driven_beside_those_of_a_policy():
    world = probes.Opposites(n_players=2, max_steps=3)
    dataset, _ = steered(["2"] * 3, world, role="rival", agent=2)
    weights = {name: track.weight.sum() for name, track in dataset.episodes[0].tracks.items()}
    assert weights == {"player": 0, "rival": 3}


def test_an_action_that_is_not_valid_is_asked_for_again():
    dataset, said = steered(["2", "1", "q"], probes.ForbiddenArm(max_steps=9))
    assert dataset.episodes[0].tracks["player"].actions["choose"].tolist() == [[0]]
    assert "'second' cannot be done now." in said


def test_the_person_reads_what_the_agent_perceives():
    features = np.zeros(MEADOW.roles[0].n_features, np.float32)
    features[7] = 1  # of 3 x 3 cells of food, counted from below: the middle of the upper row
    assert told(MEADOW.roles[0], features) == "vision:\n  .#.   ...\n  ...   ...\n  ...   ..."
    assert told(probes.Bandit().roles[0], np.asarray([0.5])) == "shown: 0.5"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"role": "sheep"}, "Unknown role 'sheep'"),
        ({"agent": 3}, "an agent in 1..2; got 1 and 3"),
        ({"n_episodes": 0}, "at least 1 episode"),
        ({}, "stopped before the first step"),
    ],
)
def test_what_cannot_be_steered_is_refused(values, message):
    with pytest.raises(InputError, match=message):
        steered(["q"], **values)


def test_the_command_reads_a_terminal_and_keeps_who_it_was_by_a_random_id(terminal, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    terminal(UP + LEFT + b"q")
    small = ["--world.n-agents", "2", "--world.width", "5", "--world.height", "5"]
    main(["demonstrate", "foraging", "--policy", "greedy", "--database", "class.db", *small])
    told = capsys.readouterr().out
    dataset = Dataset.load(tmp_path / "demonstrations.episodes")
    who = dataset.episodes[0].provenance.who
    assert dataset.episodes[0].n_steps == 2 and len(who) == 17 and who in told
    with Store("class.db") as store:
        assert store.participants() == [who]
        assert next(iter(store.datasets(who=who).values())).episodes[0].id == dataset.episodes[0].id
    with pytest.raises(SystemExit) as leaving:
        main(["demonstrate", "foraging"])
    assert leaving.value.code == 2 and "is there already" in capsys.readouterr().err


def test_without_a_terminal_the_line_says_what_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with open(os.devnull) as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        with pytest.raises(SystemExit) as leaving:
            main(["demonstrate", "foraging"])
    assert leaving.value.code == 2 and "standard input is none" in capsys.readouterr().err
