"""How far a submission can be shut in on this machine, and what each level keeps it from.

`process`: its own process, which is stopped with all its offspring. `limits`: besides, resource limits, a watch over
memory and processes, an empty environment, a temporary home, no privileges. `landlock`: besides, no file outside its
folder, no socket, no new process, no signal. `container`: besides, namespaces of its own: no network, a read-only
file system, not root.
"""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple

from aira_agents.assignments import confine
from aira_agents.assignments.spec import LEVELS
from aira_agents.errors import InputError, unknown_name

FIRST_USER = 2_000_000_000  # identities that nobody has
LOWEST_LANDLOCK = 3  # before, it governs who writes a file, and not who empties it


class Level(NamedTuple):
    """What this machine can do, or why it cannot."""

    name: str
    available: bool
    told: str


@functools.cache
def known_levels() -> dict[str, Level]:
    """Returns every level of `LEVELS`, tried out on this machine."""
    limits = Level("limits", os.name == "posix", "resource limits" if os.name == "posix" else "needs Linux or macOS")
    version, seccomp = confine.landlock_version(), confine.knows_seccomp()
    if version >= LOWEST_LANDLOCK and seccomp:
        landlock = Level("landlock", True, f"Landlock {version} and seccomp")
    else:
        landlock = Level("landlock", False, "needs Linux 6.2 or newer with Landlock, on x86_64 or aarch64")
    return {
        "process": Level("process", True, "a process of its own"),
        "limits": limits,
        "landlock": landlock,
        "container": _container(landlock),
    }


def chosen_level(asked: str | None, required: str) -> Level:
    """Returns the level to run at: what was asked for, else the best of this machine short of a container.

    Raises:
        InputError: A name is unknown, this machine cannot do it, or it is below what is required.
    """
    known = known_levels()
    for name in (asked or required, required):
        if name not in known:
            raise unknown_name("level", name, LEVELS)
    best = next(name for name in ("landlock", "limits", "process") if known[name].available)
    level = known[asked or max(best, required, key=LEVELS.index)]
    if not level.available:
        raise InputError(f"This machine cannot grade at the level {level.name}: {level.told}.")
    if LEVELS.index(level.name) < LEVELS.index(required):
        raise InputError(f"The level {required} is required; {level.name} is below it.")
    return level


def wrapped(command: Sequence[str], level: Level, readable: Sequence[str], writable: Sequence[str]) -> list[str]:
    """Returns the command that runs `command` at `level`: itself, or in a container of bubblewrap."""
    if level.name != "container":
        return list(command)
    binds = [option for path in readable if os.path.exists(path) for option in ("--ro-bind", path, path)]
    binds += [option for path in writable for option in ("--bind", path, path)]
    path = command[0]
    while os.path.islink(path):  # a link on the way to Python may lie where the container has its own folder
        target = os.path.join(os.path.dirname(path), os.readlink(path))
        if path.startswith("/tmp/") and not any(path.startswith(f"{shown}/") for shown in (*readable, *writable)):
            binds += ["--symlink", target, path]
        path = target
    return [*_bubblewrap(), *binds, "--", *command]


@functools.cache
def own_users() -> bool:
    """Says whether submissions can run as users of their own: the grader is root, and others can run its Python."""
    if os.name != "posix" or os.geteuid() != 0:
        return False
    import pwd  # noqa: PLC0415  not on Windows

    try:
        pwd.getpwuid(FIRST_USER)
        return False  # somebody has it
    except KeyError:
        pass
    code = "import sys; sys.path[:] = sys.argv[1:]; import numpy, aira_agents.assignments.confine"
    try:
        tried = subprocess.run(
            [sys.executable, "-sPSc", code, *sys.path],
            user=FIRST_USER, group=FIRST_USER, extra_groups=[], cwd="/", capture_output=True, timeout=60,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return False
    return tried.returncode == 0


def _container(landlock: Level) -> Level:
    if shutil.which("bwrap") is None:
        return Level("container", False, "needs bubblewrap (`bwrap`), which is not installed")
    tried = subprocess.run([*_bubblewrap(), "--", "true"], capture_output=True, text=True)
    if tried.returncode != 0:
        return Level("container", False, f"bubblewrap fails: {tried.stderr.strip()[:200]}")
    return Level("container", landlock.available, f"bubblewrap around {landlock.told}")


def _bubblewrap() -> list[str]:
    options = ["bwrap", "--unshare-all", "--die-with-parent", "--cap-drop", "ALL", "--uid", "65534", "--gid", "65534"]
    for path in ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/localtime", "/sys/devices/system"):
        options += ["--ro-bind-try", path, path]
    return [*options, "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
