import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compiled import reset, step

from aira_agents.errors import InputError
from aira_agents.loop import start, unroll
from aira_agents.policies import RandomPolicy
from aira_agents.populations import with_columns
from environments.predator_prey import PREDATOR, PREY, PredatorPrey, hunt

KEY = jax.random.key(0)
STAY = 0


def world(**values):
    small = {"n_prey": 2, "n_predators": 2, "prey_capacity": 4, "predator_capacity": 4, "width": 6, "height": 5}
    quiet = {"prey_births": 0.0, "predator_births": 0.0, "regrowth": 0.0}
    return PredatorPrey(**{**small, **quiet, **values})


def situation(own, prey, predators, *, energy=10.0, grass=()):
    """Puts the first animals of each role at the places given; grass grows only where it is said to."""
    state = reset(own, KEY)
    for role, places in ((PREY, prey), (PREDATOR, predators)):
        x, y = (jnp.array([place[axis] for place in places] + [0] * (4 - len(places)), jnp.int32) for axis in (0, 1))
        state = with_columns(state, role, x=x, y=y, energy=jnp.full(4, energy))
    meadow = jnp.zeros((own.height, own.width), bool)
    for x, y in grass:
        meadow = meadow.at[y, x].set(True)
    return eqx.tree_at(lambda s: s.grass, state, meadow)


def wait(own, state):
    stay = {role.name: {"move": jnp.full(role.capacity, STAY, jnp.int32)} for role in own.roles}
    return step(own, state, stay, KEY)


def test_a_predator_catches_the_prey_in_its_cell_and_gains_its_energy():
    own = world()
    state, feedback = wait(own, situation(own, [(1, 1), (4, 4)], [(1, 1), (2, 2)]))
    assert state.agents[PREY].alive.tolist() == [False, True, False, False]
    assert state.agents[PREDATOR].energy[:2].tolist() == [10 - 1 + 20, 9]
    assert feedback[PREDATOR].reward.tolist() == [1, 0, 0, 0]
    assert feedback[PREY].reward.tolist() == [-1, 0, 0, 0]
    assert feedback[PREY].terminated.tolist() == [True, False, False, False]


def test_of_two_predators_in_a_cell_one_catches_one_prey():
    own = world()
    state, feedback = wait(own, situation(own, [(1, 1), (1, 1)], [(1, 1), (1, 1)]))
    assert state.agents[PREY].alive.sum() == 1
    assert sorted(feedback[PREDATOR].reward[:2].tolist()) == [0, 1]


def test_of_two_prey_in_a_cell_one_gets_the_grass():
    own = world()
    state, feedback = wait(own, situation(own, [(1, 1), (1, 1)], [(4, 4), (4, 4)], grass=[(1, 1), (3, 3)]))
    assert sorted(state.agents[PREY].energy[:2].tolist()) == [9, 10 - 1 + 5]
    assert sorted(feedback[PREY].reward[:2].tolist()) == [0, 1]
    assert state.grass.sum() == 1 and state.grass[3, 3]


def test_the_caught_do_not_graze():
    own = world(n_prey=1, n_predators=1)
    state, _ = wait(own, situation(own, [(1, 1)], [(1, 1)], grass=[(1, 1)]))
    assert state.grass[1, 1]


def test_who_has_no_energy_dies_and_the_row_is_free_a_step_later():
    own = world()
    state, feedback = wait(own, situation(own, [(1, 1), (4, 4)], [(2, 2), (3, 3)], energy=1.0))
    assert not state.agents[PREY].alive.any()
    assert feedback[PREDATOR].terminated[:2].all()
    assert state.agents[PREY].uid[:2].tolist() == [1, 2]
    later, feedback = wait(own, state)
    assert (later.agents[PREY].uid == -1).all()
    assert not feedback[PREY].active.any()


