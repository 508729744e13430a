"""Hostile submissions: each ends with a state and an explanation, and nothing else has changed."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import psutil
import pytest
from courts import PATIENT, court, need_level, written
from hostile import ATTACKS, WORKS

from aira_agents.assignments import confine
from aira_agents.assignments.levels import known_levels, wrapped


@pytest.fixture(scope="module")
def shut_in(tmp_path_factory):
    """A court at the strictest level without a container, shared: its programs compile once."""
    need_level("landlock")
    return court(tmp_path_factory.mktemp("assignment"), "landlock")


@pytest.fixture(autouse=True)
def workplaces(monkeypatch, tmp_path_factory):
    """A place for what submissions run in, that any user may enter; by it their processes are known."""
    tmp_path_factory.getbasetemp()  # where it would lie otherwise, not in the first of these places
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        monkeypatch.setattr(tempfile, "tempdir", place)
        yield place


def _left_over():
    found = []
    for process in psutil.process_iter():
        try:
            own = process.environ().get("HOME", "").startswith(str(tempfile.tempdir))
            if own and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def _runs(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE  # killed, and nobody asks how it ended
    except psutil.NoSuchProcess:
        return False


def _unchanged(stat):
    return stat.st_mode, stat.st_uid, stat.st_mtime_ns, stat.st_size


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_ends_with_a_state_and_an_explanation_and_leaves_nothing_behind(shut_in, tmp_path, attack):
    states, source = ATTACKS[attack]
    outside, secret = tmp_path / "outside", tmp_path / "outside" / "assignment.toml"
    outside.mkdir()
    secret.write_text("hidden = [1, 2, 3]")
    folder = written(
        tmp_path / "submission",
        source.replace("{outside}", str(outside)).replace("{secret}", str(secret)),
    )
    before = secret.stat()
    grade = shut_in.grade("mallory", folder)
    assert grade.state in states, grade.told
    assert _unchanged(secret.stat()) == _unchanged(before)
    assert grade.points == 0
    assert len(grade.told) > 10
    assert sorted(path.name for path in outside.iterdir()) == ["assignment.toml"]
    assert not _left_over()


def test_who_comes_after_an_attack_is_graded_as_if_nothing_had_been(shut_in, tmp_path):
    honest = written(tmp_path / "honest", WORKS)
    before = shut_in.grade("anna", honest)
    shut_in.grade("mallory", written(tmp_path / "mallory", ATTACKS["patches the checks"][1]))
    after = shut_in.grade("anna", honest)
    assert (before.state, before.points, before.means) == (after.state, after.points, after.means)
    assert before.state == "DONE"


@pytest.mark.skipif(os.name != "posix", reason="forks")
@pytest.mark.parametrize("level", ["process", "limits"])
def test_a_daemon_does_not_outlive_its_submission(tmp_path, level):
    daemon = (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        print(os.getpid(), flush=True)\n        time.sleep(30)\n"
        "    os._exit(0)\nos.wait()\ntime.sleep(0.3)"
    )
    grade = court(tmp_path, level).grade("mallory", written(tmp_path / "submission", daemon + WORKS))
    assert grade.state == "DONE"  # a level that cannot forbid it undoes it
    assert not _runs(int(grade.printed))


@pytest.mark.skipif(os.name != "posix", reason="forks")
def test_who_multiplies_at_a_level_that_cannot_forbid_it_is_stopped(tmp_path):
    source = "import os, time\nfor _ in range(40):\n    if os.fork() == 0:\n        time.sleep(10)\ntime.sleep(2)"
    grade = court(tmp_path, "limits").grade("mallory", written(tmp_path / "submission", source + WORKS))
    assert (grade.state, grade.points) == ("INVALID", 0)
    assert "processes" in grade.told
    assert not _left_over()


def test_a_submission_sees_nothing_of_the_graders_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    source = (
        "import os\nassert 'SECRET_TOKEN' not in os.environ\nassert os.path.realpath(os.environ['HOME']) == os.getcwd()"
        + WORKS
    )
    assert court(tmp_path).grade("anna", written(tmp_path / "submission", source)).state == "DONE"


def test_threads_still_work_where_processes_are_refused(shut_in, tmp_path):
    source = "import threading\none = threading.Thread(target=print)\none.start()\none.join()" + WORKS
    assert shut_in.grade("anna", written(tmp_path / "submission", source)).state == "DONE"


def test_its_own_temporary_folder_can_be_written_to(shut_in, tmp_path):
    source = "import tempfile\nwith tempfile.TemporaryFile() as file: file.write(b'x')" + WORKS
    grade = shut_in.grade("anna", written(tmp_path / "submission", source))
    assert grade.state == "DONE", grade.told


def test_a_container_has_no_network_and_a_read_only_file_system(tmp_path):
    need_level("container")
    source = (
        "import os\nassert os.getuid() == 65534\nassert not os.path.exists('/home')\n"
        "assert [line.split(':')[0].strip() for line in open('/proc/self/net/dev')][2:] == ['lo']\n"
        "try:\n    open('/usr/planted', 'w')\nexcept OSError:\n    pass\nelse:\n    raise AssertionError\n"
    ) + WORKS
    grade = court(tmp_path, "container").grade("anna", written(tmp_path / "submission", source))
    assert grade.state == "DONE", grade.told


@pytest.mark.parametrize("seen", [True, False])
def test_a_container_starts_a_python_that_is_a_link_in_the_temporary_folder(tmp_path, seen):
    need_level("container")
    link = tmp_path / "bin" / "python"
    link.parent.mkdir()
    link.symlink_to(sys.executable)
    readable = [sys.base_prefix, sys.prefix, *([str(tmp_path)] if seen else [])]
    command = wrapped([str(link), "-SIc", "print(7)"], known_levels()["container"], readable, [])
    found = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert found.stdout == "7\n", found.stderr


def test_the_clock_of_the_grader_is_its_own(shut_in, tmp_path):
    # What time is for the submission is its own business: it has a second, whatever it makes of `time`.
    source = "import time\nslow = time.sleep\ntime.monotonic = time.time = lambda: 0.0\n"
    source += "def act(observation, rng):\n    slow(8)\n    return 0"
    assert shut_in.grade("mallory", written(tmp_path / "submission", source)).state == "TIMEOUT"


def test_who_ends_the_grader_with_ctrl_c_leaves_no_submission_running(shut_in, tmp_path):
    class Stop(BaseException):
        pass

    def stopped(*_):
        raise Stop

    source = "import time\ndef act(observation, rng):\n    time.sleep(8)\n    return 0"
    folder = written(tmp_path / "submission", source)
    before = signal.signal(signal.SIGALRM, stopped)
    signal.setitimer(signal.ITIMER_REAL, 0.6)
    try:
        with pytest.raises(Stop):
            shut_in.grade("anna", folder)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert not _left_over()


def test_a_grade_is_the_same_twice_even_without_the_generator(shut_in, tmp_path):
    source = "import random\nimport numpy as np\n"
    source += "def act(observation, rng):\n    return (random.randrange(5) + np.random.randint(5)) % 5"
    folder = written(tmp_path / "submission", source)
    first, second = (shut_in.grade("anna", folder).means for _ in range(2))
    assert first == second
    assert np.mean(first["hidden"]) >= 0


@pytest.mark.parametrize(
    ("writes", "told"),
    [
        ("[open(f'file{i}', 'wb').write(bytes(2**20)) for i in range(8)]", "more than 4 MB of files"),
        ("[(f := tempfile.TemporaryFile(), f.write(bytes(2**20))) for i in range(8)]", "more than 4 MB of files"),
        ("[open(f'file{i}', 'wb').close() for i in range(1001)]", "more than 1000 files"),
        ("os.mkdir('hidden', 0o300)", "nobody can look into"),
    ],
)
def test_who_fills_the_disk_is_stopped(tmp_path, writes, told):
    need_level("landlock")
    if "hidden" in writes and os.geteuid() == 0:
        pytest.skip("root looks into every folder")
    source = f"import os, tempfile, time\nkept = {writes}\n"
    folder = written(tmp_path / "submission", f"{source}time.sleep(3)\n{WORKS}")
    grade = court(tmp_path, "landlock", limits=PATIENT).grade("mallory", folder)
    assert (grade.state, grade.points) == ("INVALID", 0)
    assert told in grade.told


def test_a_kernel_that_lets_anybody_empty_a_file_is_not_taken_for_landlock(monkeypatch):
    monkeypatch.setattr(confine, "landlock_version", lambda: 2)
    found = known_levels.__wrapped__()["landlock"]
    assert (found.available, "Linux 6.2" in found.told) == (False, True)


def test_files_can_be_copied_in_its_own_folder_and_what_cannot_is_told(shut_in, tmp_path):
    source = "import shutil\nopen('a', 'w').write('x')\nshutil.copyfile('a', 'b')\nassert open('b').read() == 'x'\n"
    assert shut_in.grade("anna", written(tmp_path / "copyfile", source + WORKS)).state == "DONE"
    told = shut_in.grade("anna", written(tmp_path / "copy", source + "shutil.copy('a', 'c')\n" + WORKS)).told
    assert "Operation not permitted: 'c' (policy.py, line 5: shutil.copy('a', 'c'))" in told
