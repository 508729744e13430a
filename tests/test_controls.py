"""Every control of every world changes the world as its field says; no browser."""

import types
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from aira_agents.loop import one_step, start
from aira_agents.parameters import parameters_of, plain, replace, sweep
from aira_agents.policies.by_name import named_policies
from aira_agents.registry import find_environment, names

pytestmark = pytest.mark.filterwarnings("ignore")  # Solara and its friends warn of one another

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import ipyvuetify as v
    import solara

    from viz.controls import Parameters
    from viz.lab import Lab

STEPS, N_WORLDS = 40, 3
QUICKLY = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}  # each runs once
SMALL = {  # where the usual sizes take long
    "flocking": {"n_birds": 40, "width": 30, "height": 30},
    "life": {"width": 12, "height": 12},
    "predator_prey": {"n_prey": 60, "n_predators": 30, "prey_capacity": 150, "predator_capacity": 80},
    "segregation": {"width": 12, "height": 12},
    "wolf_sheep": {"sheep_capacity": 150, "wolf_capacity": 90},
}
BESIDE = {
    ("flocking", "reach"): {"neighbours": "cells"},
    ("flocking", "room"): {"neighbours": "cells"},
}  # what a field is about
ROWS = 130  # where the usual is as many as there are places
ALL = pytest.mark.parametrize("name", names("world"))


class Desk(Lab):
    """As much of a tab as the controls need: without a model, nothing compiles."""

    def __init__(self, kind, settings):
        self.subject = types.SimpleNamespace(environment=kind)
        self.values = {name: parameter.default for name, parameter in parameters_of(kind).items()} | settings
        self.model = types.SimpleNamespace(value=None)
        self.world = kind(**settings)

    def set_parameter(self, name, value):
        self.world = replace(self.world, **{name: value})
        self.values[name] = value

    def pending(self):
        return []


@ALL
def test_each_field_has_a_control_of_its_kind_that_sets_it(name):
    kind = find_environment(name)
    desk = Desk(kind, SMALL.get(name, {}))
    _, page = solara.render(Parameters(desk), handle_error=False)
    for field, parameter in parameters_of(kind).items():
        label = f"{field} ({parameter.unit})" if parameter.unit else field
        if parameter.kind == "option":
            widget_kind = v.Checkbox if set(parameter.options) == {True, False} else v.Select
            (control,) = [w for w in page.find(widget_kind).widgets if w.label == label]
            wanted = next(one for one in parameter.options if one != parameter.default)
            assert widget_kind is v.Checkbox or control.items == list(parameter.options)
        else:
            (control,) = [w for w in page.find(v.Slider).widgets if w.label == label]
            assert control.min <= float(parameter.default) <= control.max
            assert parameter.low is None or control.min >= parameter.low
            assert parameter.high is None or control.max <= parameter.high + 1e-6
            notch = control.step or 1
            wanted = control.v_model + (notch if control.v_model + notch <= control.max else -notch)
            wanted = 160 if field == "capacity" else wanted  # it must hold all who live there
        control.v_model = wanted
        assert plain(getattr(desk.world, field)) == pytest.approx(wanted)
    page.close()


def test_a_value_that_is_refused_is_marked_and_told_until_its_own_field_is_good_again():
    desk = Desk(find_environment("foraging"), {})
    _, page = solara.render(Parameters(desk), handle_error=False)

    def type_in(field, text):
        (box,) = [w for w in page.find(v.TextField).widgets if w.attributes["aria-label"].startswith(field)]
        box.v_model = text
        box.fire_event("blur", None)
        return box

    def told():
        return [alert.children[0] for alert in page.find(v.Alert).widgets if alert.type == "error"]

    regrowth, food = type_in("regrowth", "7"), type_in("food_at_start", "-1")
    assert len(told()) == 2
    type_in("n_agents", "9")
    assert len(told()) == 2 and regrowth.error and food.error
    type_in("regrowth", "0.5")
    assert len(told()) == 1 and "food_at_start" in told()[0] and not regrowth.error and food.error
    type_in("food_at_start", "0.1")
    assert told() == [] and not food.error
    assert (desk.values["regrowth"], desk.values["food_at_start"], desk.values["n_agents"]) == (0.5, 0.1, 9)
    page.close()


@pytest.mark.slow
@ALL
def test_each_number_is_felt_by_the_world(name):
    world = find_environment(name)(**SMALL.get(name, {}))
    changed = {field: other(field, p) for field, p in parameters_of(world).items() if p.kind.endswith("number")}
    settings = {
        field: [
            plain(getattr(world, field)),
            *(new if own == field else plain(getattr(world, field)) for own in changed),
        ]
        for field, new in changed.items()
    }
    worlds, axes = sweep(world, **settings)
    keys = jax.random.split(jax.random.key(0), N_WORLDS)
    lives = jax.jit(jax.vmap(jax.vmap(lived, in_axes=(None, 0)), in_axes=(axes, None)))
    seen = lives.lower(worlds, keys).compile(QUICKLY)(worlds, keys)
    for row, field in enumerate(changed, 1):
        alike = [np.array_equal(leaf[0], leaf[row], equal_nan=True) for leaf in map(np.asarray, jax.tree.leaves(seen))]
        assert not all(alike), f"{name} is the same whatever {field} is"


def lived(world, key):
    """What becomes of a world in some steps."""
    policies = named_policies("random", world)  # chance tries whatever can be done

    def step(now, _):
        now, transition = one_step(world, policies, now)
        rewards = {role: jnp.sum(feedback.reward) for role, feedback in transition.feedback.items()}
        seen = {role: jnp.sum(percept.features) for role, percept in transition.percepts.items()}
        return now, (rewards, seen, world.ended(now.state))

    now, told = jax.lax.scan(step, start(world, policies, key), None, STEPS)
    return now.state, told


def other(field, parameter):
    """Another value of a number: nearer to its lowest, since many do nothing beyond what is usual."""
    default, low = float(parameter.default), float(parameter.low or 0)
    if field == "max_steps":
        return 5
    value = low + (default - low) / 2 if default > low else default + 1
    return int(value) if parameter.kind == "whole number" else value


@ALL
def test_each_size_and_option_makes_another_world(name):
    kind = find_environment(name)
    for field, parameter in parameters_of(kind).items():
        values = SMALL.get(name, {}) | BESIDE.get((name, field), {})
        usual = kind(**values)
        if parameter.kind == "size":
            new = plain(getattr(usual, field)) + 1 if parameter.default else ROWS
        elif parameter.kind == "option":
            new = next(one for one in reversed(parameter.options) if one != parameter.default)
        else:
            continue
        changed = kind(**values | {field: new})
        assert plain(getattr(changed, field)) == new
        assert shapes(changed) != shapes(usual) or program(changed) != program(usual), f"{field} changes nothing"


def shapes(world):
    """What a world is made of, and what is perceived in it."""
    state = jax.eval_shape(world.reset, jax.random.key(0))
    return [leaf.shape for leaf in jax.tree.leaves(state)], [role.features for role in world.roles]


def program(world):
    """What is computed in a step."""
    policies = named_policies("random", world)  # chance tries whatever can be done
    return str(
        jax.make_jaxpr(lambda key: one_step(world, policies, start(world, policies, key))[0].state)(jax.random.key(0))
    )


def test_the_program_of_a_world_is_told_alike_twice():
    world = find_environment("traffic")
    assert program(world()) == program(world())
