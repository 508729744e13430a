"""`aira record WORLD`: a clip or a picture of a world, without a browser."""

import dataclasses
from pathlib import Path

from aira_agents.cli.console import console
from aira_agents.cli.parsing import parsed
from aira_agents.cli.words import first_word, taken
from aira_agents.errors import InputError
from aira_agents.registry import find, names

USAGE = """usage: aira record WORLD [--policy POLICY] [--steps N] [--seed N] --out clip.gif|clip.mp4|picture.png

Worlds: {worlds}
A .png shows the world after N steps; .gif and .mp4 every step."""


@dataclasses.dataclass(frozen=True)
class RecordOptions:
    """What to film."""

    out: Path
    """where to; its suffix says the format"""
    steps: int = 100
    """how many steps"""
    seed: int = 0
    """the one source of chance"""
    fps: int = 15
    """steps a second"""
    overwrite: bool = False
    """replace what is there"""


def record_command(arguments: list[str]) -> None:
    """Runs `aira record`."""
    if arguments in (["-h"], ["--help"]):
        console.print(USAGE.format(worlds=", ".join(names("world"))))
        return
    world, rest = first_word(arguments, "record", names("world"))
    policy, rest = taken(rest, "--policy", None)
    options = parsed(RecordOptions, rest, prog=f"aira record {world}", description=f"Films the world {world}.")
    for name in ("steps", "fps"):
        if getattr(options, name) < 1:
            raise InputError(f"`--{name}` must be a whole number of at least 1; got {getattr(options, name)}.")
    if options.out.is_file() and not options.overwrite:
        raise InputError(f"{options.out} exists. Name another file, or say `--overwrite`.")
    clip = find("picture", "clip")
    path = clip(world, policy=policy, out=options.out, steps=options.steps, seed=options.seed, fps=options.fps)
    console.print(str(path))
