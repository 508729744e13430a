"""Short films of a world: the frames that the canvas draws, and what the marked agent perceived and did in them."""

import secrets
import struct
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from aira_agents.environment import Environment
from aira_agents.errors import InputError
from aira_agents.hosting.steered import Steered, model_of, steered
from aira_agents.human.credit import CreditWindow
from aira_agents.human.level import Apart
from aira_agents.human.reel import LAGS, Lesson, Reel
from aira_agents.loop import Now, unroll
from aira_agents.policies.policy import AbstractPolicy
from viz.packet import packed
from viz.scene import Scales, scene_of

STEPS = 24  # of a clip
assert STEPS <= LAGS


class Clip(NamedTuple):
    """One film."""

    frames: tuple[bytes, ...]
    uid: int  # who is marked
    lesson: Lesson | None = None  # what they did, as if approved: the same credit for each step, 1 in all

    @property
    def film(self) -> bytes:
        """All frames, each preceded by its length, little-endian."""
        return b"".join(struct.pack("<I", len(frame)) + frame for frame in self.frames)


def clip(
    environment: type[Environment],
    values: Mapping[str, Any],
    policies: Mapping[str, AbstractPolicy],
    role: str,
    seed: int,
) -> Clip:
    """Films up to `STEPS` steps of a new world, and somebody of `role` in it.

    Raises:
        InputError: The world failed, or nobody of that role lived to the end.
    """
    model = steered(model_of(environment), lambda: {**values, "policy": dict(policies)})(rng=seed)
    model.renews = False
    reel = Reel(next(own for own in model.environment.roles if own.name == role))
    states = [model.state]
    while model.running and model.steps < STEPS:
        model.step()
        transition = model.transition
        if model.fault or transition is None:
            raise InputError(model.fault or "The world did not move.")
        reel.add(model.steps, float(model.steps), transition)
        states.append(model.state)
    last = reel.last
    living: Sequence[int] = [] if last is None else last.uid[last.active].tolist()
    if last is None or not living:
        raise InputError(f"Nobody of {role} lived to the end of the clip: there is nobody to judge.")
    uid = secrets.choice(living)
    spread = CreditWindow(low_s=0.0, high_s=float(len(states) - 1))  # a second a step: the same for each
    return Clip(drawn(model.environment, states), uid, reel.lesson(uid, last.step, 1.0, 1.0, spread))


def ahead(model: Steered, policies: Mapping[str, AbstractPolicy], role: str, own: AbstractPolicy) -> Clip:
    """Films what would happen next in a world, if `own` decided for one agent of `role`, and `policies` for all others.

    Raises:
        InputError: The world ends before, or nobody of that role lived to the end.
    """
    environment, state, _ = model.moment()
    agents = state.agents[role]
    rows = np.flatnonzero(np.asarray(agents.alive)).tolist()
    if rows:
        row = secrets.choice(rows)
        acting = {**policies, role: Apart(policies[role], own, jnp.asarray(row, jnp.int32))}
        memories = {**model.memories, role: (model.memories[role], own.initial_memories(len(agents.uid)))}
        now = Now(state, memories, jax.random.key(secrets.randbelow(2**31)))
        before, last = _ahead(environment, acting, now)
        states = [jax.tree.map(lambda leaf, i=i: leaf[i], before) for i in range(STEPS)] + [last]
        if bool(environment.ended(states[-2])):
            raise InputError("This world ends too soon to show what happens next; ask again when a new one has begun.")
        uid = int(agents.uid[row])
        if bool(last.agents[role].alive[row]) and int(last.agents[role].uid[row]) == uid:
            return Clip(drawn(environment, states), uid)
    raise InputError(f"Nobody of {role} lived to the end of the clip: there is nobody to judge. Ask again.")


@eqx.filter_jit
def _ahead(environment: Any, policies: Any, now: Now) -> tuple[Any, Any]:
    now, before = unroll(environment, policies, now, STEPS, lambda happened: happened.before)
    return before, now.state


def drawn(environment: Environment, states: Sequence[Any]) -> tuple[bytes, ...]:
    """Returns states as frames, numbered from the first: no clip says when it was."""
    scales = Scales()
    return tuple(packed(scene_of(environment, state, scales=scales), i + 1, i) for i, state in enumerate(states))


def filmed(lab: Any, policies: Mapping[str, AbstractPolicy], role: str, n: int) -> tuple[Clip, ...]:
    """Returns clips of the world that a tab is set to; raises `InputError` as `clip` does."""
    return tuple(clip(lab.subject.environment, lab.values, policies, role, secrets.randbelow(2**31)) for _ in range(n))
