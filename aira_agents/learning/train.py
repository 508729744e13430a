"""The only host loop: runs any learner, shows progress, records metrics, checkpoints, and lets people in.

Many updates are one dispatch of one compiled program; how many is decided anew each time, so that people and Ctrl-C
wait about half a second whatever the learner. The number never changes a result.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np

from aira_agents.errors import InputError, NumericalError
from aira_agents.hosts import agreed, gathered, is_first, most, several, together
from aira_agents.keys import checked_seed
from aira_agents.learning.checkpoint import NAME as CHECKPOINT
from aira_agents.learning.checkpoint import Checkpoints, Progress, load_checkpoint
from aira_agents.learning.dispatch import Dispatch, Dispatched, may_be_missing
from aira_agents.learning.interrupt import Interrupt
from aira_agents.learning.learner import Learner, copied, updates_for
from aira_agents.learning.metrics import NAME as METRICS
from aira_agents.learning.metrics import Recorder, tensorboard_writer
from aira_agents.learning.parts import NEEDS_PARTS
from aira_agents.learning.progress_bar import ProgressBar
from aira_agents.policies.policy import AbstractPolicy

SECONDS_PER_DISPATCH = 0.5
MOST_UPDATES_PER_DISPATCH = 256
RUN = "this training"  # what the others say that a host refused


class Trained(NamedTuple):
    """What a training run leaves."""

    state: Any  # the learner's; `Learner.policies` reads it
    policies: dict[str, AbstractPolicy]  # by role
    metrics: Path | None  # the CSV file
    updates: int
    steps: int  # of the environment, over all worlds
    seconds: float  # of training, over all resumed runs
    compile_seconds: float  # of this run
    last: dict[str, float]  # the metrics of the last update of this run; empty if there was none
    n_devices: int  # it was learned on, of all hosts; of a CPU, cores


def train(
    learner: Learner,
    *,
    n_steps: int,
    seed: int = 0,
    folder: Path | None = None,
    resume: bool = False,
    tensorboard: bool = False,
    checkpoint_every_s: float = 60.0,
    checkpoint_every_updates: int | None = None,
    updates_per_dispatch: int | None = None,
    between: Callable[[Any], Any] | None = None,
    report: Callable[[int, Mapping[str, np.ndarray]], None] | None = None,
    progress: bool = True,
    devices: Sequence[Any] | None = None,
) -> Trained:
    """Trains for `n_steps` environment steps, rounded up to whole updates; on several hosts each makes the same call.

    Args:
        learner: What `PPO(...).learner(environment, networks)` and its like return.
        n_steps: Environment steps over all worlds, those before a resume included.
        seed: The one source of chance.
        folder: Where `metrics.csv` and `checkpoint.safetensors` go; `None`: nowhere. The first host's counts.
        resume: Goes on from the checkpoint in `folder`; the result equals an unbroken run's, bit for bit on CPU.
        tensorboard: Writes `folder/tensorboard` too.
        checkpoint_every_s: Seconds between checkpoints; there is always one at the start and one at the end.
        checkpoint_every_updates: Updates between checkpoints, instead of seconds.
        updates_per_dispatch: A fixed number of updates between two looks; `None`: about half a second's worth.
        between: Called between dispatches with the learner's state; returns it, changed or not. People come in here.
        report: Called after each dispatch with the steps so far and what its updates measured, name to `[updates]`.
        progress: Whether to draw a bar, if standard error is a terminal.
        devices: Which share the parts of a learner that has some; `None`: all there are. They change only rounding.

    Raises:
        InputError: An argument makes no sense, or `folder` cannot be written to or holds another run.
        CorruptFileError: The checkpoint to go on from is truncated, foreign or of other settings.
        NumericalError: A metric or a parameter became infinite or not-a-number; the last good checkpoint is named.
        KeyboardInterrupt: Ctrl-C, after saving; the message says how to resume.
    """
    n_updates = updates_for(learner, n_steps)
    checked_seed(seed)
    _check(updates_per_dispatch, between)
    learner = over_devices(learner, devices)
    with together(RUN):
        folder = _checked_folder(folder, resume, tensorboard)
    checkpoints = Checkpoints(folder, checkpoint_every_s, checkpoint_every_updates)
    state, now = _first_state(learner, seed, folder, resume)
    _save(checkpoints, None, state, now)  # there is always a good one; an unwritable folder fails before any training
    if now.update >= n_updates:
        return _trained(learner, state, now, None, folder, 0.0)
    dispatch = Dispatch(learner, state, updates_per_dispatch or MOST_UPDATES_PER_DISPATCH)
    done = None
    with together(RUN):
        recorder = Recorder(folder, dispatch.names, learner.steps_per_update, now, tensorboard)
    with (
        recorder,
        ProgressBar(n_updates, now.update, shown=progress and is_first()) as bar,
        Interrupt() as interrupt,
    ):
        while now.update < n_updates:
            (count,) = most(updates_per_dispatch or _pace(done))
            count = min(count, n_updates - now.update, checkpoints.updates_left(now))
            done = dispatch(state, count)
            state, before = done.state, now
            now = now.after(len(done.metrics["reward"]), done.seconds)
            with together(RUN):
                recorder.append(done.metrics, before, now)
            if report is not None:
                report(now.update * learner.steps_per_update, done.metrics)
            if not done.sound:
                raise _blown_up(done, now, checkpoints)
            bar.update(now.update, float(done.metrics["reward"][-1]), _speed(learner, before, now))
            (due,) = most(checkpoints.due(now))
            if now.update >= n_updates or due:
                _save(checkpoints, recorder, state, now)
            if between is not None and now.update < n_updates:  # after saving: whoever waits here may never come back
                state = copied(between(state))
            (wished,) = most(interrupt.wished)
            if wished and now.update < n_updates:
                _save(checkpoints, recorder, state, now)
                raise KeyboardInterrupt(_farewell(folder, now, n_updates))
    return _trained(learner, state, now, done, folder, dispatch.compile_seconds)


def _first_state(learner: Learner, seed: int, folder: Path | None, resume: bool) -> tuple[Any, Progress]:
    # Copied: a compiled `init` may give one buffer out twice, and a donated buffer must have one owner.
    state = copied(eqx.filter_jit(learner.init)(jax.random.key(seed)))
    # Strongly typed, as arrays from a file are: a resumed run is then the same program.
    state = jax.tree.map(_strong, state)
    begun = state, Progress(seed)
    with together(RUN):
        if resume and folder is not None:
            begun = _loaded(folder, state, seed)
    state, now = agreed(begun)
    return learner.placed(state), now


def _loaded(folder: Path, like: Any, seed: int) -> tuple[Any, Progress]:
    state, now = load_checkpoint(folder, like)
    if now.seed != seed:
        raise InputError(f"The run in {folder} was begun with seed {now.seed}; got seed {seed}. Resume with its own.")
    return state, now


def over_devices(learner: Learner, devices: Sequence[Any] | None = None) -> Learner:
    """Returns the learner as it learns on `devices`, by default all of all hosts, if it has parts.

    Raises:
        InputError: It has none, but there are several hosts, or not as many for each of them.
    """
    if learner.spread is not None:
        return learner.spread(jax.devices() if devices is None else devices)
    if several():
        raise InputError(NEEDS_PARTS)
    return learner


def _save(checkpoints: Checkpoints, recorder: Recorder | None, state: Any, now: Progress) -> None:
    state = gathered(state)
    with together(RUN):
        if recorder is not None:
            recorder.sync()  # rows first: a resumed run drops rows that are too many, but cannot invent any
        checkpoints.save(state, now)


def _strong(leaf: Any) -> Any:
    return jax.lax.convert_element_type(leaf, leaf.dtype) if getattr(leaf, "weak_type", False) else leaf


def _pace(last: Dispatched | None) -> int:
    """Returns how many updates take about `SECONDS_PER_DISPATCH`."""
    if last is None:
        return 1
    per_update = last.seconds / len(last.metrics["reward"])
    return max(1, min(MOST_UPDATES_PER_DISPATCH, int(SECONDS_PER_DISPATCH / max(per_update, 1e-9))))


def _speed(learner: Learner, before: Progress, now: Progress) -> float:
    return (now.update - before.update) * learner.steps_per_update / max(now.seconds - before.seconds, 1e-9)


def _blown_up(done: Dispatched, now: Progress, checkpoints: Checkpoints) -> NumericalError:
    bad = [n for n, column in done.metrics.items() if not may_be_missing(n) and not math.isfinite(column[-1])]
    what = f"the metric(s) {', '.join(bad)}" if bad else "a parameter of a policy"
    kept = checkpoints.last_good if is_first() else "the first host has what was saved."
    return NumericalError(
        f"In update {now.update} {what} became infinite or not-a-number. Training stopped; {kept} "
        "Try a smaller learning rate, or rewards of a smaller scale."
    )


def _farewell(folder: Path | None, now: Progress, n_updates: int) -> str:
    if not is_first():
        return f"Stopped at update {now.update} of {n_updates}; the first host has saved it."
    if folder is None:
        return f"Stopped at update {now.update} of {n_updates}; nothing was saved, since no folder was given."
    how = f"aira train --resume {folder}" if (folder / "config.json").exists() else "the same call and `resume=True`"
    return f"Stopped at update {now.update} of {n_updates}, saved in {folder}. Go on with: {how}"


def _trained(
    learner: Learner, state: Any, now: Progress, done: Dispatched | None, folder: Path | None, compile_seconds: float
) -> Trained:
    return Trained(
        state=state,
        policies=gathered(learner.policies(state)),
        metrics=folder / METRICS if folder else None,
        updates=now.update,
        steps=now.update * learner.steps_per_update,
        seconds=now.seconds,
        compile_seconds=compile_seconds,
        last={name: float(column[-1]) for name, column in done.metrics.items()} if done else {},
        n_devices=len({device for leaf in jax.tree.leaves(state) for device in leaf.sharding.device_set}),
    )


def _check(per_dispatch: int | None, between: Callable[[Any], Any] | None) -> None:
    if per_dispatch is not None and per_dispatch < 1:
        raise InputError(f"A dispatch takes at least 1 update; got {per_dispatch}.")
    if between is not None and several():
        raise InputError("People come in (`between`) on one host; on several nobody could tell whose they are.")


def _checked_folder(folder: Path | None, resume: bool, tensorboard: bool) -> Path | None:
    """Returns the folder, if it is this host that writes."""
    if not is_first():
        return None
    if tensorboard:
        tensorboard_writer()
    if folder is None:
        if resume or tensorboard:
            raise InputError("To resume, or to write TensorBoard's files, `folder` must name the folder of a run.")
        return None
    if not resume and any((folder / name).exists() for name in (CHECKPOINT, METRICS)):
        raise InputError(f"{folder} holds a training run already. Go on with it by `resume`, or name another folder.")
    return folder
