"""What people in the loop are known for, as experiments over seeds; tests assert it, a benchmark prints it.

Each returns figures by name, `[seeds]` or as it says.
"""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from grid_world import GridWorld
from road import ROLE as DRIVER
from road import SIGNS, Road, expert, wanted

from aira_agents.human.coach import COACH
from aira_agents.human.dagger import DAgger
from aira_agents.human.tamer import TAMER
from aira_agents.human.teacher import Teacher
from aira_agents.learning.q_learning import QLearning
from aira_agents.learning.rewarded import Judgement, Rewarded
from aira_agents.policies import Rule
from aira_agents.policies.networks import Network

TABLE = Network("tabular")
PROMPT = {"low_s": 0.0, "high_s": 0.0}


def along_the_wall(observation, key):
    """Right to the wall, and up to the goal: never past the pit."""
    del key
    return jnp.where(observation["x"] < 4, 3, 0).astype(jnp.int32)


def over_seeds(learner, n_updates, n_seeds, seed=0):
    """Returns the metrics, `[seeds, updates]`."""

    def run(key):
        return jax.lax.scan(lambda s, _: learner.update(s), learner.init(key), None, n_updates)[1]

    keys = jax.random.split(jax.random.key(seed), n_seeds)
    return {name: np.asarray(own) for name, own in jax.jit(jax.vmap(run))(keys).items()}


class Praise(Judgement):
    """A person who praises what is right, and never blames."""

    def __call__(self, features, actions, reward):
        right = along_the_wall({"x": features[..., 0], "y": features[..., 1]}, None)
        return (actions["walk"] == right).astype(jnp.float32)


def praise_alone(discount, n_seeds, n_updates=300):
    """Returns what a life earns, `[seeds]`, where praise is all the reward and is discounted so."""
    world = GridWorld(max_steps=60)
    q = QLearning(n_worlds=8, n_steps=4, learning_rate=0.5, discount=discount, epsilon_steps=4800)
    learner = q.learner(Rewarded(world, {"walker": Praise()}), TABLE.builders(world))
    return np.nanmean(over_seeds(learner, n_updates, n_seeds)["return"][:, -60:], axis=1)


def taught(record, n_updates, n_seeds, **teacher):
    """Returns how often agents of `record` are right, `[seeds, updates]`."""
    world = GridWorld()
    learner = record.learner(
        world, TABLE.builders(world), experts={"walker": Rule(along_the_wall)}, teacher=Teacher(**teacher)
    )
    return over_seeds(learner, n_updates, n_seeds)["right"]


def news_only(n_seeds, n_updates=300):
    """Returns how right TAMER and COACH are, `[seeds, 2 * updates]` each.

    In the first half all that is right is praised, in the second only as far as it is news; nothing is blamed there.
    """
    world = GridWorld()
    build, experts = TABLE.builders(world), {"walker": Rule(along_the_wall)}
    teachers = (Teacher(), Teacher(standard="improvement", leniency=1.0))
    found = {}
    for name, record in (("TAMER", TAMER(learning_rate=0.05, memory_size=500)), ("COACH", COACH(learning_rate=1.0))):
        before, after = (record.learner(world, build, experts=experts, teacher=own) for own in teachers)

        def run(key, before=before, after=after):
            state, first = jax.lax.scan(lambda s, _: before.update(s), before.init(key), None, n_updates)
            second = jax.lax.scan(lambda s, _: after.update(s), state, None, n_updates)[1]
            return jnp.concatenate([first["right"], second["right"]])

        found[name] = np.asarray(jax.jit(jax.vmap(run))(jax.random.split(jax.random.key(0), n_seeds)))
    return found


def delayed(n_seeds, n_updates=200):
    """Returns how right TAMER is in the end with a prompt person, a late one, and a late one behind a window."""
    runs = {
        "prompt": (TAMER(learning_rate=0.05, **PROMPT), PROMPT),
        "late": (TAMER(learning_rate=0.05, **PROMPT), {}),
        "window": (TAMER(learning_rate=0.05), {}),
    }
    return {
        name: taught(record, n_updates, n_seeds, **teacher)[:, -50:].mean(axis=1)
        for name, (record, teacher) in runs.items()
    }


