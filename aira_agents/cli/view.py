"""`aira view WORLD`: the page on which a class sees, steers and teaches agents."""

import dataclasses

from aira_agents.cli.console import console
from aira_agents.cli.parsing import parsed
from aira_agents.cli.words import taken
from aira_agents.errors import InputError
from aira_agents.registry import find, names

USAGE = """usage: aira view WORLD [--policy POLICY] [--port N] [--host ADDRESS] [--no-open]
       aira view WORLD --class [--database DATABASE]
       aira view scenarios/NAME ...

Worlds: {worlds}
Lessons: {lessons}
POLICY: `random`, the name of a rule in the world's file, or a folder that `aira train` left.
--host 0.0.0.0 shows the page to a class: it prints the address and the code to join.
--class lets students join from their phones by a code, and teach together; the page is then the lecturer's.
`aira view WORLD --help` shows all options."""

CLASS, HERE, EVERYWHERE = "--class", "127.0.0.1", "0.0.0.0"


@dataclasses.dataclass(frozen=True)
class ViewOptions:
    """Where the page is."""

    port: int = 8765
    """the next free one is taken if it is not free"""
    host: str | None = None
    """default: 127.0.0.1; with --class 0.0.0.0: for all who reach this machine, with a code to join"""
    no_open: bool = False
    """open no browser"""
    database: str | None = None
    """where what people say is kept: a path, or postgresql://USER:PASSWORD@HOST/DATABASE"""


def view_command(arguments: list[str]) -> None:
    """Runs `aira view`."""
    worlds, lessons = ", ".join(names("world")), ", ".join(f"scenarios/{name}" for name in names("scenario"))
    if arguments in (["-h"], ["--help"]):
        console.print(USAGE.format(worlds=worlds, lessons=lessons))
        return
    if not arguments or arguments[0].startswith("-"):
        raise InputError(f"`aira view` needs a world or a lesson first. There is: {worlds}, {lessons}.")
    subject, rest = arguments[0], arguments[1:]
    policy, rest = taken(rest, "--policy", None)
    with_class = CLASS in rest
    rest = [one for one in rest if one != CLASS]
    options = parsed(ViewOptions, rest, prog=f"aira view {subject}", description=f"Opens the page of {subject}.")
    if not 1 <= options.port <= 65535:
        raise InputError(f"`--port` must be in 1..65535; got {options.port}.")
    find("picture", "page")(
        subject,
        policy=policy,
        host=options.host or (EVERYWHERE if with_class else HERE),
        port=options.port,
        open_browser=not options.no_open,
        say=console.print,
        with_class=with_class,
        database=options.database,
    )
