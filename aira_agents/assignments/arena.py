"""The worlds of an assignment, one for each seed, stepped together by the grader: it owns world, seeds and score.

One program takes a step of all worlds. Between two steps whoever plays is told what its agents perceive and says what
they do; all that is random is drawn from the seed, so that everybody meets the same worlds.
"""

import functools
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from aira_agents.assignments.pads import padded, pads_for
from aira_agents.environment import Environment, Percept, Role
from aira_agents.errors import NumericalError
from aira_agents.keys import for_agents, straight
from aira_agents.loop import Now, Transition, one_step, start
from aira_agents.policies.policy import AbstractPolicy, Decision
from aira_agents.types import Array, Bool, Float, Key, Memory, UInt32

# Compiled in a third of the time, and half as fast afterwards: these programs run for a second or so. The second option
# is gone from later versions.
COMPILER: dict[str, Any] = {"xla_backend_optimization_level": 0}
if jax.__version_info__ < (0, 11):
    COMPILER["xla_cpu_use_fusion_emitters"] = False
_quickly_compiled: Any = functools.partial(eqx.filter_jit, compiler_options=COMPILER)  # type: ignore[call-overload]


class Dictated(AbstractPolicy):
    """Does what it was told before the step: its agents' actions are what they remember."""

    actions: dict[str, Array]  # at first

    def decide(self, role: Role, percept: Percept, memories: Memory, key: Key) -> tuple[Decision, Memory]:
        """Hands the actions on."""
        del percept, key
        return Decision(memories, jnp.zeros(role.capacity)), memories

    def initial_memories(self, capacity: int) -> Memory:
        """Nothing was said yet."""
        del capacity
        return self.actions

    def renew(self, memories: Memory, fresh: Array, parent: Array) -> Memory:
        """The newborn are told before they act."""
        del fresh, parent
        return memories


class Standing(eqx.Module):
    """Worlds in the midst of a game, and what was earned so far; each array has a first axis of worlds."""

    now: Now
    over: Bool[Array, " worlds"]
    returns: Float[Array, "worlds capacity"]
    lives: Float[Array, "worlds capacity"]
    pads: UInt32[Array, "worlds 2"]  # of the keys that are handed on


class View(NamedTuple):
    """What whoever plays is told before a step, as NumPy arrays by name (see `pipe.asked`), and the last rewards."""

    batch: dict[str, np.ndarray]
    over: np.ndarray  # [worlds]
    rewards: np.ndarray  # [worlds, capacity]; before the first step zero


