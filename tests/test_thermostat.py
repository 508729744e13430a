"""Rooms against their physics: heat balance by hand, delay by hand, and the theory of delayed feedback."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compiled import observe, reset, start, step, unroll

from aira_agents.errors import InputError
from aira_agents.policies import Rule
from aira_agents.spaces import Box
from environments.thermostat import LONGEST_DELAY, ROLE, Thermostat, ThermostatModel, bang_bang, proportional

KEY = jax.random.key(0)
COLD = np.zeros(48, np.float32)  # outdoors, always at zero degrees


def always(share):
    return lambda observation, key: jnp.asarray(share, jnp.float32)


def nothing(transition):
    return None


def temperatures(world, act, steps):
    """Returns the temperatures after each step, `[steps, rooms]`."""
    policies = {ROLE: Rule(act)}
    now = start(world, policies, KEY)
    found = []
    for _ in range(steps):
        now = unroll(world, policies, now, 1, nothing)[0]
        found.append(np.asarray(now.state.agents[ROLE].temperature_c))
    return np.array(found), now.state


def test_without_heating_a_room_cools_exponentially_toward_the_outdoors():
    world = Thermostat(outdoors_c=COLD, n_rooms=3)
    begun = np.asarray(start(world, {ROLE: Rule(always(0.0))}, KEY).state.agents[ROLE].temperature_c)
    found, _ = temperatures(world, always(0.0), 36)
    hours = np.arange(1, 37)[:, None] / 6
    assert np.allclose(found, begun * np.exp(-hours * 0.05 / 0.5), rtol=1e-4)


def test_a_room_without_loss_keeps_all_the_heat_it_is_given():
    world = Thermostat(outdoors_c=COLD, n_rooms=1, loss_kw_per_k=0.0)
    begun = start(world, {ROLE: Rule(always(0.5))}, KEY).state.agents[ROLE].temperature_c
    found, state = temperatures(world, always(0.5), 12)
    # Two hours of one kilowatt: 2 kWh, 4 degrees.
    assert np.allclose(found[-1] - begun, 4.0, atol=1e-4)
    assert np.allclose(state.agents[ROLE].used_kwh, 2.0, atol=1e-5)


@pytest.mark.parametrize("delay", [0, 1, 7, LONGEST_DELAY])
def test_the_thermometer_is_late_by_its_delay(delay):
    world = Thermostat(outdoors_c=COLD, delay_steps=delay, noise_c=0.0, n_rooms=1)
    policies = {ROLE: Rule(always(0.0))}
    now = start(world, policies, KEY)
    first = float(now.state.agents[ROLE].temperature_c[0])
    _, seen = unroll(world, policies, now, 60, lambda t: t.percepts[ROLE].features[0, 0])
    age_h = np.maximum(np.arange(60) - delay, 0) / 6
    assert np.allclose(seen, first * np.exp(-age_h / 10) - 20, atol=1e-3)


def test_the_window_shows_the_series_between_the_hours_and_again_after_its_end():
    series = np.array([0.0, 10.0, 4.0], np.float32)
    world = Thermostat(outdoors_c=series, step_min=30, start_hours=1, n_rooms=1)
    policies = {ROLE: Rule(always(0.0))}
    _, seen = unroll(world, policies, start(world, policies, KEY), 8, lambda t: t.percepts[ROLE].features[0, 1])
    assert np.allclose(10 * seen, [0, 5, 10, 7, 4, 2, 0, 5], atol=1e-5)


def test_noise_has_the_deviation_it_is_given():
    world = Thermostat(outdoors_c=COLD, noise_c=0.5, n_rooms=4000)
    state = reset(world, KEY)
    read = observe(world, state, jax.random.key(1))[ROLE].features[:, 0]
    errors = read - (state.agents[ROLE].temperature_c - 20)
    assert np.std(errors) == pytest.approx(0.5, rel=0.05)
    assert abs(np.mean(errors)) < 0.03


def test_reward_is_the_distance_from_the_target_and_the_cost_of_heat():
    world = Thermostat(outdoors_c=COLD, n_rooms=1, cost_per_kwh=0.3)
    state = reset(world, KEY)
    after, feedback = step(world, state, {ROLE: {"heater": jnp.ones((1, 1))}}, KEY)
    away = abs(float(after.agents[ROLE].temperature_c[0]) - 20)
    assert feedback[ROLE].reward[0] == pytest.approx(-away - 0.3 * 2 / 6, rel=1e-5)


def test_more_than_full_power_is_full_power():
    world = Thermostat(n_rooms=3)
    after, _ = step(world, reset(world, KEY), {ROLE: {"heater": jnp.array([[-1.0], [0.4], [9.0]])}}, KEY)
    assert np.allclose(after.agents[ROLE].heating_kw, [0.0, 0.8, 2.0])


def test_a_box_clips_the_actions_of_many_agents_to_its_bounds():
    box = Box(("a", "b"), (0.0, -1.0), (1.0, 2.0), ("", ""))
    clipped = box.project(jnp.array([[-1.0, -5.0], [0.5, 0.5], [7.0, 7.0]]))
    assert clipped.tolist() == [[0.0, -1.0], [0.5, 0.5], [1.0, 2.0]]


def test_an_on_off_heater_under_the_simple_rule_keeps_the_room_near_the_target():
    world = Thermostat(heater="on_off", delay_steps=0, noise_c=0.0)
    found, _ = temperatures(world, bang_bang, 200)
    assert np.all(np.abs(found[100:] - 20) < 1)
    assert np.std(found[100:]) > 0.05  # it never rests


@pytest.mark.parametrize(("delay", "grows"), [(5, False), (6, False), (9, True), (10, True)])
def test_a_lossless_loop_is_stable_up_to_the_delay_that_theory_says(delay, grows):
    # T[n+1] = T[n] - k T[n-d] is stable iff k < 2 sin(pi / (2 (2 d + 1))); here k = 0.2, so up to d = 7.
    k = 0.3 * 2.0 / 6 / 0.5
    assert grows == (k > 2 * np.sin(np.pi / (2 * (2 * delay + 1))))
    world = Thermostat(outdoors_c=COLD, loss_kw_per_k=0.0, delay_steps=delay, noise_c=0.0, n_rooms=1)
    policies = {ROLE: Rule(proportional(0.3, offset=0.5))}
    rooms = eqx.tree_at(
        lambda r: (r.temperature_c, r.past_c),
        reset(world, KEY).agents[ROLE],
        (jnp.full(1, 20.1), jnp.full((1, LONGEST_DELAY + 1), 20.1)),
    )
    # A loss of one kilowatt whatever the temperature: the outdoors far away behind a thin conductance.
    far = eqx.tree_at(lambda w: (w.outdoors_c, w.loss_kw_per_k), world, (jnp.full(48, -1e5), jnp.float32(1e-5)))
    now = eqx.tree_at(lambda n: n.state.agents[ROLE], start(far, policies, KEY), rooms)
    _, seen = unroll(far, policies, now, 120, lambda t: t.percepts[ROLE].features[0, 0])
    early, late = np.ptp(seen[: 120 // 3]), np.ptp(seen[-120 // 3 :])
    assert (late > early) == grows


def test_any_series_of_degrees_is_taken_and_nonsense_is_not():
    assert Thermostat().outdoors_c.shape == (8760,)
    assert Thermostat(outdoors_c=[1.0, 2.0]).outdoors_c.tolist() == [1.0, 2.0]
    for wrong in ([1.0], [[1.0, 2.0]], [1.0, np.nan]):
        with pytest.raises((InputError, TypeError), match=r"outdoors_c|type"):
            Thermostat(outdoors_c=wrong)


def test_a_hosted_house_takes_a_series_too():
    model = ThermostatModel(n_rooms=2, outdoors_c=COLD, policy=proportional(), rng=1)
    model.target_c = 21.0
    model.step()
    assert np.array_equal(model.environment.outdoors_c, COLD)
    assert sorted(round(t) for t in model.agents.get("temperature_c"))[0] >= 17
