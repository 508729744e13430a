"""TAMER+RL: reinforcement from the world's reward and what a person is expected to say, whose weight fades.

The person watches agents that act as the learner does; a model of them (TAMER's) adds to the reward. The world's reward
has the last word.
Source: Knox and Stone 2012, "Reinforcement learning from simultaneous human and MDP reward", section 3.2, technique 1
(reward shaping, R + beta H, with beta annealed).
"""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax

from aira_agents.environment import Environment, Role
from aira_agents.human.tamer import TAMER, expected_signal
from aira_agents.human.teacher import Teacher
from aira_agents.human.teaching import Teaching, TeachingState
from aira_agents.learning.annealing import annealed
from aira_agents.learning.learner import Learner, Metrics, copied
from aira_agents.learning.ppo import PPO
from aira_agents.learning.rewarded import Judgement, Rewarded
from aira_agents.parameters import check_parameters, number
from aira_agents.policies.policy import AbstractPolicy, Builder, Policy
from aira_agents.types import Array, Float, Key, Number


class TamerRLState(eqx.Module):
    """All that is needed to go on."""

    teaching: TeachingState
    learner: Any  # the state of who learns by reinforcement


class TamerRL(eqx.Module):
    """TAMER+RL: one role is taught, and all that have a network learn from reward."""

    weight: Number = number(1.0, low=0, help="beta: what the person's expected signal counts for beside reward")
    weight_steps: Number = number(
        100_000, low=0, unit="steps", help="environment steps in which that falls to zero; 0: reward alone counts"
    )

    def __check_init__(self) -> None:
        check_parameters(self)

    def learner(
        self,
        environment: Environment,
        networks: Builder | Mapping[str, Builder],
        *,
        experts: Mapping[str, AbstractPolicy] | None = None,
        teacher: Teacher | None = None,
        tamer: TAMER | None = None,
        rl: Any = None,
        role: str | None = None,
    ) -> Learner:
        """Makes the learner.

        Args:
            environment: The world.
            networks: Builds what `rl` trains and, of the role that is taught, the model of the person too.
            experts: As for `TAMER`.
            teacher: As for `TAMER`.
            tamer: How the person is modelled, and how long they watch in an update; `None`: `TAMER(n_steps=32)`.
            rl: The record of a learner by reinforcement; `None`: `PPO()`.
            role: Who is taught; `None`: the world's first role.

        Raises:
            InputError: As `TAMER.learner`, and if `rl` cannot learn in this world.
            IncompatiblePolicyError: The role acts by numbers, or its network has a memory.
        """
        tamer = tamer if tamer is not None else TAMER(n_steps=32)
        rl = rl if rl is not None else PPO()
        plain = rl.learner(environment, networks)
        teaching = Teaching(tamer, environment, networks, experts, teacher, role)
        name, learn = teaching.role.name, tamer.learn_in(teaching)
        steps_per_update = plain.steps_per_update + tamer.n_worlds * tamer.n_steps

        def init(key: Key) -> TamerRLState:
            rl_key, network_key, world_key, run_key = jax.random.split(key, 4)
            learner = plain.init(rl_key)
            taught = tamer.begun(teaching, teaching.flat.flatten(teaching.flat.build(network_key)))
            return copied(TamerRLState(teaching.begin(taught, plain.policies(learner), world_key, run_key), learner))

        def update(state: TamerRLState) -> tuple[TamerRLState, Metrics]:
            lived, told = teaching.lesson(state.teaching, plain.policies(state.learner), learn)
            weight = annealed(self.weight, 0.0, self.weight_steps, state.teaching.n_updates, steps_per_update)
            person = Shaped(teaching.role, teaching.flat.restore(lived.taught.vector), weight)
            shaped = rl.learner(Rewarded(environment, {name: person}), networks)
            learner, metrics = shaped.update(state.learner)
            figures = {f"person_{figure}": own for figure, own in told.items() if figure not in metrics}
            return TamerRLState(lived, learner), metrics | figures | {"person_weight": weight}

        return Learner(init, update, lambda state: plain.policies(state.learner), steps_per_update)


class Shaped(Judgement):
    """The world's reward, and what a person is expected to say."""

    role: Role
    network: Policy
    weight: Float[Array, ""]

    def __call__(
        self, features: Float[Array, "*batch features"], actions: dict[str, Array], reward: Float[Array, "*batch"]
    ) -> Float[Array, "*batch"]:
        """Adds the two."""
        return reward + self.weight * expected_signal(self.network, self.role, features, actions)
