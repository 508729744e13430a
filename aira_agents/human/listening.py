"""Who listens to the people of a page: what is made of one lesson, and how agents act by what was learned.

COACH moves the policy by a signal. TAMER learns what will please, also beside a policy that learns from reward. The
pupil of take-over, or of DAgger, copies what was shown. All are pure functions of the lessons so far, so that taking
one back is to learn the others anew.
Sources: those of `coach.py` and `tamer.py`; copying: Ross et al. 2011, "DAgger", algorithm 3.1, and Kelly et al. 2019,
"HG-DAgger", section 3; comparing: Hejna et al. 2023, "Contrastive preference learning", eq. 5.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from aira_agents.environment import Role
from aira_agents.errors import unknown_name
from aira_agents.human import rehearsing
from aira_agents.human.biasing import biased
from aira_agents.human.coach import climbing, coached, disapproval
from aira_agents.human.credit import CreditWindow
from aira_agents.human.rehearsing import rehearsed
from aira_agents.human.signals import Lessons
from aira_agents.human.tamer import surprise
from aira_agents.human.teaching import Taught
from aira_agents.learning.flattening import Flattener
from aira_agents.parameters import check_parameters, number, size
from aira_agents.policies.policy import AbstractPolicy, Policy
from aira_agents.policies.value import EpsilonGreedy, ValuePolicy
from aira_agents.types import Array, Key, Number

LONGEST = 1.0  # step of COACH, before it is multiplied by the learning rate


class Listener(eqx.Module):
    """What is made of lessons."""

    low_s: eqx.AbstractVar[Number]
    high_s: eqx.AbstractVar[Number]
    heeds: ClassVar[frozenset[str]] = frozenset({"evaluation", "preference", "veto"})  # beside what is shown
    steers: ClassVar[bool] = True  # whether who leads an agent decides for it, or only says what would be right
    learns_values: ClassVar[bool] = False  # whether the network's outputs are values, not logits

    @property
    def window(self) -> CreditWindow:
        """The delay of the person."""
        return CreditWindow(low_s=self.low_s, high_s=self.high_s)

    @abstractmethod
    def begun(self, vector: Array, nothing: Lessons) -> Taught:
        """Returns what is known before the first lesson; `nothing` is of the shape of any lesson."""

    @abstractmethod
    def learn(self, taught: Taught, given: Lessons, key: Key, flat: Flattener, role: Role) -> Taught:
        """Improves by one lesson."""

    def acting(self, network: Policy) -> AbstractPolicy:
        """Returns how agents act by the network while it is taught."""
        return network

    def known(self, network: Policy) -> Policy:
        """Returns the policy that comes out."""
        return ValuePolicy(network) if self.learns_values else network


class Coached(Listener):
    """COACH: each signal moves the policy at once. What a person does while leading counts as approved."""

    learning_rate: Number = number(0.05, low=0, high=10, help="step along the gradient")
    low_s: Number = number(0.2, low=0, high=60, unit="s", help="shortest delay of the person")
    high_s: Number = number(0.8, low=0, high=60, unit="s", help="longest delay of the person")

    def __check_init__(self) -> None:
        check_parameters(self)

    def begun(self, vector: Array, nothing: Lessons) -> Taught:
        """The policy as it is."""
        return Taught(vector, self._optimizer.init(vector), None)

    def learn(self, taught: Taught, given: Lessons, key: Key, flat: Flattener, role: Role) -> Taught:
        """Goes one step along the gradient."""
        del key  # nothing is drawn
        return coached(self._optimizer, taught, given, flat, role)[0]

    @property
    def _optimizer(self) -> optax.GradientTransformation:
        return climbing(self.learning_rate, LONGEST)


class Remembering(Listener):
    """What TAMER and the pupil of take-over share: lessons are remembered, and drawn again and again."""

    learning_rate: eqx.AbstractVar[Number]
    n_gradients: eqx.AbstractVar[int]
    batch_size: eqx.AbstractVar[int]
    memory_size: eqx.AbstractVar[int]

    @abstractmethod
    def loss(self, network: Policy, batch: Lessons, role: Role) -> Array:
        """Returns what is to fall; `batch` is in one row."""

    def begun(self, vector: Array, nothing: Lessons) -> Taught:
        """Nothing is remembered."""
        return rehearsing.begun(self, vector, nothing)

    def learn(self, taught: Taught, given: Lessons, key: Key, flat: Flattener, role: Role) -> Taught:
        """Remembers the lesson, and takes gradient steps on what is remembered."""
        return rehearsed(self, self.loss, taught, given, key, flat, role)[0]


class Tamed(Remembering):
    """TAMER: the network learns what a person will say of each action, and agents do what would please most."""

    learns_values = True
    learning_rate: Number = number(3e-3, low=0, high=1, help="step of the optimizer, Adam")
    epsilon: Number = number(0.05, low=0, high=1, help="chance of a random action")
    low_s: Number = number(0.2, low=0, high=60, unit="s", help="shortest delay of the person")
    high_s: Number = number(0.8, low=0, high=60, unit="s", help="longest delay of the person")
    n_gradients: int = size(8, help="gradient steps a lesson")
    batch_size: int = size(64, help="steps in each of them, drawn from memory")
    memory_size: int = size(5_000, help="steps that are remembered")

    def __check_init__(self) -> None:
        check_parameters(self)

    def loss(self, network: Policy, batch: Lessons, role: Role) -> Array:
        """How far signals were from what was expected."""
        return surprise(network, batch, role)

    def acting(self, network: Policy) -> AbstractPolicy:
        """Does what is expected to please, and now and then anything."""
        return EpsilonGreedy(network, self.epsilon)


class Mixed(Listener):
    """A mix with RL: what TAMER learns of the person biases a policy that goes on learning from reward meanwhile."""

    learns_values = True
    weight: Number = number(2.0, low=0, high=100, help="what an expected signal of 1 adds to the logit of an action")
    low_s: Number = number(0.2, low=0, high=60, unit="s", help="shortest delay of the person")
    high_s: Number = number(0.8, low=0, high=60, unit="s", help="longest delay of the person")
    tamer: Tamed = eqx.field(default_factory=Tamed)

    def __check_init__(self) -> None:
        check_parameters(self)

    def begun(self, vector: Array, nothing: Lessons) -> Taught:
        """As TAMER."""
        return self.tamer.begun(vector, nothing)

    def learn(self, taught: Taught, given: Lessons, key: Key, flat: Flattener, role: Role) -> Taught:
        """As TAMER."""
        return self.tamer.learn(taught, given, key, flat, role)

    def mixed(self, reinforced: Policy, network: Policy) -> Policy:
        """Returns how agents act by what was learned from reward, and from the person."""
        return biased(reinforced, network, self.weight)


class Led(Remembering):
    """Take-over: the policy copies what the person did while leading, and heeds no other signals."""

    heeds = frozenset()
    learning_rate: Number = number(3e-3, low=0, high=1, help="step of the optimizer, Adam")
    low_s: Number = number(0.0, low=0, high=60, unit="s", help="shortest delay of the person")
    high_s: Number = number(0.0, low=0, high=60, unit="s", help="longest delay of the person")
    n_gradients: int = size(8, help="gradient steps a lesson")
    batch_size: int = size(64, help="steps in each of them, drawn from memory")
    memory_size: int = size(5_000, help="steps that are remembered")

    def __check_init__(self) -> None:
        check_parameters(self)

    def loss(self, network: Policy, batch: Lessons, role: Role) -> Array:
        """How improbable what was shown is."""
        seen = jax.tree.map(lambda leaf: leaf[None], batch)
        return disapproval(network, seen, role) / jnp.maximum(jnp.sum(batch.credit), 1e-9)


class Aggregated(Led):
    """DAgger: agents act by their policy, and copy what the person says would be right wherever they get."""

    steers = False


class Compared(Coached):
    """Preferences: what was done in the better of two clips becomes more probable, and in the other less."""

    heeds = frozenset({"preference"})


LISTENERS: dict[str, Callable[[], Listener]] = {
    "coach": Coached,
    "tamer": Tamed,
    "preferences": Compared,
    "DAgger": Aggregated,
    "take-over": Led,
    "mix with RL": Mixed,
}


def find_listener(name: str) -> Callable[[], Listener]:
    """Returns a listener by name; raises `InputError` if there is none."""
    if name not in LISTENERS:
        raise unknown_name("listener", name, LISTENERS)
    return LISTENERS[name]
