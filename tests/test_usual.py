"""Where nobody is named, the classic rule of a world acts, in a model and a sweep alike."""

import numpy as np
import pytest

from aira_agents.cli.sweep import sweep_command
from aira_agents.errors import InputError
from aira_agents.policies import Rule
from aira_agents.policies.by_name import named_policies
from aira_agents.policies.checking import policies_for
from aira_agents.policies.random import RandomPolicy
from aira_agents.sweeps.runner import Runner
from aira_agents.sweeps.spec import Spec
from environments.segregation import ROLE, Segregation, SegregationModel, schelling
from environments.wolf_sheep import WolfSheep, wander

TOWN = {"width": (8,), "height": (8,), "homophily": (0.0, 0.6)}


class OwnTown(Segregation):
    """As a student writes it, in another file than the rule."""


class Nameless(Segregation):
    """Names a rule that is not there."""

    usual = "shelling"


def test_a_model_of_a_classic_world_does_what_its_rule_does():
    models = [SegregationModel(8, 8, policy=policy, rng=1) for policy in (None, schelling, {})]
    for model in models:
        for _ in range(5):
            model.step()
    assert all(np.array_equal(model.agents.get("x"), models[1].agents.get("x")) for model in models)
    assert models[0].agents.agg("x", np.sum) != SegregationModel(8, 8, rng=1).agents.agg("x", np.sum)


def test_a_world_of_ones_own_inherits_who_acts_in_it():
    policies = policies_for(OwnTown(), None)
    assert isinstance(policies[ROLE], Rule) and policies[ROLE].act is schelling
    for name in (None, "schelling"):  # as commands and the page name it
        assert named_policies(name, OwnTown())[ROLE].act is schelling


def test_a_role_that_is_left_out_acts_as_usual():
    policies = policies_for(WolfSheep(), {"wolf": RandomPolicy()})
    assert isinstance(policies["wolf"], RandomPolicy)
    assert isinstance(policies["sheep"], Rule) and policies["sheep"].act is wander


def test_a_rule_that_is_not_there_is_told_of():
    with pytest.raises(InputError, match=r"Nameless\.usual.*'shelling'"):
        policies_for(Nameless(), None)


def test_a_sweep_of_a_classic_world_is_of_its_rule():
    usual, named, chance = (
        Runner(Spec(Segregation, TOWN, (0, 1), 10, policy=policy)).execute(range(4))
        for policy in (None, schelling, "random")
    )
    assert usual.equals(named) and not usual.equals(chance)
    assert usual["segregation"].iloc[0] != usual["segregation"].iloc[2]  # what is varied is read


@pytest.mark.parametrize(("world", "acts"), [("segregation", "; schelling acts"), ("foraging", "; random acts")])
def test_the_command_says_who_acts_where_nobody_is_named(world, acts, tmp_path, capsys):
    small = ["--vary", "width=6", "--vary", "height=6", "--seeds", "2", "--steps", "3"]
    sweep_command([world, *small, "--out", str(tmp_path / "a.csv")])
    assert acts in capsys.readouterr().out
    sweep_command([world, *small, "--policy", "random", "--out", str(tmp_path / "b.csv")])
    assert "; random acts" not in capsys.readouterr().out
