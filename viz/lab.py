"""All that one tab of the page holds: its world, who acts in it, what was taken away, and what was learned.

What outlives a reset lives here and not in the model.
"""

import uuid
import weakref
from collections.abc import Callable, Mapping
from typing import Any, cast

import jax
import jax.numpy as jnp
import solara

from aira_agents.environment import Environment
from aira_agents.errors import AiraError
from aira_agents.hosting.steered import Steered, model_of, steered, told
from aira_agents.learning.background import BackgroundTraining
from aira_agents.neighbours.room import ROOM
from aira_agents.parameters import parameters_of, plain, replace
from aira_agents.policies.by_name import named_policies
from aira_agents.policies.checking import policies_for
from aira_agents.policies.networks import Network
from aira_agents.policies.policy import AbstractPolicy
from aira_agents.policies.usual import RANDOM, rules_of
from viz.beside import Beside
from viz.impairments import Impairments
from viz.learners import record_for
from viz.mixing import is_mixed, reward_folder
from viz.policy_files import policies_from_zip, term_at
from viz.subjects import Subject
from viz.teaching import TAUGHT, Teaching
from viz.ticker import Ticker
from viz.wrapped import impaired_as, wrapped

UNTRAINED, LEARNED, LESSON = "untrained network", "learned here", "the lesson's rule"
GLANCE_S, PLOT_S = 0.25, 2.0  # what is more than a frame is drawn anew at most this often

LABS: "weakref.WeakSet[Lab]" = weakref.WeakSet()  # the tabs that are open; tests look here


