"""Somebody leads single agents by keys while their policy leads the rest."""

import numpy as np
import pytest

from aira_agents.errors import InputError
from aira_agents.hosting.steered import steered
from aira_agents.human.driven import Driven
from aira_agents.human.helm import Helm
from aira_agents.policies.random import RandomPolicy
from environments.foraging import Foraging, ForagingModel
from environments.simple_spread import SimpleSpread
from environments.thermostat import Thermostat

SMALL = {"n_agents": 3, "width": 9, "height": 9}
ROLE = Foraging(**SMALL).roles[0]


@pytest.fixture
def helm():
    return Helm(ROLE)


def orders(helm, uid=(1, 2, 3), alive=(True, True, True)):
    return helm.orders(np.array(uid), np.array(alive))


def test_who_is_led_goes_where_they_are_told_and_the_others_go_their_own_way(helm):
    seen = []
    model = steered(
        ForagingModel, lambda: SMALL | {"policy": Driven.by_nobody(RandomPolicy(), ROLE)}, stepped=seen.append
    )(rng=0)
    helm.take("ann", 2)
    for key in ("up", "up", "left"):
        helm.press("ann", key)
        model.swap({ROLE.name: model.policies[ROLE.name].ordered(orders(helm))})
        model.step()
    actions = np.asarray(model.transition.decisions[ROLE.name].actions["move"])
    assert actions[1] == helm.actions.index("left")
    assert seen == [model] * 3
    helm.release("ann")
    assert not orders(helm).led.any()


def test_a_tapped_key_is_taken_by_the_next_step_and_a_held_one_by_every_step(helm):
    helm.take("ann", 1)
    helm.press("ann", "up")
    helm.press("ann", None)  # let go before any step
    first, second = orders(helm), orders(helm)
    assert (first.pressed, first.actions[0]) == ({"ann": 1}, helm.actions.index("up"))
    assert (second.pressed, second.led.tolist(), second.actions[0]) == ({}, [True, False, False], 0)  # it waits
    helm.press("ann", "down")
    assert orders(helm).pressed == orders(helm).pressed == {"ann": 1}


def test_many_lead_at_once_but_an_agent_has_one_leader(helm):
    helm.take("ann", 1)
    helm.take("bob", 2)
    with pytest.raises(InputError, match="led by somebody else"):
        helm.take("cid", 1)
    helm.take("ann", 3)  # another one, instead
    assert helm.leads == {"bob": 2, "ann": 3}
    helm.press("ann", "up")
    helm.press("bob", "left")
    assert orders(helm).pressed == {"bob": 2, "ann": 3}
    helm.release_all()
    assert helm.leads == {}


def test_the_dead_and_the_missing_are_not_led(helm):
    helm.take("ann", 2)
    helm.press("ann", "up")
    assert not orders(helm, alive=(True, False, True)).led.any()
    assert not orders(helm, uid=(1, 5, 3)).led.any()


def test_keys_that_mean_nothing_are_refused(helm):
    with pytest.raises(InputError, match="lead nobody"):
        helm.press("ann", "up")
    helm.take("ann", 1)
    with pytest.raises(InputError, match="action"):
        helm.press("ann", "fly")
    with pytest.raises(InputError, match="one effector with named actions"):
        Helm(Thermostat().roles[0])
    assert Helm(SimpleSpread().roles[0]).actions[0] == "stay"