@runtime_checkable
class Player(Protocol):
    """Whoever plays: a submission's process, or a policy of the library."""

    kind: str

    def act(self, batch: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Returns an action for every agent of every world, by effector."""
        ...


@runtime_checkable
class Watcher(Protocol):
    """Whoever looks on."""

    def before(self, standing: Standing, view: View) -> None:
        """Sees the worlds before a step."""
        ...

    def after(self, actions: Mapping[str, np.ndarray], view: View) -> None:
        """Sees what was done, and what came of it."""
        ...


class Score(NamedTuple):
    """What came of a game."""

    returns: np.ndarray  # [worlds, capacity]
    lives: np.ndarray  # [worlds, capacity]

    @property
    def means(self) -> np.ndarray:
        """The mean return of a life in each world; zero where nobody lived."""
        return self.returns.sum(axis=1) / np.maximum(self.lives.sum(axis=1), 1)


class Arena:
    """One role of one world, and what the other roles do; it plays as often as it is asked, compiled once."""

    def __init__(
        self,
        environment: Environment,
        role: str,
        others: Mapping[str, AbstractPolicy],
        hidden: Collection[int] = (),  # seeds that nobody shall work out of what is handed on
    ) -> None:
        self.environment, self._hidden = environment, frozenset(hidden)
        self.index = [r.name for r in environment.roles].index(role)
        self.role = environment.roles[self.index]
        nothing = {
            name: jnp.asarray(np.zeros((self.role.capacity, *space.shape), np.float32 if space.shape else np.int32))
            for name, space in self.role.spaces.items()
        }
        self._policies = {**others, role: Dictated(nothing)}

    def begin(self, seeds: Sequence[int]) -> tuple[Standing, View]:
        """Resets a world for each seed."""
        pads = pads_for(seeds, self._hidden)
        standing, told = _begin(self.environment, self._policies, np.asarray(seeds, np.uint32), pads, self.index)
        return standing, _view(told)

    def step(self, standing: Standing, actions: Mapping[str, np.ndarray]) -> tuple[Standing, View]:
        """Takes one step of all worlds with the role's actions, `[worlds, capacity, ...]` by effector."""
        given = {
            name: np.asarray(actions[name], np.float32 if space.shape else np.int32)
            for name, space in self.role.spaces.items()
        }
        standing, told = _step(self.environment, self._policies, standing, given, self.index)
        return standing, _view(told)

    def play(self, player: Player, seeds: Sequence[int], watch: Watcher | None = None) -> Score:
        """Lets `player` act for the role until every world is over; raises what it raises.

        Args:
            player: Whoever plays.
            seeds: One world each.
            watch: Is shown every step, the one at which the player fails included.

        Raises:
            NumericalError: The world's rewards blew up.
        """
        standing, view = self.begin(seeds)
        while not view.over.all():
            if watch is not None:
                watch.before(standing, view)
            actions = player.act(view.batch)
            standing, view = self.step(standing, actions)
            if watch is not None:
                watch.after(actions, view)
        return score(standing)

    def setup(self, n_worlds: int, world: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Returns what a submission's process must know beforehand, as JSON holds it."""
        return {
            "world": world,
            "parameters": dict(parameters),
            "role": self.role.name,
            "n_worlds": n_worlds,
            "capacity": self.role.capacity,
            "n_features": self.role.n_features,
            "layout": [[name, start, stop, list(shape)] for name, start, stop, shape in self.role.layout],
            "effectors": {
                name: int(np.prod(space.shape)) if space.shape else 0 for name, space in self.role.spaces.items()
            },
            "valid": self._valid,
        }

    @functools.cached_property
    def _valid(self) -> dict[str, int]:
        """How many of an effector's actions a percept says are valid or not, where it says so."""
        environment = self.environment
        key = jax.eval_shape(lambda: jax.random.key(0))
        percepts = eqx.filter_eval_shape(lambda k: environment.observe(environment.reset(k), k), key)
        return {name: mask.shape[-1] for name, mask in percepts[self.role.name].valid.items()}


def score(standing: Standing) -> Score:
    """Returns what was earned; raises `NumericalError` if it is no number."""
    found = Score(np.asarray(standing.returns, np.float64), np.asarray(standing.lives, np.float64))
    if not np.all(np.isfinite(found.returns)):
        raise NumericalError("A return is infinite or not-a-number: the world's rewards blew up.")
    return found


class PolicyPlayer:
    """A policy of the library, in the grader's own process: a baseline."""

    kind = "jax"

    def __init__(self, role: Role, policy: AbstractPolicy) -> None:
        self._role, self._policy = role, policy
        self._memories: Any = None

    def act(self, batch: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Decides."""
        if self._memories is None:
            self._memories = born(self._role, self._policy, len(batch["features"]))
        asked = {name: array for name, array in batch.items() if name != "row_keys"}  # of NumPy's rules
        actions, self._memories = _decide(self._role, self._policy, asked, self._memories)
        return {name: np.asarray(action) for name, action in actions.items()}


def decide(role: Role, policy: AbstractPolicy, batch: dict[str, Any], memories: Any) -> Any:
    """Returns the actions of a role in all worlds, as in the loop, and what its agents remember.

    Args:
        role: Whose.
        policy: Decides.
        batch: As `pipe.asked` describes it for "jax".
        memories: `[worlds, capacity, ...]`.
    """

    def one(own: dict[str, Any], memory: Any) -> Any:
        memory = policy.renew(memory, own["fresh"], own["parent"])
        valid = {name[6:]: mask for name, mask in own.items() if name.startswith("valid/")}
        percept = Percept(own["features"], valid)
        decision, memory = policy.decide(role, percept, memory, straight(jax.random.wrap_key_data(own["keys"])))
        return decision.actions, memory

    return jax.vmap(one)(batch, memories)


def born(role: Role, policy: AbstractPolicy, n_worlds: int) -> Any:
    """Returns what the agents of all worlds remember at birth, `[worlds, capacity, ...]`."""
    birth = policy.initial_memories(role.capacity)
    return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (n_worlds, *leaf.shape)), birth)


_decide = _quickly_compiled(decide)


@_quickly_compiled
def _begin(environment: Environment, policies: Any, seeds: Array, pads: Array, index: int) -> Any:
    keys = straight(jax.vmap(jax.random.key)(seeds))  # the same numbers, sooner compiled and sooner drawn
    now = jax.vmap(lambda key: start(environment, policies, key))(keys)
    role = environment.roles[index]
    nothing = jnp.zeros((len(keys), role.capacity))
    standing = Standing(now, jax.vmap(environment.ended)(now.state), nothing, nothing, pads)
    fresh = jnp.zeros((len(keys), role.capacity), bool)
    return standing, _told(environment, standing, index, fresh, nothing)


@_quickly_compiled
def _step(environment: Environment, policies: Any, standing: Standing, actions: Any, index: int) -> Any:
    name = environment.roles[index].name
    now = eqx.tree_at(lambda n: n.memories[name], standing.now, actions)
    now, happened = jax.vmap(lambda one: one_step(environment, policies, one))(now)
    return _earned(environment, standing, now, happened, index)


def _earned(environment: Environment, before: Standing, now: Now, happened: Transition, index: int) -> Any:
    name = environment.roles[index].name
    feedback = happened.feedback[name]
    # A world that is over runs on beside the others, and counts no more.
    counts = feedback.active & ~before.over[:, None]
    rewards = jnp.where(counts, feedback.reward, 0.0)
    ends = counts & (feedback.terminated | feedback.truncated)
    over = before.over | jax.vmap(environment.ended)(now.state)
    standing = Standing(now, over, before.returns + rewards, before.lives + ends, before.pads)
    return standing, _told(environment, standing, index, happened.fresh[name], rewards)


def _told(environment: Environment, standing: Standing, index: int, fresh: Array, rewards: Array) -> Any:
    """Returns what a view holds: what `one_step` will let the role perceive, and the keys it will decide with."""
    role = environment.roles[index]

    def look(one: Now, pad: Array) -> tuple[Percept, Array, Array]:
        _, sense_key, act_key, _ = jax.random.split(one.key, 4)
        n_roles = len(environment.roles)
        own_key = padded(jax.random.split(act_key, n_roles)[index] if n_roles > 1 else act_key, pad)
        rows = for_agents(own_key, role.capacity)
        return environment.observe(one.state, sense_key)[role.name], own_key, rows

    percepts, own_keys, row_keys = jax.vmap(look)(standing.now, standing.pads)
    agents = standing.now.state.agents[role.name]
    batch = {
        "features": percepts.features,
        "alive": agents.alive & ~standing.over[:, None],
        "keys": jax.random.key_data(own_keys),
        "row_keys": jax.random.key_data(row_keys),
        "fresh": fresh,
        "parent": agents.parent,
    }
    return batch | {f"valid/{n}": mask for n, mask in percepts.valid.items()}, standing.over, rewards


def _view(told: Any) -> View:
    batch, over, rewards = jax.device_get(told)
    return View(batch, over, rewards)