def test_parent_and_child_share_the_energy_and_the_cell():
    own = world(n_prey=1, n_predators=0, prey_births=1.0)
    state, _ = wait(own, situation(own, [(2, 3)], []))
    prey = state.agents[PREY]
    assert prey.alive.tolist() == [True, True, False, False]
    assert prey.energy[:2].tolist() == [4.5, 4.5]
    assert (prey.x[1], prey.y[1], prey.parent[1], prey.uid[1]) == (2, 3, 0, 2)


def test_births_without_room_are_counted():
    own = world(n_prey=4, n_predators=0, prey_births=1.0)
    state, _ = wait(own, situation(own, [(0, 0), (1, 1), (2, 2), (3, 3)], []))
    assert state.refused_births == 4
    assert state.agents[PREY].alive.sum() == 4


def test_no_death_goes_unreported():
    own = PredatorPrey(n_prey=60, n_predators=30, prey_capacity=90, predator_capacity=60, width=15, height=15)
    policies = {role.name: RandomPolicy() for role in own.roles}

    def run(key):
        def keep(t):
            return {role: (f.active, f.terminated, t.fresh[role]) for role, f in t.feedback.items()}

        begun = start(own, policies, key)
        _, kept = unroll(own, policies, begun, 100, keep)
        return {role: begun.state.agents[role].alive for role in kept}, kept

    first, kept = jax.jit(jax.vmap(run))(jax.random.split(KEY, 8))
    for role in (PREY, PREDATOR):
        active, terminated, born = (np.asarray(leaf) for leaf in kept[role])
        # Who acted, and neither died nor acts in the next step, went away unseen; a row may change hands at once.
        gone = active[:, :-1] & ~terminated[:, :-1] & ~active[:, 1:]
        assert not gone.any()
        alive = np.asarray(first[role]).sum() + born[:, :-1].sum() - terminated[:, :-1].sum()
        assert alive == active[:, -1].sum()
        assert terminated.sum() > 100 and born.sum() > 100


@pytest.mark.slow
def test_predators_and_prey_live_side_by_side_for_a_thousand_steps():
    own = PredatorPrey()
    policies = {role.name: RandomPolicy() for role in own.roles}

    def run(key):
        now, active = unroll(own, policies, start(own, policies, key), 1000, lambda t: _counts(t))
        return active, now.state.refused_births

    counts, refused = jax.jit(jax.vmap(run))(jax.random.split(KEY, 8))
    assert (np.asarray(counts[PREY]).min(axis=1) > 0).all()
    assert (np.asarray(counts[PREDATOR]).min(axis=1) > 0).all()
    assert (np.asarray(refused) == 0).all()


def _counts(transition):
    return {role: feedback.active.sum() for role, feedback in transition.feedback.items()}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"n_prey": 5}, "`n_prey` must be at most `prey_capacity` = 4"),
        ({"predator_capacity": 0}, "predator_capacity"),
        ({"prey_births": 1.5}, "prey_births"),
        ({"energy_of_grass": float("nan")}, "energy_of_grass"),
        ({"width": -3}, "width"),
    ],
)
def test_nonsense_is_refused(values, told):
    with pytest.raises(InputError, match=told):
        world(**values)


def _seen(prey_at=(), radius=2):
    """A predator's view with prey at some `(dx, dy)`."""
    vision = np.zeros((3, 2 * radius + 1, 2 * radius + 1), np.float32)
    for dx, dy in prey_at:
        vision[1, dy + radius, dx + radius] = 1
    return {"vision": jnp.asarray(vision), "energy": jnp.ones(1)}


@pytest.mark.parametrize(
    ("prey_at", "action"), [([(2, 0)], 4), ([(-1, 0), (2, 2)], 3), ([(0, 2)], 1), ([(1, -2)], 2), ([(0, 0), (1, 0)], 0)]
)
def test_a_hunter_steps_toward_the_nearest_prey(prey_at, action):
    assert hunt(_seen(prey_at), jax.random.key(0)) == action


def test_a_hunter_that_sees_nothing_walks_anywhere():
    walks = {int(hunt(_seen(), jax.random.key(seed))) for seed in range(40)}
    assert walks == {1, 2, 3, 4}
