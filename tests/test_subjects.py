"""Every page has a subject, and somebody who can act in it."""

import pytest

from aira_agents.policies.by_name import named_policies
from aira_agents.policies.checking import policies_for
from aira_agents.policies.random import RandomPolicy
from viz.subjects import find_subject, subject_names


@pytest.mark.parametrize("name", subject_names())
def test_every_world_and_every_lesson_has_a_page_and_somebody_who_acts_there(name):
    subject = find_subject(name)
    assert subject.name == name and subject.title
    world = subject.environment(**subject.settings)
    first = subject.policy(world) if callable(subject.policy) else named_policies(subject.policy, world)
    assert set(policies_for(world, first)) == {role.name for role in world.roles}
    assert not name.startswith("scenarios/") or {"Question for the class", "Claim"} <= set(subject.texts)


@pytest.mark.parametrize(
    ("name", "rule"),
    {
        "flocking": "boid",
        "life": "conway",
        "segregation": "schelling",
        "traffic": "nagel_schreckenberg",
        "virus": "sociable",
        "wealth": "boltzmann",
        "network_wealth": "give",
        "wolf_sheep": "wander",
        "scenarios/segregation": "schelling",
        "scenarios/traffic": "nagel_schreckenberg",
        "foraging": "random",
    }.items(),
)
def test_a_classic_model_begins_with_its_classic_rule_and_others_with_chance(name, rule):
    assert find_subject(name).policy == rule


def test_chance_can_still_be_asked_for():
    from viz.lab import Lab  # noqa: PLC0415  it starts Solara

    lab = Lab(find_subject("life"), "random")
    assert lab.choice.value == "random"
    assert all(isinstance(policy.policy.policy, RandomPolicy) for policy in lab.model.value.policies.values())
    lab.close()
    lab = Lab(find_subject("life"))
    assert lab.choice.value == "conway"
    lab.close()
