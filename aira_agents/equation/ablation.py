"""All eight combinations of the three terms, in few programs: a term that is left out is a budget of zero.

One program learns by reinforcement in the four cells with ML, one looks up in the four without. All cells of a seed
begin with the same key. A longer run passes through the shorter one, so budgets are moments of one run.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from aira_agents.data.samples import Samples
from aira_agents.environment import Environment
from aira_agents.equation.judging import Parts, judge, whole
from aira_agents.equation.ledger import SECONDS_A_STEP, Cost, energy_kwh
from aira_agents.equation.notebook import Notebook, after_lessons
from aira_agents.equation.programs import Program
from aira_agents.equation.pupil import Pupil, PupilState
from aira_agents.equation.tables import demonstrated, empty_table, weighed
from aira_agents.equation.terms import AI
from aira_agents.equation.worth import CELLS, TERMS, cell_name
from aira_agents.errors import InputError
from aira_agents.policies.rule import Rule
from aira_agents.types import Array

SEEDS_AT_ONCE = 4
FLAGS = [(td, hitl) for td in (0, 1) for hitl in (0, 1)]


@dataclasses.dataclass(frozen=True)
class Cell:
    """What one combination came to; returns are of an agent's life, `[seeds]`, by part and as `return`."""

    name: str
    gone: dict[str, np.ndarray]  # the person gone
    present: dict[str, np.ndarray] | None  # the person present, where there is one
    cost: Cost  # of a seed, on average

    @property
    def scores(self) -> np.ndarray:
        """What the cell is judged by, `[seeds]`: the person gone, but where nobody learns and the person is all."""
        return (self.present if self.name == "HITL" and self.present else self.gone)["return"]


@dataclasses.dataclass(frozen=True)
class Ablation:
    """What came out."""

    cells: dict[float, dict[str, Cell]]  # by share of the budget of reinforcement, then by name
    ceiling: np.ndarray  # [seeds]: the expert's own return, always attentive and never wrong

    def scores(self, budget: float = 1.0) -> dict[str, np.ndarray]:
        """Returns the scores of all cells, `[seeds]` each."""
        return {name: cell.scores for name, cell in self.cells[budget].items()}


def ablate(
    ai: AI,
    world: Environment,
    seeds: int = 16,
    *,
    seed: int = 0,
    budgets: Sequence[float] = (1.0,),
    parts: Parts = whole,
    n_worlds: int = 32,
    progress: Any = iter,
) -> Ablation:
    """Runs all eight combinations of the terms of `ai`.

    Args:
        ai: A sum of all three terms.
        world: Where.
        seeds: How many, each with networks, worlds and a person's whims of its own; several datasets are taken in turn.
        seed: The one source of chance.
        budgets: Shares of the environment steps of `ai.ml` at which everybody is judged.
        parts: How returns are split.
        n_worlds: Worlds in which everybody is judged.
        progress: Wraps what is iterated over, to show how far it is.

    Raises:
        InputError: A term is missing or does not fit the world, or a number is too small.
    """
    missing = [term for term, own in zip(TERMS, (ai.ml, ai.td, ai.hitl), strict=True) if own is None]
    if missing:
        raise InputError(f"An ablation takes away one term after the other: it needs all three; no {missing[0]} here.")
    if seeds < 2 or n_worlds < 1 or not budgets or min(budgets) <= 0:
        raise InputError(f"An ablation needs 2 seeds, a world and a budget; got {seeds}, {n_worlds} and {budgets}.")
    programs = _Programs(ai, world, tuple(sorted(set(budgets))), parts, n_worlds)
    keys = jax.random.split(jax.random.key(seed), seeds)
    assert ai.td is not None
    shown = demonstrated(world, ai.td.datasets, seeds)
    found = [
        programs.run(keys[own], jax.tree.map(lambda x, own=own: x[own], shown)) for own in progress(_blocks(seeds))
    ]
    return programs.together(found)


