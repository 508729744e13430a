"""What learners from recorded data share: one student a role, gradient steps in an update, and no world that runs."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from aira_agents.data.dataset import Dataset
from aira_agents.environment import Environment, Role
from aira_agents.errors import InputError
from aira_agents.learning.learner import Learner, Metrics, builders, copied
from aira_agents.policies.policy import AbstractPolicy, Builder
from aira_agents.policies.random import RandomPolicy
from aira_agents.types import Array, Float, Int, Key


class Studied(eqx.Module):
    """What is kept for one role."""

    vector: Float[Array, " parameters"]  # all networks
    optimizer: Any
    statistics: Any = None  # of observations, if the policy normalises them


class OfflineState(eqx.Module):
    """All that is needed to go on. The data are not in it: they are shared by all seeds and saved by nobody."""

    learned: dict[str, Studied]
    key: Key
    n_updates: Int[Array, ""]


@runtime_checkable
class Student(Protocol):
    """How one role learns."""

    reward: float  # mean of a decision in the data

    def init(self, key: Key) -> Studied:
        """Begins."""
        ...

    def improve(self, own: Studied, key: Key, step: Int[Array, ""]) -> tuple[Studied, dict[str, Array]]:
        """Takes gradient step number `step`; returns figures beside what is learned."""
        ...

    def policy(self, own: Studied) -> AbstractPolicy:
        """What was learned."""
        ...


def offline_learner(
    record: Any,
    environment: Environment,
    networks: Builder | Mapping[str, Builder],
    demonstrations: Dataset | None,
    student: Callable[[Any, Role, Builder, Dataset | None], Student],
) -> Learner:
    """Returns the learner of all roles; those that `networks` leaves out act at random.

    Its metrics are the students' figures, and those that every learner has: `reward` is what was earned in the data;
    nobody lives, so returns are not-a-number.

    Args:
        record: The hyperparameters, with `n_minibatches` and `batch_size`.
        environment: The world; only its roles matter.
        networks: How to build them, for all roles or by role.
        demonstrations: What to learn from; `None`: the learner can be initialised but not updated.
        student: Makes who learns in one role.

    Raises:
        InputError: A role does not exist, or the demonstrations are of another world, or hold none of a role.
    """
    build = builders(environment, networks)
    if demonstrations is not None:
        demonstrations.check_fits(environment)
    students = {
        role.name: student(record, role, build[role.name], demonstrations)
        for role in environment.roles
        if role.name in build
    }
    nothing = {f"return/{role.name}": jnp.nan for role in environment.roles} | {"return": jnp.nan}
    reward = sum(own.reward for own in students.values()) / max(len(students), 1)

    def init(key: Key) -> OfflineState:
        network_key, run_key = jax.random.split(key)
        keys = jax.random.split(network_key, len(students))
        learned = {name: own.init(own_key) for (name, own), own_key in zip(students.items(), keys, strict=True)}
        return copied(OfflineState(learned, run_key, jnp.zeros((), jnp.int32)))

    def update(state: OfflineState) -> tuple[OfflineState, Metrics]:
        first = state.n_updates * record.n_minibatches

        def step(learned: dict[str, Studied], i: Array) -> tuple[dict[str, Studied], Metrics]:
            improved, metrics = {}, {}
            for name, student in students.items():
                improved[name], told = student.improve(learned[name], state.key, first + i)
                metrics |= {f"{figure}/{name}": value for figure, value in told.items()}
            return improved, metrics

        learned, metrics = jax.lax.scan(step, state.learned, jnp.arange(record.n_minibatches, dtype=jnp.int32))
        metrics = {name: jnp.mean(values) for name, values in metrics.items()}
        metrics |= {name: jnp.asarray(value) for name, value in {**nothing, "reward": reward}.items()}
        return OfflineState(learned, state.key, state.n_updates + 1), metrics

    def policies(state: OfflineState) -> dict[str, AbstractPolicy]:
        acting: dict[str, AbstractPolicy] = {role.name: RandomPolicy() for role in environment.roles}
        return copied(acting | {name: students[name].policy(own) for name, own in state.learned.items()})

    return Learner(init, update, policies, record.batch_size * record.n_minibatches)


def descend(record: Any, loss: Any, own: Studied) -> tuple[Studied, dict[str, Array]]:
    """Takes one step of Adam down `loss(vector) -> (loss, figures)`, with the record's rate and clip."""
    gradients, told = jax.grad(loss, has_aux=True)(own.vector)
    changes, optimizer_state = optimizer(record).update(gradients, own.optimizer)
    return Studied(jnp.asarray(optax.apply_updates(own.vector, changes)), optimizer_state, own.statistics), told


def optimizer(record: Any) -> optax.GradientTransformation:
    """Returns Adam with the record's `learning_rate`, behind a clip to its `max_gradient_norm`."""
    return optax.chain(
        optax.clip_by_global_norm(record.max_gradient_norm),
        optax.scale_by_adam(),
        optax.scale_by_learning_rate(record.learning_rate),
    )


def needs_data(name: str) -> InputError:
    """Returns the error for a learner that was made without data and is to learn."""
    return InputError(f"{name} learns from recorded data: give `learner(..., demonstrations)`.")


def mean_reward(data: Dataset, role: str) -> float:
    """Returns the mean reward of a decision of one role."""
    tracks = [episode.tracks[role] for episode in data.episodes]
    earned = sum(float(track.reward[track.active].sum()) for track in tracks)
    return earned / max(sum(track.n_samples for track in tracks), 1)


def has_memory(role: Role, build: Builder) -> bool:
    """Says whether the networks of a role have a memory of any kind: then they must see steps in order."""

    def born(key: Key) -> Any:
        return build(role.n_features, role.n_outputs, key).initial_memories(role.capacity)

    return bool(jax.tree.leaves(eqx.filter_eval_shape(born, jax.eval_shape(lambda: jax.random.key(0)))))
