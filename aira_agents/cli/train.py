"""`aira train WORLD`: trains policies, and leaves a folder with all that is needed to use and to judge them."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import equinox as eqx
import jax
import tyro

from aira_agents.cli.console import console, errors
from aira_agents.cli.devices import ALONE, Meeting
from aira_agents.cli.options import made, options_of
from aira_agents.cli.parsing import parsed
from aira_agents.cli.partners import Partners, groups_of, kinds_of, made_of, named_in
from aira_agents.cli.setting import NAME as CONFIG
from aira_agents.cli.setting import Setting, read_config, setting_of
from aira_agents.cli.words import first_word, taken
from aira_agents.errors import AiraError, NumericalError
from aira_agents.hosts import is_first, same_on_all, together, told_by_first
from aira_agents.keys import checked_seed
from aira_agents.learning.checkpoint import NAME as CHECKPOINT
from aira_agents.learning.checkpoint import Checkpoints, load_checkpoint
from aira_agents.learning.learner import Learner, updates_for
from aira_agents.learning.parts import AUTOMATIC
from aira_agents.learning.train import RUN, Trained, over_devices, train
from aira_agents.neighbours.room import CROWDED, ROOM, grown
from aira_agents.policies.files import save_policies
from aira_agents.policies.networks import KINDS, Network
from aira_agents.policies.per_agent import Newborn
from aira_agents.registry import find, find_environment, find_learner, names
from aira_agents.results import plain_json, results_folder, write_json

DEFAULT_LEARNER = "ppo"
USAGE = f"""usage: aira train WORLD [--learner NAME] [options]
       aira train WORLD --learner cloning --demonstrations FILE [options]
       aira train WORLD --learner tamer --expert POLICY [options]
       aira train WORLD --learner preferences [--rl NAME] [options]
       aira train --resume FOLDER [--steps N]

Worlds: {{worlds}}
Learners: {{learners}} (default: {DEFAULT_LEARNER})
`aira train WORLD --learner NAME --help` shows the options of both."""


@dataclasses.dataclass(frozen=True)
class NetworkOptions:
    """The networks of all roles."""

    kind: Literal[tuple(KINDS)] = "mlp"  # pyright: ignore[reportInvalidTypeForm]
    hidden: tuple[int, ...] = ()
    """neurons in each hidden layer; none: what is usual for the kind"""
    per_agent: bool = False
    """one network for each agent instead of one for all of a role"""
    newborn: Newborn = "keep"
    """with `--network.per-agent`: which network a newborn gets"""
    bins: int = 8
    """with `--network.kind tabular`: pieces into which the range of a feature is cut"""


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """How long, and where to."""

    steps: int = 1_000_000
    """environment steps, over all worlds"""
    seed: int = 0
    """the one source of chance"""
    results: Path = Path("results")
    """folder for the folder of this run"""
    tensorboard: bool = False
    """write TensorBoard's files too"""
    checkpoint_seconds: float = 60.0
    """seconds between checkpoints"""
    meeting: Annotated[Meeting, tyro.conf.arg(name="")] = ALONE


@dataclasses.dataclass(frozen=True)
class ResumeOptions:
    """How to go on."""

    steps: int | None = None
    """environment steps in all, those already done included; default: as many as were asked for first"""
    tensorboard: bool = False
    """write TensorBoard's files too"""
    checkpoint_seconds: float = 60.0
    """seconds between checkpoints"""
    meeting: Annotated[Meeting, tyro.conf.arg(name="")] = ALONE


def train_command(arguments: list[str]) -> None:
    """Runs `aira train`."""
    if arguments in (["-h"], ["--help"]):
        console.print(USAGE.format(worlds=", ".join(names("world")), learners=", ".join(names("learner"))))
        return
    resumed, arguments = taken(arguments, "--resume", None)
    if resumed is not None:
        _resume(Path(resumed), arguments)
        return
    world, arguments = first_word(arguments, "train", names("world"))
    learner, arguments = taken(arguments, "--learner", DEFAULT_LEARNER)
    setting, options = _parsed(world, str(learner), arguments)
    Checkpoints(None, options.checkpoint_seconds, None)
    with options.meeting.kept():
        compiled = _learner(setting)  # before any folder is made: what does not fit together is said at once
        with together(RUN):
            folder = _new_folder(setting, options) if is_first() else None
        _train(setting, compiled, folder, options, resume=False)


def _new_folder(setting: Setting, options: RunOptions) -> Path:
    folder = results_folder(f"{setting.world}-{setting.learner}", options.results)
    write_json(folder / CONFIG, setting.config())
    return folder


def _parsed(world: str, learner: str, arguments: list[str]) -> tuple[Setting, RunOptions]:
    environment, record = find_environment(world), find_learner(learner)
    named, arguments = named_in(arguments)
    kinds = kinds_of(record, named["rl"])
    trained = kinds.get("rl", record)
    network_options = NetworkOptions(kind=getattr(trained, "usual_network", NetworkOptions.kind))
    fields = [
        ("run", Annotated[RunOptions, tyro.conf.arg(name="")], RunOptions()),
        ("world", options_of(environment, "World"), dataclasses.MISSING),
        ("learner", options_of(record, "Learner"), dataclasses.MISSING),
        ("network", NetworkOptions, network_options),
        *((name, group, dataclasses.MISSING) for name, group in groups_of(kinds)),
    ]
    with_defaults = [
        (n, t, d if d is not dataclasses.MISSING else dataclasses.field(default_factory=t)) for n, t, d in fields
    ]
    options: Any = parsed(
        dataclasses.make_dataclass("Train", with_defaults),
        arguments,
        prog=f"aira train {world} --learner {learner}",
        description=f"Trains policies in the world {world} by {learner}.",
    )
    network = Network(**dataclasses.asdict(options.network))
    _meet(options.run.meeting.checked(), vars(options.learner))
    with together(RUN):
        made_world, made_record = made(environment, options.world), made(record, options.learner)
        partners = Partners(named["demonstrations"], named["expert"], made_of(kinds, options))
    setting = Setting(world, made_world, learner, made_record, network, options.run.seed, options.run.steps, partners)
    return setting, options.run


