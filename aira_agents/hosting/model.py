"""A world as a live `mesa.Model`.

`class ForagingModel(HostedModel, environment=Foraging)` is all that a world writes. The arrays stay the truth and the
loop is the one that trains; agents, agent sets and grid are views of them that cost nothing until somebody looks.
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import mesa
import numpy as np
from mesa.datacollection import DataCollector

from aira_agents.environment import Environment
from aira_agents.errors import InputError, unknown_name
from aira_agents.hosting.agents import AgentSets, HostedAgent, HostedAgents, agent_class
from aira_agents.hosting.collector import HostedCollector
from aira_agents.hosting.columns import Columns
from aira_agents.hosting.counting import taken_back
from aira_agents.hosting.course import Course
from aira_agents.hosting.grid import cells_of, check_place, hosted_grid
from aira_agents.hosting.programs import Glance, Program
from aira_agents.hosting.signature import checked_rng, live_parameter, with_signature, world_of
from aira_agents.keys import straight
from aira_agents.loop import Now, Transition
from aira_agents.parameters import parameters_of, replace
from aira_agents.policies.checking import policies_for
from aira_agents.policies.policy import AbstractPolicy
from aira_agents.policies.rule import plain_errors
from aira_agents.populations import State
from aira_agents.types import Key, Memory


class HostedModel(mesa.Model):
    """A world that Mesa can run, show, collect from and batch.

    Keyword parameters are the world's own, `policy` (one for all roles or a dictionary by role: a policy, a plain
    function, or `None` for who usually acts there) and `rng` (a whole number; the same gives the same world as the
    compiled loop).
    A number of the world may be set while the model lives: `model.regrowth = 0.1`.

    Attributes:
        model_reporters: Reporters of the model, besides the number of agents and the mean reward by role.
        agent_reporters: Reporters of agents; a column's name is quickest.
        agent_classes: Role to the class of its agents.
    """

    environment_class: ClassVar[type[Environment]]
    agent_classes: ClassVar[dict[str, type[HostedAgent]]] = {}
    model_reporters: ClassVar[Mapping[str, Any]] = {}
    agent_reporters: ClassVar[Mapping[str, Any]] = {}

    def __init_subclass__(cls, environment: type[Environment] | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if environment is None:  # a student's subclass of a world's model
            return
        cls.environment_class = environment
        cls.agent_classes = {role: agent_class(role, kind, cls) for role, kind in environment.populations.items()}
        for view in cls.agent_classes.values():
            setattr(cls, view.__name__, view)
        for name, parameter in parameters_of(environment).items():
            if hasattr(cls, name):
                raise InputError(
                    f"{environment.__name__}: Mesa's models have a {name!r} already; rename the parameter."
                )
            setattr(cls, name, live_parameter(name, parameter))
        cls.__init__ = with_signature(cls.__init__, environment)

    def __init__(self, policy: Any = None, *, rng: Any = None, **values: Any) -> None:
        environment = world_of(self.environment_class, values)
        policies = policies_for(environment, policy)
        super().__init__(rng=checked_rng(rng))
        self._policies, self._cells = policies, cells_of(environment)
        self._course = Course(Program(environment, policies), self._first_key(rng))
        self._views: dict[int, HostedAgent] = {}  # agent sets are weak: the views live here
        self._sets = AgentSets(self)
        self._columns: dict[str, Columns] = {}
        self._grid: Any = None
        self.version = 0  # grows with every change: views are made anew when it has
        self.running = not self.glance.ended
        self.datacollector: DataCollector | None = HostedCollector(self._model_reporters(), dict(self.agent_reporters))
        self.datacollector.collect(self)  # the world at time 0

    def _first_key(self, rng: int | None) -> Key:
        seed = int(self.rng.integers(2**32)) if rng is None else int(rng)
        return straight(jax.random.key(np.uint32(seed)))

    def _model_reporters(self) -> dict[str, Any]:
        own: dict[str, Any] = {}
        for role in self.agent_classes:
            own[f"n_{role}"] = functools.partial(_glimpse, role=role, what="alive")
            own[f"reward_{role}"] = functools.partial(_glimpse, role=role, what="rewards")
        return own | dict(self.model_reporters)

    # What moves it.

    def step(self) -> None:
        """Moves the world by one step, and collects.

        Raises:
            InputError: The world has ended, or a policy returned what is no action; then it is as it was before.
        """
        self._refuse_if_ended()
        if self._columns:
            self._flush()
        with taken_back(self), plain_errors():
            self._course.step()
        self._renewed()
        if self.datacollector is not None:
            self.datacollector.collect(self)

    def _renewed(self) -> None:
        self._columns = {}
        self.version += 1
        if self.glance.ended:
            self.running = False

    def _wrapped_step(self) -> None:
        self._refuse_if_ended()  # before Mesa counts a step that will not be
        super()._wrapped_step()

    def _refuse_if_ended(self) -> None:
        if self.glance.ended:
            raise InputError(f"This world ended after {self.steps} steps; make a new model to go on.")

    # What it is.

    @property
    def environment(self) -> Environment:
        """The world, with its parameters as they are now; `room` in cells grows by itself."""
        return self._course.program.environment

    def set_parameter(self, name: str, value: Any) -> None:
        """Sets a number of the world while it lives; nothing compiles anew."""
        if parameters_of(self.environment)[name].kind not in ("number", "whole number"):
            raise InputError(f"`{name}` is fixed when a model is made: sizes and options shape its arrays.")
        self._course.program = Program(replace(self.environment, **{name: value}), self._policies)

    @property
    def policies(self) -> dict[str, AbstractPolicy]:
        """Role to policy."""
        return dict(self._policies)

    @property
    def policy(self) -> Any:
        """Role to policy; may be set as in the constructor. The agents begin with the memory of birth."""
        return self.policies

    @policy.setter
    def policy(self, policy: Any) -> None:
        self._policies = policies_for(self.environment, policy)
        self._course.program = Program(self.environment, self._policies)
        capacities = {role.name: role.capacity for role in self.environment.roles}
        memories = {name: self._policies[name].initial_memories(capacity) for name, capacity in capacities.items()}
        self._course.now = dataclasses.replace(self._course.now, memories=memories)

    @property
    def state(self) -> State:
        """The arrays of the world, with all that was set from Python."""
        return self._flush().state

    @property
    def memories(self) -> dict[str, Memory]:
        """What the agents remember, by role: `[capacity, ...]`."""
        return self._flush().memories

    @property
    def transition(self) -> Transition | None:
        """What was perceived, decided and earned in the last step, by role; `None` before the first.

        The step is taken again when somebody looks: keeping what nobody looks at would cost more than hosting does.
        """
        return self._course.transition

    @property
    def glance(self) -> Glance:
        """Whether the world ended; and by role, how many live and what they earned on average in the last step."""
        return self._course.glance

    # What Mesa sees of it.

    @property
    def agents(self) -> HostedAgents:  # pyright: ignore[reportIncompatibleMethodOverride]
        """All agents that live, as a set that follows the world."""
        return self._sets[tuple(self.agent_classes)]

    @property
    def agents_by_type(self) -> dict[type, HostedAgents]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The agents of each role, by class (`model.agent_classes`)."""
        return {kind: self._sets[role,] for role, kind in self.agent_classes.items()}

    @property
    def agent_types(self) -> list[type]:
        """The classes of the agents, one a role."""
        return list(self.agent_classes.values())

    @property
    def grid(self) -> Any:
        """The cells as a Mesa grid; `None` in a world without."""
        if self._grid is None and self.environment.grid:
            self._grid = hosted_grid(self)
        return self._grid

    def add(self, role: str, **columns: Any) -> HostedAgent:
        """Adds an agent; columns that are not given are zero, and its memory is that of birth.

        Raises:
            InputError: The role or a column is unknown, a value does not fit, or there is no room.
        """
        if role not in self.agent_classes:
            raise unknown_name("role", role, self.agent_classes)
        own = self.columns(role)
        for name, value in columns.items():
            own.check(name, value)
        now = self._course.now
        uid = int(now.state.next_uid)
        row = own.add(uid)
        for name, value in columns.items():
            own.write(name, row, value)
        self._course.now = eqx.tree_at(lambda now: now.state.next_uid, now, jnp.asarray(uid + 1, jnp.int32))
        self.changed()
        return self._view(role, uid, row)

    def remove_all_agents(self) -> None:
        """Removes everybody."""
        for agent in list(self.agents):
            agent.remove()

    def register_agent(self, agent: Any) -> None:
        """Refused: agents of a hosted world are rows of its arrays."""
        raise InputError(
            f"A hosted world has no agents but those of its arrays, no {type(agent).__name__}: use `model.add(role)`."
        )

    deregister_agent = register_agent

    # What its views need.

    def columns(self, role: str) -> Columns:
        """The columns of one role as they are now."""
        if role not in self._columns:
            self._columns[role] = Columns(role, self._course.now.state.agents[role], self._cells)
        return self._columns[role]

    def views(self, role: str) -> list[HostedAgent]:
        """A view of each agent of `role` that lives, in order of rows."""
        own = self.columns(role)
        rows = np.flatnonzero(own["alive"])
        return [self._view(role, uid, row) for uid, row in zip(own["uid"][rows].tolist(), rows.tolist(), strict=True)]

    def _view(self, role: str, uid: int, row: int) -> HostedAgent:
        if uid not in self._views:
            self._views[uid] = self.agent_classes[role].view(self, uid, row)
        return self._views[uid]

    def changed(self) -> None:
        """Says that a column was written to."""
        self.version += 1

    def check_place(self, place: Any) -> None:
        """Raises `InputError` if `place` is no `(x, y)` of the grid."""
        check_place(self._cells, place)

    def _flush(self) -> Now:
        """Puts what was written from Python into the arrays; returns the world."""
        now = self._course.now
        state, memories = now.state, dict(now.memories)
        for role, own in self._columns.items():
            state = own.flush(state)
            if own.added.any():
                nobody = jnp.full(own.added.shape, -1, jnp.int32)
                memories[role] = self._policies[role].renew(memories[role], jnp.asarray(own.added), nobody)
        if state is not now.state:
            self._course.now, self._columns = Now(state, memories, now.key), {}
        return self._course.now


def _glimpse(model: HostedModel, role: str, what: str) -> float:
    return getattr(model.glance, what)[role].item()
