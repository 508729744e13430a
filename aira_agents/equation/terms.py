"""AI = ML + TD + HITL as an object: terms are added and taken away, in any order.

`AI = ML(PPO()) + TD(demonstrations) + HITL(teacher, channel=Takeover())`, `AI - HITL`, `AI.fit(world, key)`.
"""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aira_agents.data.dataset import Dataset
from aira_agents.environment import Environment, Role
from aira_agents.errors import InputError
from aira_agents.human.channel import Channel
from aira_agents.human.overseer import Overseer, check_role
from aira_agents.human.takeover import Takeover
from aira_agents.learning.offline import has_memory
from aira_agents.learning.ppo import PPO
from aira_agents.policies.mlp import MLPPolicy
from aira_agents.policies.policy import Builder
from aira_agents.types import Key

if TYPE_CHECKING:
    from aira_agents.equation.fitting import Fitted


class Term:
    """One summand."""

    def __add__(self, other: "Term | AI") -> "AI":
        return AI() + self + other

    def __radd__(self, other: object) -> "AI":
        return _from_nothing(other) + self

    def __sub__(self, term: Any) -> "AI":
        return AI() + self - term


@dataclasses.dataclass(frozen=True, eq=False)
class ML(Term):
    """Machine learning: reinforcement from reward."""

    learner: Any = dataclasses.field(default_factory=PPO)  # a `PPO`; checked, with a better message than a type's
    steps: int = 32_000  # of the environment, over all worlds
    network: Builder = MLPPolicy.build

    def __post_init__(self) -> None:
        if not isinstance(self.learner, PPO):
            raise InputError(
                f"ML: the learner must be `PPO(...)`, whose loss the other terms add to; got {_told(self.learner)}."
            )
        if self.learner.n_parts > 1:
            raise InputError(
                f"ML: a person watches one of all worlds, which cannot be in parts; got n_parts={self.learner.n_parts}."
            )
        per_update = self.learner.n_worlds * self.learner.n_steps
        if self.learner.n_worlds < 2 or self.steps < per_update:
            raise InputError(
                f"ML: one update takes at least 2 worlds, and here {per_update} steps; got {self.learner.n_worlds} "
                f"world(s) and {self.steps} steps in all. Give more steps, or a learner with smaller updates."
            )

    @property
    def n_updates(self) -> int:
        """How often it learns; steps that do not fill an update are not taken."""
        return self.steps // (self.learner.n_worlds * self.learner.n_steps)


@dataclasses.dataclass(frozen=True, eq=False)
class TD(Term):
    """Training data: demonstrations, to look up or to clone. Several datasets: one for each seed of an ablation."""

    demonstrations: Dataset | Sequence[Dataset]
    cloning_steps: int = 175  # gradient steps before any reinforcement
    cloning_rate: float = 1e-3
    weight: float = 0.5  # of the cloning loss beside that of reinforcement, at first
    half_life_steps: float = 8_000  # environment steps in which this weight halves

    def __post_init__(self) -> None:
        if not self.datasets or not all(isinstance(own, Dataset) and len(own) for own in self.datasets):
            raise InputError("TD: there must be at least one dataset, and none empty. Record some with `record(...)`.")
        if self.cloning_steps < 0 or self.cloning_rate <= 0 or self.weight < 0 or self.half_life_steps <= 0:
            raise InputError(
                "TD: `cloning_steps` and `weight` must be at least 0, `cloning_rate` and `half_life_steps` above; got "
                f"{self.cloning_steps}, {self.weight}, {self.cloning_rate} and {self.half_life_steps}."
            )

    @property
    def datasets(self) -> tuple[Dataset, ...]:
        """One for each seed, in turn."""
        return (self.demonstrations,) if isinstance(self.demonstrations, Dataset) else tuple(self.demonstrations)


@dataclasses.dataclass(frozen=True, eq=False)
class HITL(Term):
    """The human in the loop: who watches, and how they step in."""

    teacher: Any  # an `Overseer`
    channel: Any = dataclasses.field(default_factory=Takeover)  # or `Veto`

    def __post_init__(self) -> None:
        if not isinstance(self.teacher, Overseer) or not isinstance(self.channel, Channel):
            raise InputError(
                "HITL: give `HITL(Overseer(...), channel=Takeover(...))`, or `Veto(...)`; got "
                f"{type(self.teacher).__name__} and {type(self.channel).__name__}. "
                "What real people press or forbid reaches a world that is stepped, as `aira view` does, and not the "
                "sums, whose steps run as one program."
            )


@dataclasses.dataclass(frozen=True, eq=False)
class AI:
    """A sum of terms; a term that is left out is `None`. Without any it acts at random."""

    ml: ML | None = None
    td: TD | None = None
    hitl: HITL | None = None

    @property
    def terms(self) -> tuple[Term, ...]:
        """Those that are there, in the order of the equation, whatever order they were added in."""
        return tuple(term for term in (self.ml, self.td, self.hitl) if term is not None)

    @property
    def name(self) -> str:
        """Such as `ML+HITL`; `none` where no term is left."""
        return "+".join(type(term).__name__ for term in self.terms) or "none"

    def __add__(self, other: "Term | AI") -> "AI":
        if not isinstance(other, Term | AI):
            raise InputError(f"Only ML, TD and HITL can be added; got {_told(other)}. Is it made, as in `ML(PPO())`?")
        total = self
        for term in other.terms if isinstance(other, AI) else (other,):
            field = _field(type(term))
            if getattr(total, field) is not None:
                raise InputError(f"There is a term {type(term).__name__} already: take it away before adding another.")
            total = dataclasses.replace(total, **{field: term})
        return total

    def __radd__(self, other: object) -> "AI":
        return _from_nothing(other) + self

    def __sub__(self, term: Any) -> "AI":
        field = _field(term if isinstance(term, type) else type(term))
        if getattr(self, field) is None:
            raise InputError(f"There is no term {field.upper()} to take away from {self.name}.")
        return dataclasses.replace(self, **{field: None})

    def role(self, world: Environment) -> Role:
        """Returns the role that learns; raises `InputError` if the terms do not fit the world."""
        if len(world.roles) != 1:
            names = ", ".join(role.name for role in world.roles)
            raise InputError(f"The equation is for worlds with one role; {type(world).__name__} has {names}.")
        role = world.roles[0]
        if self.hitl is not None:
            check_role(role)
        for own in self.td.datasets if self.td is not None else ():
            own.check_fits(world)
        if self.ml is not None and len(self.terms) > 1 and has_memory(role, self.ml.network):
            raise InputError("The equation clones single decisions: give ML a network without a memory.")
        return role

    def fit(self, world: Environment, key: Key) -> "Fitted":
        """Learns from all that is there; returns the policies and a ledger of what each term cost.

        Raises:
            InputError: The terms do not fit the world.
        """
        from aira_agents.equation.fitting import fit  # noqa: PLC0415  # it is made of terms

        return fit(self, world, key)


def _from_nothing(other: object) -> AI:
    """Returns the sum of no terms for the zero that `sum` begins with."""
    if other != 0:
        raise InputError(f"Only ML, TD and HITL can be added; got {_told(other)}. Is it made, as in `ML(PPO())`?")
    return AI()


def _field(kind: type) -> str:
    fields = {ML: "ml", TD: "td", HITL: "hitl"}
    if kind not in fields:
        raise InputError(f"The terms are ML, TD and HITL; got {kind.__name__}.")
    return fields[kind]


def _told(value: Any) -> str:
    """Returns what a value is, in a line: a record of hyperparameters fills many."""
    return " ".join(repr(value).split())[:80]