def tamer_beside_reinforcement(n_seeds, n_steps=12_800):
    """Returns what lives earn as steps go by, at equal steps, `[seeds, 16]` each: TAMER, and Q-learning from reward."""
    world = GridWorld()
    tamer = TAMER(learning_rate=0.05).learner(
        world, TABLE.builders(world), experts={"walker": Rule(along_the_wall)}, teacher=Teacher()
    )
    q = QLearning(n_worlds=1, n_steps=8, learning_rate=0.2, epsilon_steps=n_steps // 4).learner(
        world, TABLE.builders(world)
    )
    found = {}
    for name, learner in (("TAMER", tamer), ("Q-learning", q)):
        returns = over_seeds(learner, n_steps // learner.steps_per_update, n_seeds)["return"]
        found[name] = np.nanmean(returns.reshape(n_seeds, 16, -1), axis=2)
    return found


HORIZONS = (8, 16, 32, 64)


def cost_of_a_horizon(n_seeds, n_labels=256):
    """Returns what a drive costs, `[horizons, seeds]` each: for cloning and for DAgger, from as many labels.

    Cloning is DAgger whose expert drives to the end: it labels its own way only.
    """
    n_worlds, n_steps = 4, 8
    build = TABLE.builders(Road())
    ways = {"cloning": {"share_start": 1.0, "share_steps": 1e9}, "DAgger": {"share_start": 1.0, "share_steps": 128}}
    sizes = {"n_worlds": n_worlds, "n_steps": n_steps, "n_gradients": 16, "batch_size": 64, "memory_size": n_labels}
    found = {}
    for name, way in ways.items():
        record = DAgger(**sizes, **way, learning_rate=0.3)
        cost = functools.partial(_cost, record, build, n_labels // (n_worlds * n_steps))
        keys = jax.random.split(jax.random.key(1), n_seeds)
        over = jax.jit(jax.vmap(jax.vmap(cost, (None, 0)), (0, None)))
        found[name] = np.asarray(over(jnp.asarray(HORIZONS, jnp.int32), keys))
    return found


def _cost(record, build, n_updates, horizon, key):
    world = eqx.tree_at(lambda own: own.max_steps, Road(), horizon)
    learner = record.learner(world, build, experts={DRIVER: Rule(expert)})
    state = jax.lax.scan(lambda s, _: (learner.update(s)[0], None), learner.init(key), None, n_updates)[0]
    network = learner.policies(state)[DRIVER]
    sign, off = jnp.meshgrid(jnp.arange(SIGNS), jnp.arange(2), indexing="ij")
    seen = jnp.stack([sign, off], axis=-1).astype(jnp.float32)
    done = jnp.argmax(jax.vmap(jax.vmap(lambda features: network(features, None)[0]))(seen), axis=-1)
    errs = jnp.mean(done != wanted(sign, off), axis=0)  # on the road, and off it: no chance is left but the signs'

    def step(astray, time):
        astray = (1 - astray) * errs[0] + astray * errs[1]
        return astray, jnp.where(time < horizon, astray, 0.0)

    return jnp.sum(jax.lax.scan(step, jnp.zeros(()), jnp.arange(HORIZONS[-1]))[1])


def exponent(costs, resample=None):
    """Returns the slope of log cost over log horizon, of the mean over seeds (`[horizons, seeds]`)."""
    chosen = costs if resample is None else costs[:, resample]
    return float(np.polyfit(np.log(HORIZONS), np.log(np.maximum(chosen.mean(axis=1), 1e-9)), 1)[0])


def exponent_interval(costs, n=1000):
    """Returns the exponent and the 95 % interval of the bootstrap over seeds."""
    rng = np.random.default_rng(0)
    drawn = [exponent(costs, rng.integers(0, costs.shape[1], costs.shape[1])) for _ in range(n)]
    return exponent(costs), *np.quantile(drawn, [0.025, 0.975])
