"""A hosted world that people steer while it runs: policies are swapped, worlds renewed, and a fault stops it kindly."""

import functools
import threading
from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from aira_agents.environment import Environment
from aira_agents.errors import AiraError
from aira_agents.hosting.model import HostedModel
from aira_agents.hosting.numbers import number_names, numbers
from aira_agents.hosting.programs import Program
from aira_agents.loop import Transition
from aira_agents.policies.policy import AbstractPolicy


class Steered(HostedModel):
    """A hosted model for an audience; made by `steered`.

    Attributes:
        renews: Whether a new world begins in place of one that ended; steps count on.
        fault: What went wrong in the last step, for people to read; `None`: nothing.
        lives: How many worlds there were.
    """

    renews: bool
    fault: str | None
    lives: int
    _lock: Any
    _ended: bool
    _pace: Callable[[], None]
    _ready: "Callable[[Steered], None]"
    _stepped: "Callable[[Steered], None]"
    _acted: dict[str, AbstractPolicy]  # who decided in the last step
    _births: list[int]  # the next uid after each step of this world: says when an agent was born

    def _wrapped_step(self) -> None:
        self._pace()
        with self._lock:
            if self._ended:
                self.running = False
                return
            try:
                if self.glance.ended and self.renews:
                    self.renew()
                self._ready(self)
                self._acted = self._policies
                super()._wrapped_step()
            except Exception as error:  # a world or a rule can fail in any way; the page must live on
                self.fault, self.running = told(error), False
                return
            self.fault = None
            self.running = self.renews or not self.glance.ended
            self._births.append(int(self._course.now.state.next_uid))
        self._stepped(self)

    def renew(self) -> None:
        """Begins a new world in place, with the parameters and policies of now."""
        with self._lock:
            self._course.begin(self._course.now.key)
            self._renewed()
            self._views.clear()  # uids begin anew
            self.running = True
            self.lives += 1
            self._births = [int(self._course.now.state.next_uid)]

    def end(self) -> None:
        """Ends it for good: a thread that plays it, such as Mesa's page leaves behind in a closed tab, stops."""
        self._ended = True

    def prepare(self, policies: Mapping[str, AbstractPolicy]) -> None:
        """Compiles what `policies` need, while the world goes on under the old ones."""
        program = Program(self.environment, policies)
        now, _ = program.start(self._course.now.key)
        program.steps(now, 1)
        program.look(now)

    def swap(self, policies: Mapping[str, AbstractPolicy]) -> None:
        """Puts other policies in place; agents keep what they remember where that has the same shape.

        Raises:
            IncompatiblePolicyError: One does not fit its role.
        """
        with self._lock:
            if _shapes(policies) == _shapes(self._policies):
                self._policies = dict(policies)
                self._course.program = Program(self.environment, self._policies)
            else:
                self.policy = policies

    def set_parameter(self, name: str, value: Any) -> None:
        """As `HostedModel.set_parameter`, between two steps."""
        with self._lock:
            super().set_parameter(name, value)

    @property
    def transition(self) -> Transition | None:
        """As `HostedModel.transition`, between two steps."""
        with self._lock:
            return super().transition

    def decided(self) -> tuple[dict[str, AbstractPolicy], Transition] | None:
        """Returns the policies that acted in the last step, and what happened in it; `None` before the first."""
        with self._lock:
            return None if self.transition is None else (self._acted, self.transition)

    def shown(self) -> tuple[int, Transition] | None:
        """Returns the number of the last step, and what happened in it, whoever steps meanwhile; `None`: none yet."""
        with self._lock:
            return None if self.transition is None else (self.steps, self.transition)

    def ahead(self) -> Transition:
        """Returns what will happen in the next step, if nobody interferes."""
        with self._lock:
            return self._course.program.look(self._flush())

    def _model_reporters(self) -> dict[str, Any]:
        means = {
            f"mean {name} of {role}": functools.partial(_mean, role=role, name=name)
            for role, population in self._course.now.state.agents.items()
            for name in number_names(population)
        }
        return super()._model_reporters() | means

    def moment(self) -> tuple[Environment, Any, int]:
        """Returns world, state and number of steps that belong together, whoever steps meanwhile."""
        with self._lock:
            return self.environment, self.state, self.steps

    def age(self, uid: int) -> int:
        """How many steps ago the agent was born; founders were at the reset."""
        return len(self._births) - 1 - bisect_right(self._births, uid)


def steered(
    model: type[HostedModel],
    settings: Callable[[], Mapping[str, Any]],
    pace: Callable[[], None] = lambda: None,
    ready: Callable[[Steered], None] = lambda model: None,
    stepped: Callable[[Steered], None] = lambda model: None,
) -> type[Steered]:
    """Returns a class of steered models whose parameters are `settings()` at the time one is made.

    `pace` is called before every step, and may wait: who looks need not look at more than can be shown. `ready` is
    called last before a step, in the world that it begins in, and may swap policies; `stepped` after every step that
    went well.

    Mesa's page makes a new model at every reset, by `type(model)(rng=...)`: what was set and learned lives elsewhere.
    """

    def make(self: Any, *, rng: Any = None) -> None:
        self._pace, self._ready, self._stepped = pace, ready, stepped
        self._lock, self.renews, self.fault, self.lives, self._ended = threading.RLock(), True, None, 1, False
        model.__init__(self, **settings(), rng=rng)
        self._births = [int(self._course.now.state.next_uid)]

    return type(model.__name__, (Steered, model), {"__init__": make, "__module__": model.__module__})


def _mean(model: Steered, role: str, name: str) -> float:
    population = model._course.now.state.agents[role]
    living = numbers(population, name)[np.asarray(population.alive)]
    return float(living.mean()) if len(living) else float("nan")


def told(error: Exception) -> str:
    """Returns what went wrong in one line; of what is no `AiraError` only the kind and the first line."""
    lines = str(error).strip().splitlines() or ["no message"]
    if isinstance(error, AiraError):
        return " ".join(lines)
    return f"The step failed: {type(error).__name__}: {lines[0].rstrip('.')}."


def model_of(environment: type[Environment]) -> type[HostedModel]:
    """Returns the Mesa class of a world: the one in its file, or a new one."""
    waiting = [HostedModel]
    while waiting:
        found = waiting.pop()
        if found.__dict__.get("environment_class") is environment:
            return found
        waiting += found.__subclasses__()
    return type(f"{environment.__name__}Model", (HostedModel,), {}, environment=environment)


def _shapes(policies: Mapping[str, AbstractPolicy]) -> Any:
    leaves, structure = jax.tree.flatten(dict(policies))
    return structure, [(getattr(leaf, "shape", None), getattr(leaf, "dtype", None)) for leaf in leaves]