def _blocks(seeds: int) -> list[slice]:
    """Cuts the seeds into few blocks, alike in size where that goes: another size compiles anew."""
    size = next((n for n in range(SEEDS_AT_ONCE, 1, -1) if seeds % n == 0), SEEDS_AT_ONCE)
    return [slice(start, min(start + size, seeds)) for start in range(0, seeds, size)]


def _for_runs(function: Callable[..., Any]) -> Program:
    """Returns the program that does the same for many runs at once."""
    return Program(jax.vmap(function))


class _Programs:
    """The compiled programs of an ablation."""

    def __init__(self, ai: AI, world: Environment, budgets: tuple[float, ...], parts: Parts, n_worlds: int) -> None:
        assert ai.ml is not None and ai.td is not None and ai.hitl is not None
        hitl = ai.hitl
        self.world, self.budgets, self.channel = world, budgets, hitl.channel
        self.pupil = Pupil(ai, world)
        self.life = int(world.max_steps)
        self.moments = [max(1, round(ai.ml.n_updates * budget)) for budget in budgets]
        self.stride = functools.reduce(math.gcd, self.moments)
        self.lives = max(1, -(-int(self.channel.budget) // int(self.channel.per_lesson)))
        gone = functools.partial(judge, world, n_worlds=n_worlds, n_steps=self.life, parts=parts)
        present = functools.partial(
            judge, world, n_worlds=self.lives, n_steps=self.life, parts=parts, person=hitl, keys=self._keys_a_life
        )
        self.ceiling = _for_runs(lambda key: gone(Rule(hitl.teacher.expert), key)["return"])
        self.begin = _for_runs(self.pupil.init)
        self.advance = _for_runs(lambda state: self.pupil.updates(state, self.stride))
        self.teach = _for_runs(lambda book, keys: after_lessons(book, world, hitl, keys, self.life))
        self.learned_gone = _for_runs(lambda state, key: gone(self.pupil.policy(state), key))
        self.learned_present = _for_runs(lambda state, key: present(self.pupil.policy(state), key))
        self.noted_gone = _for_runs(lambda book, key: gone(book.policy, key))
        self.noted_present = _for_runs(lambda book, key: present(book.policy, key))

    @property
    def _keys_a_life(self) -> Array:
        return jnp.minimum(self.channel.per_lesson, self.channel.budget)

    def run(self, keys: Array, shown: Samples) -> dict[str, Any]:
        """Runs some seeds; returns figures `[runs]` by budget, with and without ML: the four cells of each seed."""
        n = len(keys)
        td, hitl = (jnp.repeat(jnp.asarray(own), n) for own in zip(*FLAGS, strict=True))
        tables = jax.vmap(weighed)(
            jax.tree.map(lambda leaf: jnp.concatenate([leaf] * 4), shown), td.astype(jnp.float32)
        )
        blank = jax.tree.map(
            lambda leaf: jnp.broadcast_to(leaf, (4 * n, *leaf.shape)),
            empty_table(self.world, max(1, int(self.channel.budget))),
        )
        run_keys = jax.vmap(lambda key: jax.random.split(key, 3))(jnp.concatenate([keys] * 4))
        budget = hitl * self.channel.budget
        book = jax.vmap(Notebook)(tables, blank, budget, jnp.zeros(4 * n, jnp.int32))
        state = self.begin(run_keys[:, 0], tables, blank, budget)
        lesson_keys = jax.vmap(lambda key: jax.random.split(key, self.moments[-1]))(run_keys[:, 1])
        found, updates, begun = {}, 0, {True: self.advance.running_s, False: self.teach.running_s}
        for share, moment in zip(self.budgets, self.moments, strict=True):
            for done in range(updates, moment, self.stride):
                state = self.advance(state)
                if jnp.any(book.keys_left > 0):
                    book = self.teach(book, lesson_keys[:, done : done + self.stride])
            updates = moment
            running_s = {True: self.advance.running_s - begun[True], False: self.teach.running_s - begun[False]}
            judged = {
                True: self._judged(state, self.learned_gone, self.learned_present, run_keys[:, 2], n),
                False: self._judged(book, self.noted_gone, self.noted_present, run_keys[:, 2], n),
            }
            found[share] = {
                ml: judged[ml] | self._spent(now, n) | {"seconds": np.full(4 * n, running_s[ml] / (4 * n))}
                for ml, now in ((True, state), (False, book))
            }
        return {"cells": found, "ceiling": np.asarray(self.ceiling(run_keys[:n, 2])), "seeds": n}

    def _judged(self, state: Any, gone: Any, present: Any, keys: Array, n: int) -> dict[str, Any]:
        # Only where there is a person can one be present: the odd blocks of `FLAGS`.
        with_person = jnp.concatenate([jnp.arange(n) + block * n for block in (1, 3)])
        accompanied = jax.tree.map(lambda leaf: leaf[with_person], state)
        return {
            "gone": jax.device_get(gone(state, keys)),
            "present": jax.device_get(present(accompanied, keys[with_person])),
        }

    def _spent(self, state: PupilState | Notebook, n: int) -> dict[str, np.ndarray]:
        keys = np.repeat([hitl * int(self.channel.budget) for _, hitl in FLAGS], n)
        samples = np.sum(np.asarray(state.demonstrations.weight) > 0, axis=1)
        return {"signals": keys - np.asarray(state.keys_left), "lessons": np.asarray(state.lessons), "samples": samples}

    def together(self, found: list[dict[str, Any]]) -> Ablation:
        """Puts the blocks of seeds together, cell by cell."""
        cells = {
            share: dict(sorted(self._cells(found, share), key=lambda c: CELLS.index(c[0]))) for share in self.budgets
        }
        return Ablation(cells, np.concatenate([own["ceiling"] for own in found]))

    def _cells(self, found: list[dict[str, Any]], share: float) -> Iterator[tuple[str, Cell]]:
        for ml in (True, False):
            for place, (td, hitl) in enumerate(FLAGS):
                name = cell_name([term for term, there in zip(TERMS, (ml, td, hitl), strict=True) if there])

                def of(what: str, block: int, ml: bool = ml) -> dict[str, np.ndarray]:
                    return _joined((own["cells"][share][ml][what], own["seeds"], block) for own in found)

                present = of("present", place // 2) if hitl else None
                spent = {what: of(what, place) for what in ("signals", "lessons", "samples", "seconds")}
                means = {what: float(np.mean(own[""])) for what, own in spent.items()}
                yield name, Cell(name, of("gone", place), present, self._cost(name, share, means))

    def _cost(self, name: str, share: float, means: dict[str, float]) -> Cost:
        watched = means["lessons"] * (self.pupil.ml.learner.n_steps if "ML" in name else self.life)
        steps = watched
        if "ML" in name:
            steps = self.moments[self.budgets.index(share)] * self.pupil.steps_per_update
        return Cost(
            name,
            environment_steps=0 if name == "HITL" else steps,  # nobody learns
            samples=means["samples"],
            signals=means["signals"],
            person_s=(watched + means["samples"]) * SECONDS_A_STEP,
            energy_kwh=energy_kwh(means["seconds"]) if name not in ("none", "TD", "HITL") else 0.0,
        )


def _joined(blocks: Iterable[tuple[Any, int, int]]) -> dict[str, np.ndarray]:
    """Cuts one cell's seeds out of each block of runs."""
    cut: dict[str, list[np.ndarray]] = {}
    for values, n, block in blocks:
        for name, own in (values if isinstance(values, dict) else {"": values}).items():
            cut.setdefault(name, []).append(np.asarray(own)[block * n : (block + 1) * n])
    return {name: np.concatenate(own) for name, own in cut.items()}
