"""`aira sweep WORLD --vary NAME=...`: many settings and seeds as few programs, and a table of what came of them."""

import contextlib
import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from aira_agents.cli.console import bar, console
from aira_agents.cli.devices import ALONE, Meeting
from aira_agents.cli.parsing import parsed
from aira_agents.cli.words import first_word
from aira_agents.engines import Engine, engine_named
from aira_agents.errors import InputError, unknown_name
from aira_agents.registry import find, names
from aira_agents.sweeps.engines import outlined, rows_of
from aira_agents.sweeps.spec import MOST_RUNS, Outline, Spec, parsed_variation
from aira_agents.sweeps.summary import measures_in, summed_up
from aira_agents.sweeps.table import Table, marked

USAGE = """usage: aira sweep WORLD --vary NAME=LOW:HIGH:COUNT [--vary NAME=VALUE,VALUE] --out table.parquet [options]

All combinations run side by side, each with all seeds. `--policy` sweeps learned agents.
Worlds: {worlds}
`aira sweep WORLD --help` shows all options; `aira train WORLD --help` the parameters of a world."""
ROWS_SHOWN = 24
TRAIN_STEPS = 100_000
NO_ROOM = {
    "refused_births": "births found no room (`refused_births`): a larger capacity would let them.",
    "crowded": "somebody was not seen for want of room in a cell (`crowded`), so what came of them is not to be "
    "believed: leave `room` out, and it grows.",
}

Refusing = Callable[[], contextlib.AbstractContextManager[Any]]
"""Surrounds what may be refused, so that other hosts hear of it."""


@dataclasses.dataclass(frozen=True)
class SweepOptions:
    """What to vary, and where to write it."""

    out: Path
    """the table: .parquet or .csv"""
    vary: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """a parameter and its values: density=0.1:0.9:9, or heater=continuous,on_off; again for another"""
    seeds: int = 10
    """runs of each setting"""
    seed: int = 0
    """the first seed; the others follow"""
    steps: int = 200
    """length of a run"""
    every: int = 0
    """a row every so many steps, from step 0 on; 0: one row, at the end"""
    policy: str | None = None
    """a folder that `aira train` left, `random`, a rule in the world's file, or one for each role; by default
    the world's classic rule, or `random` where it has none"""
    learner: str = ""
    """train by this learner, such as ppo, at every setting and with every seed, and sweep what it learned"""
    train_steps: int | None = None
    """environment steps of that training; as it stands: 100,000"""
    keep: tuple[str, ...] = ()
    """what to measure, where not all is wanted: what is left out costs nothing"""
    show: str = ""
    """the measure to sum up and draw; by default the first"""
    resume: bool = False
    """go on where a sweep was cut off"""
    overwrite: bool = False
    """replace a table that is there"""
    engine: Literal["local", "processes", "ray"] = "local"
    """this process with all its devices, several processes, or a Ray cluster"""
    workers: int = 0
    """processes, of the engine `processes`; 0: one a core"""
    address: str = ""
    """of the Ray cluster; by default one on this machine"""
    devices: int = 0
    """shares that a CPU is cut into, of the engine `local`; 0: one a core"""
    at_once: int = 0
    """runs side by side; 0: as many as are worth it and fit into memory"""
    meeting: Annotated[Meeting, tyro.conf.arg(name="")] = ALONE


def sweep_command(arguments: list[str]) -> None:
    """Runs `aira sweep`."""
    if arguments in (["-h"], ["--help"]):
        console.print(USAGE.format(worlds=", ".join(names("world"))))
        return
    world, rest = first_word(arguments, "sweep", names("world"))
    options: SweepOptions = parsed(
        SweepOptions, rest, prog=f"aira sweep {world}", description=f"Sweeps settings of the world {world}."
    )
    _check(options)
    _check_used(options)
    spec = Spec(
        world,
        _variations(options.vary),
        tuple(range(options.seed, options.seed + options.seeds)),
        options.steps,
        every=options.every,
        policy=options.policy,
        keep=options.keep,
        learner=options.learner,
        training=(options.train_steps or TRAIN_STEPS) if options.learner else 0,
    )
    if options.engine == "local":
        options.meeting.join(options.devices)
    engine = engine_named(options.engine, options.workers, options.address)
    if options.meeting.hosts > 1:
        _with_other_hosts(engine, spec, options)
        return
    table = Table(options.out, spec, resume=options.resume, overwrite=options.overwrite)
    _sweep(engine, spec, options, table, table.done(), contextlib.nullcontext)


def _sweep(
    engine: Engine, spec: Spec, options: SweepOptions, table: Table, done: frozenset[int], refusing: Refusing
) -> None:
    with refusing():
        outline = outlined(engine, spec, options.at_once, done)
        if options.show and options.show not in outline.measures:
            raise unknown_name("measure", options.show, outline.measures)
        table.open()
        if outline.faults:
            table.add(marked(spec, outline.faults))
    _tell(spec, outline, done)
    _run(engine, spec, options, outline, table, refusing)
    _report(table.finish(), spec, options)


