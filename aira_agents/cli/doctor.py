"""`aira doctor`: versions, devices, and the combinations that are known to go wrong, each with its cure."""

import importlib.metadata
import os
import platform
import shutil
import sys
from collections.abc import Mapping
from typing import NamedTuple

from packaging.version import Version

from aira_agents.cli.console import console
from aira_agents.cli.kept import WHERE
from aira_agents.errors import InputError

PACKAGES = (
    "aira-agents", "mesa", "numpy", "scipy", "jax", "jaxlib", "equinox", "optax", "jaxtyping", "networkx",
    "matplotlib", "safetensors", "tyro", "rich", "vega-datasets", "tensorboardX", "solara", "solara-assets", "ipyvue",
    "ipyvuetify", "anywidget",
)  # fmt: skip
OPTIONAL = {"tensorboardX", "solara", "solara-assets", "ipyvue", "ipyvuetify", "anywidget"}


class Finding(NamedTuple):
    """Something that goes wrong, and what to do."""

    problem: str
    cure: str
    serious: bool = True  # if not, only worth knowing: it does not make the command fail


def doctor_command(arguments: list[str]) -> None:
    """Prints what there is and what is wrong with it; exits with 1 if something is."""
    if arguments and arguments[0] in ("-h", "--help"):
        console.print("usage: aira doctor\n\nPrints versions and devices, and known faults with their cures.")
        return
    if arguments:
        raise InputError(f"`aira doctor` takes no arguments; got {' '.join(arguments)}.")
    versions = installed()
    console.print(f"Python {platform.python_version()} on {platform.platform()}")
    for name, version in versions.items():
        console.print(f"  {name:<14} {version or ('not installed (optional)' if name in OPTIONAL else 'MISSING')}")
    console.print(f"Compiled programs are kept in {os.environ.get(WHERE) or 'no place'}.", soft_wrap=True)
    findings = [*faults(versions, sys.version_info[:2]), *_devices()]
    for finding in findings:
        console.print(f"{'PROBLEM' if finding.serious else 'note'}: {finding.problem} -> {finding.cure}")
    if any(finding.serious for finding in findings):
        raise SystemExit(1)
    console.print("Nothing is wrong.")


def installed() -> dict[str, str | None]:
    """Returns the version of each package that matters, or `None`."""

    def version(name: str) -> str | None:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            return None

    return {name: version(name) for name in PACKAGES}


def faults(versions: Mapping[str, str | None], python: tuple[int, int]) -> list[Finding]:
    """Returns the known faults of a combination of versions.

    Args:
        versions: Package name to version, `None` if not installed; a name that is absent is not judged.
        python: Major and minor version.
    """
    have = {name: Version(version) for name, version in versions.items() if version is not None}
    return [*_python(python), *_missing(versions), *_jax(have, python), *_mesa(have, python), *_page(have)]


def _python(python: tuple[int, int]) -> list[Finding]:
    if python < (3, 11):
        return [
            Finding(
                f"Python {python[0]}.{python[1]} is too old",
                "use Python 3.11 or newer: make clean; PYTHON=python3.12 make demo",
            )
        ]
    return []


def _missing(versions: Mapping[str, str | None]) -> list[Finding]:
    cures = {"networkx": "Mesa 3.5 imports it without requiring it: pip install networkx"}
    return [
        Finding(f"{name} is not installed", cures.get(name, "pip install aira-agents"))
        for name, version in versions.items()
        if version is None and name not in OPTIONAL
    ]


def _jax(have: Mapping[str, Version], python: tuple[int, int]) -> list[Finding]:
    found = []
    jax, jaxlib = have.get("jax"), have.get("jaxlib")
    if jax and jaxlib and jax.release[:2] != jaxlib.release[:2]:
        found.append(
            Finding(f"jax {jax} does not go with jaxlib {jaxlib}", f'pip install "jax=={jax}" "jaxlib=={jax}"')
        )
    if jax and not Version("0.10") <= jax < Version("0.13"):
        found.append(Finding(f"jax {jax} was not tried; 0.10 to 0.12 were", 'pip install "jax>=0.10,<0.13"'))
    if jax and jax >= Version("0.11") and python < (3, 12):
        found.append(Finding(f"jax {jax} needs Python 3.12", 'pip install "jax<0.11", or use a newer Python'))
    return found


def _mesa(have: Mapping[str, Version], python: tuple[int, int]) -> list[Finding]:
    found, mesa = [], have.get("mesa")
    if mesa and not Version("3.3.1") <= mesa < Version("3.6"):
        found.append(Finding(f"Mesa {mesa} was not tried; 3.3.1 to 3.5 were", 'pip install "mesa>=3.3.1,<3.6"'))
    if mesa and mesa >= Version("3.4") and python < (3, 12):
        found.append(Finding(f"Mesa {mesa} needs Python 3.12", 'pip install "mesa==3.3.1", or use a newer Python'))
    return found


def _page(have: Mapping[str, Version]) -> list[Finding]:
    cure = 'pip install "ipyvue<2" "ipyvuetify<2"'
    found = [
        Finding(f"{name} {have[name]} leaves Mesa's visualizer a blank page", cure)
        for name in ("ipyvue", "ipyvuetify")
        if name in have and have[name] >= Version("2")
    ]
    if "solara" in have and "solara-assets" not in have:
        cure = "pip install solara-assets (240 MB), if the class has no internet"
        found.append(Finding("without internet the visualizer's page stays empty", cure, serious=False))
    return found


def _devices() -> list[Finding]:
    try:
        import jax

        devices = jax.devices()
    except Exception as error:  # whatever goes wrong in a driver is what this command is to report
        return [
            Finding(f"JAX does not start ({type(error).__name__}: {error})", "try JAX_PLATFORMS=cpu, or reinstall jax")
        ]
    console.print(f"Devices: {', '.join(map(str, devices))}")
    if jax.default_backend() == "cpu" and shutil.which("nvidia-smi"):
        cure = 'pip install "jax[cuda12]" to use it; everything runs without'
        return [Finding("there seems to be a GPU, which JAX does not use", cure, serious=False)]
    return []
