"""TAMER: a model of what a person will say about an action, and agents that do what would please most.

Rewards of the world are not looked at, and nothing is discounted: a person's judgement has the future in it already.
Source: Knox and Stone 2009, "Interactively shaping agents via human reinforcement: the TAMER framework", section 3;
with a network, lessons weighted by credit, and lessons remembered: Warnell et al. 2018, "Deep TAMER", section 4.
"""

import functools
from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp

from aira_agents.environment import Environment, Role
from aira_agents.human import rehearsing
from aira_agents.human.rehearsing import rehearsed
from aira_agents.human.signals import Lessons
from aira_agents.human.teacher import Teacher
from aira_agents.human.teaching import Learn, Taught, Teaching
from aira_agents.learning.learner import Learner
from aira_agents.learning.pairs import call_all
from aira_agents.parameters import check_parameters, number, size
from aira_agents.policies.policy import AbstractPolicy, Builder, Policy
from aira_agents.policies.value import EpsilonGreedy, ValuePolicy
from aira_agents.types import Array, Float, Number


class TAMER(eqx.Module):
    """TAMER for one role. The network's outputs are read as the signal that each action is expected to earn.

    With several layers this is Deep TAMER: a network instead of a linear model, lessons weighted by their credit, and
    remembered lessons drawn again and again. Two things differ from the paper: steps of gradient are taken in every
    update instead of at every signal and every few steps, and no layers are trained beforehand to compress pictures.
    With one layer (`MLPPolicy.build` with `hidden=()`) it is TAMER as in 2009, but for the memory of lessons.
    """

    learning_rate: Number = number(3e-3, low=0, high=1, help="step of the optimizer, Adam")
    epsilon: Number = number(0.05, low=0, high=1, help="chance of a random action while being taught")
    low_s: Number = number(0.2, low=0, high=60, unit="s", help="shortest delay of the person, as the learner believes")
    high_s: Number = number(0.8, low=0, high=60, unit="s", help="longest delay; both 0: no window")
    step_s: Number = number(0.2, low=1e-3, high=60, unit="s", help="how long a step is shown")
    n_worlds: int = size(1, help="worlds that are watched side by side")
    n_steps: int = size(8, unit="steps", help="steps of each world before an update")
    n_gradients: int = size(8, help="gradient steps of an update")
    batch_size: int = size(64, help="lessons in each of them, drawn from memory")
    memory_size: int = size(10_000, help="lessons that are remembered")
    inbox_size: int = size(64, help="signals of people that one update takes")

    def __check_init__(self) -> None:
        check_parameters(self)

    def learner(
        self,
        environment: Environment,
        networks: Builder | Mapping[str, Builder],
        *,
        experts: Mapping[str, AbstractPolicy] | None = None,
        teacher: Teacher | None = None,
        role: str | None = None,
    ) -> Learner:
        """Makes the learner.

        Args:
            environment: The world.
            networks: Builds the model of the person, for all roles or by role: an output for each action.
            experts: Role to what the simulated teacher would do; `None`: only people teach.
            teacher: The simulated teacher; `None`: only people teach.
            role: Who is taught; `None`: the world's first role. The others act at random.

        Raises:
            InputError: The role does not exist, or a delay reaches further back than is remembered.
            IncompatiblePolicyError: The role acts by numbers.
        """
        teaching = Teaching(self, environment, networks, experts, teacher, role)
        return teaching.learner(
            functools.partial(self.begun, teaching),
            lambda network: EpsilonGreedy(network, self.epsilon),
            self.learn_in(teaching),
            ValuePolicy,
        )

    def begun(self, teaching: Teaching, vector: Array) -> Taught:
        """Begins with an untrained network, and no lessons."""
        return rehearsing.begun(self, vector, jax.eval_shape(teaching.nothing_given))

    def learn_in(self, teaching: Teaching) -> Learn:
        """Returns what improves the model of the person by lessons."""
        return lambda taught, given, key: rehearsed(self, surprise, taught, given, key, teaching.flat, teaching.role)


def surprise(network: Policy, batch: Lessons, role: Role) -> Array:
    """Returns how far signals are from what was expected: squared, and weighted by credit."""
    expected = expected_signal(network, role, batch.features, batch.actions)
    return jnp.sum(batch.credit * (expected - batch.value) ** 2) / jnp.maximum(jnp.sum(batch.credit), 1e-9)


def expected_signal(
    network: Policy, role: Role, features: Float[Array, "*batch features"], actions: dict[str, Array]
) -> Float[Array, "*batch"]:
    """Returns what a person will say of actions; where a role has several effectors, of all together."""
    outputs = call_all(network, features, network.initial_memory())[0]
    expected, start = jnp.zeros(outputs.shape[:-1]), 0
    for name, space in role.spaces.items():
        own = outputs[..., start : start + space.n_parameters]
        expected += jnp.take_along_axis(own, actions[name][..., None], axis=-1)[..., 0]
        start += space.n_parameters
    return expected
