"""A 5x5 grid world whose optimal values a float64 loop computes: for learners of action values."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from aira_agents.effectors import Effector
from aira_agents.environment import Environment, Role
from aira_agents.parameters import number, size
from aira_agents.populations import Population, State, clocks, founders, with_columns
from aira_agents.sensors import ColumnSensor, Range
from aira_agents.spaces import Discrete
from aira_agents.types import Array, Float, Int

ROLE = "walker"
SIDE = 5
GOAL, PIT = (4, 4), (3, 4)  # x, y; who gets there is gone
REWARD_OF_GOAL, REWARD_OF_PIT, REWARD_OF_STEP = 1.0, -1.0, -0.04
MOVES = ((0, 1), (0, -1), (-1, 0), (1, 0))


class Walkers(Population):
    x: Int[Array, " capacity"]
    y: Int[Array, " capacity"]


class Walk(Effector):
    slip: Float[Array, ""]  # chance that a step goes anywhere
    name: str = eqx.field(static=True, default="walk")

    @property
    def space(self):
        return Discrete(("up", "down", "left", "right"))

    def __call__(self, state, actions, key):
        slip_key, way_key = jax.random.split(key)
        slips = jax.random.bernoulli(slip_key, self.slip, actions.shape)
        way = jnp.where(slips, jax.random.randint(way_key, actions.shape, 0, 4), actions)
        walkers, moves = state.agents[ROLE], jnp.asarray(MOVES)
        x = jnp.clip(walkers.x + moves[way, 0], 0, SIDE - 1)
        return with_columns(state, ROLE, x=x, y=jnp.clip(walkers.y + moves[way, 1], 0, SIDE - 1))


class GridWorld(Environment):
    """Walkers between walls: a goal, a pit beside it, and steps that cost a little."""

    populations = {ROLE: Walkers}
    n_walkers: int = size(1)
    slip: Float[Array, ""] = number(0, low=0, high=1)
    max_steps: Int[Array, ""] = number(12, low=1, whole=True)

    @property
    def roles(self):
        sensors = tuple(ColumnSensor(role=ROLE, name=name, range=Range(0, SIDE - 1, whole=True)) for name in "xy")
        return (Role(ROLE, self.n_walkers, sensors, (Walk(slip=self.slip),)),)

    def reset(self, key):
        cells = jnp.asarray([(x, y) for x in range(SIDE) for y in range(SIDE) if (x, y) not in (GOAL, PIT)])
        x, y = cells[jax.random.randint(key, (self.n_walkers,), 0, len(cells))].T
        return State(agents={ROLE: Walkers(**founders(self.n_walkers), x=x, y=y)}, **clocks(self.n_walkers + 1))

    def dynamics(self, state, key):
        walkers = state.agents[ROLE]
        return with_columns(state, ROLE, alive=walkers.alive & ~_at(walkers, GOAL) & ~_at(walkers, PIT))

    def rewards(self, before, actions, after):
        walkers = after.agents[ROLE]
        return {
            ROLE: jnp.where(
                _at(walkers, GOAL), REWARD_OF_GOAL, jnp.where(_at(walkers, PIT), REWARD_OF_PIT, REWARD_OF_STEP)
            )
        }


def _at(walkers, cell):
    return (walkers.x == cell[0]) & (walkers.y == cell[1])


def optimal_values(discount, slip):
    """Value iteration: returns what each action is worth, `[x, y, action]`; nothing is worth anything once gone."""
    worth = np.zeros((SIDE, SIDE, 4))
    for _ in range(1000):
        worth = np.array(
            [[_backed_up(worth, x, y, discount, slip) for y in range(SIDE)] for x in range(SIDE)], np.float64
        )
    return worth


def _backed_up(worth, x, y, discount, slip):
    if (x, y) in (GOAL, PIT):
        return [0.0] * 4
    reached = []
    for dx, dy in MOVES:
        at = (min(max(x + dx, 0), SIDE - 1), min(max(y + dy, 0), SIDE - 1))
        reward = {GOAL: REWARD_OF_GOAL, PIT: REWARD_OF_PIT}.get(at, REWARD_OF_STEP)
        reached.append(reward + discount * worth[at].max())
    return [(1 - slip) * own + slip * sum(reached) / 4 for own in reached]
