"""Packs an assignment: what students get, and graders for Gradescope and Classroom 50.

Each archive says in `requirements.txt` what is installed: a wheel that lies in it, or what `install` in
`assignment.toml` says.
Source: Gradescope, "Autograder specifications", file hierarchy; Classroom 50, "Advanced autograding", contract.
"""

import io
import zipfile
from pathlib import Path

from aira_agents.assignments.own_wheel import archived, own_wheel
from aira_agents.assignments.spec import FILE, Assignment, for_students, load_assignment
from aira_agents.errors import InputError
from aira_agents.results import unwritable

TEMPLATES = Path(__file__).with_name("templates")
NOT_FOR_STUDENTS = ("solution.py",)
REQUIREMENTS = "requirements.txt"

Files = dict[str, bytes]  # by path in an archive


def pack(folder: Path, out: Path, *, wheel: Path | None = None) -> list[Path]:
    """Writes a student's zip, an autograder for Gradescope and one for Classroom 50 into `out`; returns their paths.

    Args:
        folder: The assignment's.
        out: Where to; files of the same names are replaced.
        wheel: Of this library, to install; `None`: what `install` in `assignment.toml` says, else this very version.

    Raises:
        InputError: There is no assignment, no starter or no such wheel, or `out` cannot be written to.
    """
    assignment = load_assignment(folder)
    starter = assignment.folder / "policy.py"
    if not starter.is_file():
        raise InputError(f"There is no {starter}: the starter that students get.")
    if (assignment.folder / REQUIREMENTS).exists():
        raise InputError(
            f"{REQUIREMENTS} is what packing writes, and {assignment.folder} holds one: remove it, and say what is "
            f"installed as `install` in {FILE}."
        )
    installed, name = _installed(assignment, wheel), assignment.folder.name
    rules = {FILE: (assignment.folder / FILE).read_bytes()}
    student = {f"{name}/{file}": content for file, content in (_for_students(assignment) | installed).items()}
    gradescope = {file: _template(file) for file in ("setup.sh", "run_autograder")} | installed
    gradescope |= {f"assignment/{file}": content for file, content in rules.items()}
    autograder = {"autograder.py": _template("autograder.py")} | installed | rules
    classroom50 = {f"autograders/{name}/{file}": content for file, content in autograder.items()}
    try:
        out.mkdir(parents=True, exist_ok=True)
        return [
            _zipped(out / f"{name}-student.zip", student),
            _zipped(out / f"{name}-gradescope.zip", gradescope),
            _zipped(out / f"{name}-classroom50.zip", classroom50),
        ]
    except OSError as error:
        raise unwritable(out, error) from error


def _installed(assignment: Assignment, wheel: Path | None) -> Files:
    """Returns `requirements.txt` and, if it names one, the wheel beside it."""
    if wheel is not None:
        if wheel.suffix != ".whl" or not wheel.is_file():
            raise InputError(f"`--wheel` must be a .whl of aira_agents; got {wheel}.")
        name, content = wheel.name, wheel.read_bytes()
    elif assignment.install is not None:
        return {REQUIREMENTS: f"{assignment.install}\n".encode()}
    else:
        name, entries = own_wheel()
        whole = io.BytesIO()
        with zipfile.ZipFile(whole, "w") as archive:
            archived(archive, entries)
        content = whole.getvalue()
    return {REQUIREMENTS: f"./{name}\n".encode(), name: content}


def _for_students(assignment: Assignment) -> Files:
    own = [f for f in sorted(assignment.folder.iterdir()) if f.is_file() and not f.name.startswith(".")]
    files = {file.name: file.read_bytes() for file in own if file.name not in NOT_FOR_STUDENTS}
    return files | {FILE: for_students(assignment).encode()}


def _template(name: str) -> bytes:
    return (TEMPLATES / f"{name}.txt").read_bytes()


def _zipped(path: Path, files: Files) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        scripts = tuple(file for file in files if file in ("setup.sh", "run_autograder"))
        archived(archive, list(files.items()), scripts)
    return path
