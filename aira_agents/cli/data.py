"""`aira data ...`: what is kept of people and episodes, and how it is recorded, looked at, given away and forgotten."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from aira_agents.cli.console import console
from aira_agents.cli.options import made, options_of
from aira_agents.cli.parsing import parsed
from aira_agents.cli.words import first_word, taken
from aira_agents.errors import InputError, unknown_name
from aira_agents.keys import checked_seed
from aira_agents.registry import find_environment, names

USAGE = """usage: aira data COMMAND [options]

  list               what the database holds
  summary [FILE]     how many decisions, by action and group, and how skewed: of a file of episodes, or of the database
  record WORLD --policy POLICY
                     records episodes into a file, for `aira train WORLD --learner cloning --demonstrations FILE`
  export FOLDER      writes episodes and feedback for other tools
  forget ID          deletes a participant's rows everywhere, exports included

The database is `--database`, else AIRA_DATABASE_URL, else results/aira.db.
`aira data COMMAND --help` shows the options of one."""


@dataclasses.dataclass(frozen=True)
class DatabaseOptions:
    """Where."""

    database: str | None = None
    """a path, or postgresql://USER:PASSWORD@HOST/DATABASE"""


@dataclasses.dataclass(frozen=True)
class SummaryOptions(DatabaseOptions):
    """What of it."""

    world: str | None = None
    """only this world's episodes"""
    by: str | None = None
    """a recorded column, or an effector, to group by"""


@dataclasses.dataclass(frozen=True)
class ExportOptions(DatabaseOptions):
    """What of it, and how."""

    format: Literal["parquet", "minari", "episodes"] = "parquet"
    """tables, Minari's HDF5, or this program's own files"""
    world: str | None = None
    """only this world's"""
    who: str | None = None
    """only this participant's"""


@dataclasses.dataclass(frozen=True)
class RecordOptions:
    """What is recorded, and where it goes."""

    episodes: int = 10
    """worlds that are run from reset to end"""
    out: Path = Path("demonstrations.episodes")
    """the file, which must not be there yet"""
    seed: int = 0
    """the one source of chance"""
    columns: tuple[str, ...] = ()
    """columns of the agents to keep for groups, such as x"""
    licence: str = "unspecified"
    """under which the data may be used"""


def data_command(arguments: list[str]) -> None:
    """Runs `aira data`."""
    if not arguments or arguments[0] in ("-h", "--help"):
        console.print(USAGE)
        return
    name, *rest = arguments
    if name not in COMMANDS:
        raise unknown_name("command of `aira data`", name, COMMANDS)
    COMMANDS[name](rest)


def _list(arguments: list[str]) -> None:
    from aira_agents.store.exports import contents, refresh

    options = _parsed(DatabaseOptions, arguments, "list", "Lists what the database holds.")
    with _opened(options.database) as store:
        refresh(store)
        console.print(f"{store.where}")
        for line in contents(store):
            console.print(f"  {line}")


def _summary(arguments: list[str]) -> None:
    from aira_agents.data.dataset import Dataset
    from aira_agents.data.summary import summarize

    path, arguments = _word(arguments)
    options = _parsed(SummaryOptions, arguments, "summary [FILE]", "Says what is in a dataset, and how skewed it is.")
    if path is not None:
        console.print(str(summarize(Dataset.load(Path(path)), options.by)))
        return
    with _opened(options.database) as store:
        found = store.datasets(**_chosen(world=options.world))
        if not found:
            raise InputError(f"There are no such episodes in {store.where}.")
        for name, dataset in found.items():
            console.print(name, style="bold")
            console.print(str(summarize(dataset, options.by)))


def _record(arguments: list[str]) -> None:
    from aira_agents.data.recording import record
    from aira_agents.data.summary import summarize
    from aira_agents.policies.by_name import named_policies

    world, arguments = first_word(arguments, "data record", names("world"))
    policy, arguments = taken(arguments, "--policy", None)
    found = find_environment(world)
    fields = [
        ("run", Annotated[RecordOptions, tyro.conf.arg(name="")], RecordOptions()),
        ("world", (of_world := options_of(found, "World")), dataclasses.field(default_factory=of_world)),
    ]
    options: Any = parsed(
        dataclasses.make_dataclass("Record", fields),
        arguments,
        prog=f"aira data record {world} --policy {policy or 'POLICY'}",
        description=f"Records episodes of the world {world}.",
    )
    if policy is None:
        raise InputError("`aira data record` needs `--policy`, named as for `aira evaluate`.")
    checked_seed(options.run.seed, "--seed")
    if options.run.out.exists():
        raise InputError(f"{options.run.out} is there already, and recordings overwrite nothing; name another file.")
    environment, run = made(found, options.world), options.run
    policies = named_policies(policy, environment)
    dataset = record(environment, policies, run.seed, run.episodes, columns=run.columns, licence=run.licence)
    dataset.save(run.out)
    console.print(str(summarize(dataset)))
    console.print(str(run.out))


def _export(arguments: list[str]) -> None:
    from aira_agents.store.exports import export

    folder, arguments = _word(arguments)
    options = _parsed(ExportOptions, arguments, "export FOLDER", "Writes episodes and feedback for other tools.")
    if folder is None:
        raise InputError("`aira data export` needs the name of a new folder.")
    with _opened(options.database) as store:
        chosen = _chosen(world=options.world, who=options.who)
        console.print(str(export(store, Path(folder), options.format, **chosen)))


def _forget(arguments: list[str]) -> None:
    from aira_agents.store.exports import forget

    who, arguments = _word(arguments)
    options = _parsed(DatabaseOptions, arguments, "forget ID", "Deletes a participant's rows everywhere.")
    if who is None:
        raise InputError("`aira data forget` needs the id of a participant.")
    with _opened(options.database) as store:
        gone = forget(store, who)
    rows = ", ".join(f"{count} {name}" for name, count in gone.rows.items())
    console.print(f"{who} is forgotten: {rows} deleted, {len(gone.rewritten)} exports written anew.")
    for folder in gone.missing:
        console.print(f"Not found any more: the export {folder}. If it was moved or copied, delete it there.")


COMMANDS: dict[str, Callable[[list[str]], None]] = {
    "list": _list,
    "summary": _summary,
    "record": _record,
    "export": _export,
    "forget": _forget,
}


def _opened(database: str | None) -> Any:
    from aira_agents.store import Store

    return Store(database, create=False)


def _parsed(options: type[Any], arguments: list[str], what: str, description: str) -> Any:
    return parsed(options, arguments, prog=f"aira data {what}", description=description)


def _word(arguments: list[str]) -> tuple[str | None, list[str]]:
    """Takes a name that comes first, if one does."""
    if arguments and not arguments[0].startswith("-"):
        return arguments[0], arguments[1:]
    return None, arguments


def _chosen(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}