class Lab:
    """One tab.

    Attributes:
        model: The world that is shown; Mesa's page puts a new one here at every reset.
        choice: Who acts: a key of `choices`.
        picked: Role and uid of the agent that is inspected, or `None`.
        message: What a person should know; "" for nothing.
        tick: Grows a few times a second while something happens in the world.
        plot_tick: The same, slowly: Matplotlib takes its time.
        lessons: Grows whenever something was learned, loaded or switched.
        training: The learner of this tab, or `None`.
        beside: Does what takes long, such as compiling.
    """

    def __init__(self, subject: Subject, policy: str | None = None) -> None:
        self.subject = subject
        self.values = {name: parameter.default for name, parameter in parameters_of(subject.environment).items()}
        self.values |= subject.settings
        self._rules = sorted(rules_of(subject.environment))
        self.stock: dict[str, dict[str, AbstractPolicy]] = {}
        self.terms: dict[str, str] = {}  # what of the stock came from data: "TD"; all else is from reward
        self.network = Network("mlp")
        self.impaired = Impairments()
        self.training: BackgroundTraining | None = None
        self.record: Any = None  # the learner's hyperparameters
        self.trained_in: Environment | None = None
        self.message = solara.Reactive("")
        self.beside = Beside(self.message.set)
        self._glances, self._plots = Ticker(GLANCE_S), Ticker(PLOT_S)
        self.tick, self.plot_tick = self._glances.tick, self._plots.tick
        self.lessons = solara.Reactive(0)
        self.picked: solara.Reactive[Any] = solara.Reactive(None)
        self.follow = solara.Reactive(False)
        environment = self.environment()
        first = self._first(policy, environment)
        self.choice = solara.Reactive(first)
        self.pace: Callable[[], None] = lambda: None  # the screen's, when there is one
        self.model_class = steered(
            model_of(subject.environment),
            self._settings,
            pace=self._before_step,
            ready=self._ready,
            stepped=lambda model: self.teaching.stepped(model),
        )
        # With a key of its own: without, Solara remembers the class of what it holds for ever, and that this tab's.
        self.model: solara.Reactive[Steered] = solara.Reactive(self.model_class(rng=0), key=f"model-{uuid.uuid4()}")
        self.teaching = Teaching(self)
        LABS.add(self)

    # The world.

    def _before_step(self) -> None:
        self.pace()
        self.teaching.before_step()

    def _ready(self, model: Steered) -> None:
        if self.impaired.look(model.state.agents):  # who lost something has died, or this is a new world
            model.swap(impaired_as(self.impaired, model.policies, model.environment))
        self.teaching.ready(model)

    def environment(self) -> Environment:
        """The world as it is set now."""
        return self.subject.environment(**self.values)

    def set_parameter(self, name: str, value: Any) -> bool:
        """Sets a parameter; returns whether it acts at once, which it does unless it shapes arrays.

        Raises:
            InputError: It is out of range.
        """
        replace(self.environment(), **{name: value})
        self.values[name] = value
        if parameters_of(self.subject.environment)[name].kind not in ("number", "whole number"):
            return False
        self.model.value.set_parameter(name, value)
        return True

    def pending(self) -> list[str]:
        """The parameters that wait for a reset."""
        now = self.model.value.environment
        declared = parameters_of(self.subject.environment)
        return [
            name
            for name in declared
            if not (name == ROOM and now.room > self.values[name])  # type: ignore[attr-defined]  it grew by itself
            and plain(getattr(now, name))
            != plain(jnp.asarray(self.values[name]) if declared[name].kind == "number" else self.values[name])
        ]

    def _settings(self) -> dict[str, Any]:
        """What a new model is made of."""
        environment = self.environment()
        try:
            policies = self._wrapped(policies_for(environment, self._chosen(environment)), environment)
        except AiraError as error:
            self.message.value = f"{told(error)} Chance acts instead; nothing that was learned is lost."
            self.choice.value = RANDOM
            policies = self._wrapped(named_policies(RANDOM, environment), environment)
        return {**self.values, "policy": policies}

    # Who acts.

    def choices(self) -> list[str]:
        """Who can act, by name."""
        fixed = [RANDOM, UNTRAINED, *([LESSON] if callable(self.subject.policy) else [])]
        return [*fixed, *self._rules, *self.stock]

    def choose(self, name: str) -> None:
        """Lets `name` act from now on, when it is compiled; says so in `message` if it does not fit this world."""
        if self._swap(name, lambda environment: policies_for(environment, self._chosen(environment, name))):
            self.message.value = ""

    def let_act(self, name: str) -> None:
        """Lets a policy of the stock act, now or as it has become."""
        self._swap(name, lambda _: self.stock[name])

    def prepare(self, policies: Mapping[str, AbstractPolicy]) -> None:
        """Compiles what policies need, while the world goes on under those that act."""
        model = self.model.value
        model.prepare(self._wrapped(policies, model.environment))

    def _swap(self, name: str, policies: Callable[[Environment], Mapping[str, AbstractPolicy]]) -> bool:
        """Lets policies act that `name` stands for; returns whether they can."""
        try:
            model, made = cast(Any, None), cast(dict[str, AbstractPolicy], {})
            while model is not self.model.value:  # somebody may press Reset meanwhile
                model = self.model.value
                made = self._wrapped(policies(model.environment), model.environment)
                if self.choice.value != name or jax.tree.structure(made) != jax.tree.structure(model.policies):
                    model.prepare(made)
            model.swap(made)
        except Exception as error:  # a rule can fail in any way; who acted acts on
            self.message.value = told(error)
            return False
        self.choice.value = name
        return True

    def acting(self) -> dict[str, AbstractPolicy]:
        """Who acts now, by role, wrapped as in the world that is shown: the same compiled programs run them."""
        environment = self.environment()
        return wrapped(policies_for(environment, self._chosen(environment)), environment, self.impaired.of_roles())

    def impair(self, role: str, part: str, away: bool, uid: int | None = None) -> None:
        """Takes a sensor or an effector away from an agent, by default from all of its role, or gives it back."""
        self.impaired.take(role, part, away, uid)
        self.impaired.look(self.model.value.state.agents)
        self.choose(self.choice.value)

    def _first(self, policy: str | None, environment: Environment) -> str:
        if policy is None:
            return LESSON if callable(self.subject.policy) else str(self.subject.policy)
        if policy != RANDOM and policy not in rules_of(type(environment)):
            named = policy.rstrip("/").split("/")[-1]
            self.stock[named], self.terms[named] = named_policies(policy, environment), term_at(policy)
            return named
        return policy

    def _chosen(self, environment: Environment, name: str | None = None) -> Any:
        name = self.choice.value if name is None else name
        if name in self.stock:
            return self.stock[name]
        if name == UNTRAINED:
            return self.untrained(environment)
        if name == LESSON:
            return self.subject.policy(environment)
        return named_policies(name, environment)

    def untrained(self, environment: Environment) -> dict[str, AbstractPolicy]:
        """A network that has learned nothing, by role."""
        builders = self.network.builders(environment)
        return {
            role.name: builders[role.name](role.n_features, role.n_outputs, key)
            for role, key in zip(
                environment.roles, jax.random.split(jax.random.key(0), len(environment.roles)), strict=True
            )
        }

    def _wrapped(self, policies: Mapping[str, AbstractPolicy], environment: Environment) -> dict[str, AbstractPolicy]:
        return wrapped(policies, environment, self.impaired)

    # Learning.

    def learn(self, on: bool, learner: str = "ppo", **settings: Any) -> None:
        """Switches training in the background on or off; the first time it begins with `learner`."""
        if self.training is None and on:
            self.trained_in = self.environment()
            try:
                record = record_for(learner, self.trained_in, settings)
                made = record.learner(self.trained_in, self.network.builders(self.trained_in))
            except AiraError as error:
                self.message.value = told(error)
                return
            self.record = record
            # Weakly: a thread that still compiles must not keep the world of a closed tab.
            tell = weakref.WeakMethod(self._learned)
            self.training = BackgroundTraining(made, 0, lambda: _tell(tell()), reward_folder(self))
        if self.training is not None:
            self.training.switch(on)
        self.lessons.value += 1

    def forget(self) -> None:
        """Drops the learner, so that the next one begins anew; its last policies stay to be chosen."""
        if self.training is not None:
            self.training.drop()
        self.training = None
        self.lessons.value += 1

    def _learned(self) -> None:
        training = self.training
        if training is None:
            return
        if training.fault is not None:
            self.message.value = f"{training.fault} What was learned before is kept."
        if training.policies is not None:
            first = LEARNED not in self.stock
            self.stock[LEARNED] = training.policies
            if (first and not self.teaching.is_on) or self.choice.value == LEARNED:
                self.let_act(LEARNED)
        if is_mixed(self.teaching.live) and self.choice.value == TAUGHT:
            self.teaching.learned(by_reward=True)
        self.lessons.value += 1

    def load(self, name: str, data: bytes) -> None:
        """Lets the policies in a zip act; says so in `message` if they cannot."""
        try:
            self.stock[name], self.terms[name] = policies_from_zip(data, self.model.value.environment)
        except AiraError as error:
            self.message.value = f"{name}: {told(error)}"
            return
        self.choose(name)
        self.lessons.value += 1

    def moved(self) -> None:
        """Says that something happened."""
        self._glances.moved()
        self._plots.moved()

    def close(self) -> None:
        """Lets everything go: the tab was closed."""
        self.beside.leave()
        self.model.value.end()
        self.teaching.close()
        self._glances.close()
        self._plots.close()
        if self.training is not None:
            self.training.leave()


def _tell(listener: Callable[[], None] | None) -> None:
    if listener is not None:
        listener()