def _meet(meeting: Meeting, hyperparameters: Mapping[str, Any]) -> None:
    """Joins the other hosts, and gives a learner in parts a device for each, or all cores if it is to choose.

    Must come before anything starts JAX.
    """
    n_parts, n_cores = hyperparameters.get("n_parts", 1), os.cpu_count() or 1
    if n_parts != 1 or meeting.hosts > 1:
        meeting.join(n_cores if n_parts == AUTOMATIC else max(1, min(n_parts // meeting.hosts, n_cores)))


def _learner(setting: Setting) -> Learner:
    with together(RUN):
        checked_seed(setting.seed, "--seed")
        given = setting.partners.arguments(setting.record, setting.learner, setting.environment)
        learner = setting.record.learner(setting.environment, setting.network.builders(setting.environment), **given)
        updates_for(learner, setting.steps)
        over_devices(learner)
    same_on_all(str(setting.config()), "settings")
    return learner


def _resume(folder: Path, arguments: list[str]) -> None:
    options = parsed(
        ResumeOptions,
        arguments,
        prog=f"aira train --resume {folder}",
        description="Goes on with a training run where its last checkpoint was written.",
    )
    config = read_config(folder) if options.meeting.checked().host == 0 else None
    _meet(options.meeting, config["learner"]["parameters"] if config else {})
    with options.meeting.kept():
        config = told_by_first(config)
        with together(RUN):
            setting = setting_of(config, folder)
        if options.steps is not None:
            setting = dataclasses.replace(setting, steps=options.steps)
        _train(setting, _learner(setting), folder if is_first() else None, options, resume=True)


def _train(setting: Setting, learner: Learner, folder: Path | None, options: Any, *, resume: bool) -> None:
    maker = setting.partners.maker(setting.record)
    try:
        trained = train(
            learner,
            n_steps=setting.steps,
            seed=setting.seed,
            folder=folder,
            resume=resume,
            tensorboard=options.tensorboard,
            checkpoint_every_s=options.checkpoint_seconds,
        )
    except (NumericalError, KeyboardInterrupt):
        if folder is not None:
            _save_last(setting, learner, folder)
        raise
    if folder is None:
        console.print(f"Trained {trained.steps:,} steps, together with others; the files are the first host's.")
        return
    path = save_policies(folder, trained.policies, setting.environment, network=setting.network, learner=maker)
    written = [path, *_picture(trained, folder)]
    speed = trained.steps / max(trained.seconds, 1e-9)
    console.print(
        f"{setting.learner} trained {trained.steps:,} steps in {setting.world}: {trained.seconds:.1f} s "
        f"({speed:,.0f} steps/s{_on(trained.n_devices)}), compiled in {trained.compile_seconds:.1f} s."
        + (f" Reward {trained.last['reward']:.3g} per agent and step." if trained.last else "")
    )
    _warn_of_crowds(trained, setting.environment)
    for file in written:
        console.print(str(file))
    _note(setting, trained, folder)
    console.print(f"Judge it with: aira evaluate {setting.world} --policy {folder}")


def _on(n_devices: int) -> str:
    return f" on {n_devices} {'cores' if jax.default_backend() == 'cpu' else 'devices'}" if n_devices > 1 else ""


def _warn_of_crowds(trained: Trained, environment: Any) -> None:
    if trained.last.get(CROWDED, 0) > 0:
        roomier = grown(environment)
        cure = "" if roomier is None else f" Train with more, as in `--world.{ROOM} {roomier.room}`."
        told = "In the last update somebody was not seen, for want of room in a cell (`crowded` in metrics.csv)."
        errors.print(told + cure, style="yellow")


def _save_last(setting: Setting, learner: Learner, folder: Path) -> None:
    """Saves the policies of the last checkpoint: what was learned until it ended badly can be judged, too."""
    if not (folder / CHECKPOINT).exists():  # ended before the first
        return
    state, _ = load_checkpoint(folder, eqx.filter_eval_shape(learner.init, jax.random.key(0)))
    maker = setting.partners.maker(setting.record)
    save_policies(folder, learner.policies(state), setting.environment, network=setting.network, learner=maker)


def _note(setting: Setting, trained: Trained, folder: Path) -> None:
    """Adds the run to the database, if AIRA_DATABASE_URL names one."""
    if not os.environ.get("AIRA_DATABASE_URL"):
        return
    from aira_agents.store import Run, Store

    figures = {"steps": trained.steps, "seconds": trained.seconds, "last": trained.last, "folder": str(folder)}
    record = plain_json({"config": setting.config(), "figures": figures})
    try:
        with Store() as store:
            store.add_run(Run(setting.learner, setting.world, record, seed=setting.seed))
    except AiraError as error:  # the run itself is safe in its folder
        errors.print(f"Not noted in the database: {error}", style="yellow")


def _picture(trained: Trained, folder: Path) -> list[Path]:
    if trained.metrics is None or "metrics" not in names("picture"):
        return []
    out = folder / "learning_curve.png"
    try:
        find("picture", "metrics")(trained.metrics, out)
    except AiraError as error:  # a missing picture must not hide that training went well
        errors.print(f"No picture: {error}", style="yellow")
        return []
    return [out]