def _with_other_hosts(engine: Engine, spec: Spec, options: SweepOptions) -> None:
    import numpy as np

    from aira_agents.hosts import agreed, is_first, same_on_all, together

    refusing = functools.partial(together, "this sweep")
    there, table = np.zeros(spec.n_runs, bool), None
    with options.meeting.kept():
        same_on_all(f"{spec.identity}, {options.at_once}", "settings")
        with refusing():
            if is_first():
                table = Table(options.out, spec, resume=options.resume, overwrite=options.overwrite)
                there[[*table.done()]] = True
        done = frozenset(np.flatnonzero(agreed(there)).tolist())
        if table:
            _sweep(engine, spec, options, table, done, refusing)
            return
        with refusing():
            outline = outlined(engine, spec, options.at_once, done)
        for _ in rows_of(engine, spec, options.at_once, outline.batches):
            with refusing():
                pass  # the first host may: the rows are its own to write


def _check(options: SweepOptions) -> None:
    for name, least in (
        ("seeds", 1),
        ("steps", 1),
        ("every", 0),
        ("at_once", 0),
        ("devices", 0),
        ("train_steps", 1),
        ("workers", 0),
    ):
        value = getattr(options, name)
        if value is not None and value < least:
            shown = name.replace("_", "-")
            raise InputError(f"`--{shown}` must be a whole number of at least {least}; got {value}.")
    if options.seeds > MOST_RUNS:
        raise InputError(f"`--seeds` must be at most {MOST_RUNS:,}; got {options.seeds:,}.")
    if options.steps >= 2**31:
        raise InputError(f"`--steps` must be below 2147483648; got {options.steps}.")
    picture = options.out.with_suffix(".png")
    if options.vary and picture.exists() and not (options.overwrite or options.resume):
        raise InputError(f"{picture} is where the picture goes, and exists. Name another table, or say `--overwrite`.")
    if options.meeting.checked().hosts > 1 and options.engine != "local":
        raise InputError("`--hosts` is for the engine `local`.")
    if options.resume and options.overwrite:
        raise InputError("`--resume` goes on and `--overwrite` begins anew; give one of them.")


def _check_used(options: SweepOptions) -> None:
    """Raises `InputError` for what would be ignored."""
    if options.learner and options.policy is not None:
        raise InputError("`--learner` trains what is swept, so there is no `--policy` beside it; give one of them.")
    if options.train_steps is not None and not options.learner:
        raise InputError("`--train-steps` is how long a `--learner` trains; name one, such as `--learner ppo`.")
    if options.devices and options.engine != "local":
        raise InputError(f"`--devices` is for the engine `local`; got it with `{options.engine}`.")


def _variations(vary: tuple[str, ...]) -> dict[str, tuple[Any, ...]]:
    variations: dict[str, tuple[Any, ...]] = {}
    for text in vary:
        name, values = parsed_variation(text)
        if name in variations:
            raise InputError(f"`{name}` is varied twice; give all its values at once, as in `--vary {name}=1,2,3`.")
        variations[name] = values
    return variations


def _tell(spec: Spec, outline: Outline, done: frozenset[int]) -> None:
    told = (
        f"{spec.n_combinations:,} settings x {len(spec.seeds):,} seeds = {spec.n_runs:,} runs of {spec.steps:,} steps"
    )
    if outline.n_programs > 1:
        shape = [name for name in outline.static if len(spec.varied[name]) > 1]
        told += f"; {' and '.join(shape)} cannot share a program: {outline.n_programs} are compiled"
    if spec.policy is None and not spec.learner:
        told += f"; {outline.usual} acts"
    console.print(f"{told}." + (f" {len(done):,} runs are there already." if done else ""))


def _run(engine: Engine, spec: Spec, options: SweepOptions, outline: Outline, table: Table, refusing: Refusing) -> None:
    with bar("runs", sum(map(len, outline.batches))) as advance:
        try:
            rows: Any
            for rows in rows_of(engine, spec, options.at_once, outline.batches):
                with refusing():
                    table.add(rows)
                advance(rows["run"].nunique())
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                "Interrupted; what is done is kept: the same command with `--resume` goes on."
            ) from None


def _report(table: Any, spec: Spec, options: SweepOptions) -> None:
    faults = table[table["error"] != ""]
    if len(faults):
        several = faults["run"].nunique()
        console.print(f"{several:,} runs are marked in `error`. The first: {faults['error'].iloc[0]}")
    for column, told in NO_ROOM.items():
        full = int((table.groupby("run")[column].max() > 0).sum()) if column in table else 0
        if full:
            console.print(f"In {full:,} runs {told}")
    measure = options.show or next(iter(measures_in(table, spec)), "")
    by = [name for name, values in spec.varied.items() if len(values) > 1]
    summary = summed_up(table, by, measure)
    console.print(f"{measure}, mean over seeds with 95 % interval:")
    for row in summary.head(ROWS_SHOWN).to_dict("records"):
        setting = ", ".join(f"{name} {row[name]}" for name in by) or "all"
        sure = f" [{row['low']:.4g}, {row['high']:.4g}], {row['runs']} runs" if row["runs"] > 1 else ", one run"
        console.print(f"  {setting}: {row['mean']:.4g}{sure}")
    if len(summary) > ROWS_SHOWN:
        console.print(f"  ... and {len(summary) - ROWS_SHOWN} more settings in the table")
    console.print(str(options.out))
    if by:
        console.print(str(find("picture", "sweep")(table, spec, measure, options.out.with_suffix(".png"))))
