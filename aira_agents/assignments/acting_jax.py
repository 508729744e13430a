"""Submissions that need JAX, in their own process: a traced function, a network with weights beside it, or weights."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from aira_agents.assignments.arena import COMPILER, born, decide
from aira_agents.assignments.loading import FORMS, POLICY, WEIGHTS
from aira_agents.assignments.pipe import nothing_asked
from aira_agents.environment import Environment, by_role
from aira_agents.errors import InputError
from aira_agents.policies.checking import check_policies
from aira_agents.policies.files import load_policies
from aira_agents.policies.policy import AbstractPolicy
from aira_agents.policies.random import RandomPolicy
from aira_agents.policies.rule import Rule
from aira_agents.registry import find_environment


class JaxActor:
    """A policy as the library knows it, asked for all agents of all worlds at once by one compiled program."""

    kind = "jax"

    def __init__(self, act: Any, build: Callable[..., Any] | None, folder: Path, setup: Mapping[str, Any]) -> None:
        environment = find_environment(setup["world"])(**setup["parameters"])
        role = next(role for role in environment.roles if role.name == setup["role"])
        policy = _policy(act, build, folder, environment, role.name)
        check_policies(environment, by_role(environment, lambda _: RandomPolicy()) | {role.name: policy})
        self._memories = born(role, policy, setup["n_worlds"])
        self._decide = jax.jit(functools.partial(decide, role, policy), compiler_options=COMPILER)
        # Compiled now: that is no part of the time for acting.
        jax.block_until_ready(self._decide(nothing_asked(setup, "jax"), self._memories))

    def act(self, batch: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Asks the policy, and keeps what its agents remember."""
        actions, self._memories = self._decide(dict(batch), self._memories)
        return {name: np.asarray(action) for name, action in actions.items()}


def _policy(act: Any, build: Any, folder: Path, environment: Environment, role: str) -> AbstractPolicy:
    if act is not None:
        return act if isinstance(act, AbstractPolicy) else Rule(act)
    if not (folder / WEIGHTS).exists():
        raise InputError(f"{WEIGHTS} must lie beside {POLICY}, as `save_policies` writes it; it is missing.")
    if build is None:  # the manifest says what they are weights of
        return load_policies(folder, environment)[role]
    key = jax.random.key(0)
    like = {r.name: build(r.n_features, r.n_outputs, key) for r in environment.roles}
    if not all(isinstance(policy, AbstractPolicy) for policy in like.values()):
        raise InputError(f"`build` must return a policy. {POLICY} may define {FORMS}.")
    return load_policies(folder, environment, like=like)[role]
