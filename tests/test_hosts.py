"""Several hosts meet, agree and learn as one; none waits for another that refused, left or never came."""

import json
import os
import shutil
import signal
import socket
import threading
import time

import jax
import numpy as np
import pandas as pd
import pytest
import safetensors.numpy
from shell import free_address, python, started

from aira_agents import hosts
from aira_agents.cli.devices import Meeting
from aira_agents.errors import InputError
from aira_agents.meeting import meet

LEARN = ["cartpole", "--learner", "evolution", "--learner.n-parts", "4"]
LEARN += ["--learner.n-pairs", "4", "--learner.n-steps", "8"]
UPDATE = 2 * 4 * 8


def in_threads(*calls):
    """Calls all at once; returns what each returned or raised."""
    found = [None] * len(calls)

    def one(place, call):
        try:
            found[place] = call()
        except InputError as error:
            found[place] = error

    threads = [threading.Thread(target=one, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    return found


def test_all_hear_what_the_first_has_to_tell_in_whatever_order_they_come():
    address = free_address()

    def late(index):
        time.sleep(0.2 * (2 - index))  # the first is the last to come
        return meet(address, 3, index, word=10 + index, seconds=10)

    assert in_threads(*(lambda index=index: late(index) for index in range(3))) == [10, 10, 10]


def test_somebody_else_who_tries_the_port_is_no_host():
    address = free_address()

    def stranger():
        time.sleep(0.1)
        with socket.create_connection(("127.0.0.1", int(address.split(":")[1])), timeout=5) as line:
            line.sendall(b"GET")

    def second():
        time.sleep(0.3)
        return meet(address, 2, 1, 0, seconds=10)

    assert in_threads(lambda: meet(address, 2, 0, 7, seconds=10), stranger, second) == [7, None, 7]


def test_who_did_not_come_is_named_and_nobody_waits_for_ever():
    address = free_address()
    first, second = in_threads(
        lambda: meet(address, 4, 0, 0, seconds=1), lambda: meet(address, 4, 2, 0, seconds=1)
    )  # fmt: skip
    assert "did not come in time: 1, 3." in str(first)
    assert isinstance(second, InputError)
    with pytest.raises(InputError, match="Host 0 did not come in time"):
        meet(free_address(), 2, 1, 0, seconds=0.3)


@pytest.mark.parametrize("call", [(2, 1), (3, 5)])
def test_a_host_that_counts_otherwise_or_comes_twice_is_refused(call):
    address = free_address()
    count, index = call
    others = [lambda: meet(address, count, index, 0, seconds=1)] * 2
    first, *rest = in_threads(lambda: meet(address, 3, 0, 0, seconds=1), *others)
    assert f"Host {index} of {count} came" in str(first)
    assert all(isinstance(error, InputError) for error in rest)


@pytest.mark.parametrize("address", ["", "here", "here:", "here:0", "here:65536", ":9911", "here:ninety"])
def test_what_is_no_address_is_said(address):
    with pytest.raises(InputError, match="address and port of host 0"):
        meet(address, 2, 1, 0)


def test_a_port_that_is_taken_is_said():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(InputError, match="did not meet at"):
        meet(f"127.0.0.1:{taken.getsockname()[1]}", 2, 0, 0, seconds=1)


@pytest.mark.parametrize(
    ("meeting", "said"),
    [
        (Meeting(hosts=0), "`--hosts` must be a whole number of at least 1; got 0."),
        (Meeting(hosts=2), "`--hosts` needs `--coordinator"),
        (Meeting(hosts=2, host=2, coordinator="here:1"), "`--host` must be in 0..1"),
        (Meeting(host=1), "`--host` must be in 0..0"),
    ],
)
def test_a_meeting_that_cannot_be_is_refused(meeting, said):
    with pytest.raises(InputError, match=said):
        meeting.checked()


def test_alone_nothing_is_exchanged():
    tree = {"keys": jax.random.split(jax.random.key(0)), "number": 3}
    assert hosts.agreed(tree) is tree
    assert hosts.gathered(tree) is tree
    assert hosts.most(3, True) == (3, True)
    assert hosts.told_by_first({"a": [1, None]}) == {"a": [1, None]}
    hosts.same_on_all("anything", "settings")
    with pytest.raises(InputError, match="as it was"), hosts.together("this"):
        raise InputError("as it was")


AGREE = """
import json, sys
from aira_agents import hosts
from aira_agents.errors import InputError
hosts.join(sys.argv[1], 2, int(sys.argv[2]))
import jax, numpy as np
first = hosts.is_first()
def refused(act):
    try:
        act()
    except InputError as error:
        return str(error)
def leave_one():
    with hosts.together("this"):
        if not first:
            raise InputError("not here")
odd = [np.array([-0.0, np.nan, np.inf], np.float32), np.array([[True], [False]]), np.float64(0.1) if first else 0.2]
own = {"key": jax.random.key(3 if first else 4), "odd": odd, "count": 5 if first else 6}
told = hosts.agreed(own)
from jax.sharding import Mesh, NamedSharding, PartitionSpec
mesh = Mesh(np.asarray(jax.devices()), "d")
cut = hosts.placed({"keys": jax.random.split(told["key"], 2)}, NamedSharding(mesh, PartitionSpec("d")))
whole = hosts.gathered(cut)["keys"]
print(json.dumps({
    "bits": [leaf.tobytes() for leaf in odd[:2]] == [leaf.tobytes() for leaf in told["odd"][:2]],
    "plain": [float(told["odd"][2]), told["count"], type(told["count"]).__name__],
    "own": [shard.data.shape[0] for shard in jax.random.key_data(cut["keys"]).addressable_shards],
    "keys": np.asarray(jax.random.key_data(whole)).tolist(),
    "most": hosts.most(int(first), 7, not first),
    "told": hosts.told_by_first({"from": "first", "x": [1.5]} if first else None),
    "other": refused(lambda: hosts.same_on_all("mine" if first else "yours", "settings")),
    "same": refused(lambda: hosts.same_on_all("ours", "settings")),
    "left": refused(leave_one),
}))
"""


@pytest.mark.slow
def test_two_hosts_have_what_the_first_has():
    address = free_address()
    done = in_threads(*(lambda host=host: python("-c", AGREE, address, host) for host in "01"))
    assert [each.returncode for each in done] == [0, 0], [each.stderr for each in done]
    first, second = (json.loads(each.stdout.splitlines()[-1]) for each in done)
    keys = jax.random.key_data(jax.random.split(jax.random.key(3), 2)).tolist()
    for told in (first, second):
        assert told["bits"]
        assert told["plain"] == [0.1, 5, "int"]
        assert told["own"] == [1]
        assert told["keys"] == keys
        assert told["most"] == [1, 7, 1]
        assert told["told"] == {"from": "first", "x": [1.5]}
        assert "the same settings" in told["other"]
        assert told["same"] is None
    assert first["left"] == "Another host refused this; what it said tells why."
    assert second["left"] == "not here"


def both(first, second=None):
    """Starts two hosts, each with its arguments."""
    address = free_address()
    options = ["--hosts", 2, "--coordinator", address]
    others = first if second is None else second
    return [started("train", *own, *options, "--host", host) for host, own in enumerate((first, others))]


def ended(processes, timeout=120):
    """Returns the exit codes, and what each said on standard error."""
    try:
        said = [process.communicate(timeout=timeout)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [process.returncode for process in processes], said


def only(folder):
    (run,) = folder.iterdir()
    return run


@pytest.mark.slow
def test_two_hosts_learn_what_one_does_and_each_goes_on_with_the_run_of_the_other(tmp_path):
    run = [*LEARN, "--steps", 6 * UPDATE, "--results"]
    codes, said = ended([started("train", *run, tmp_path / "one")])
    assert codes == [0], said
    codes, said = ended(both([*LEARN, "--steps", 2 * UPDATE, "--results", tmp_path / "two"]))
    assert codes == [0, 0], said
    shutil.copytree(tmp_path / "two", tmp_path / "two, one")
    on = ["--steps", 6 * UPDATE]
    codes, said = ended(both(["--resume", only(tmp_path / "two"), *on], ["--resume", "elsewhere", *on]))
    assert codes == [0, 0], said
    codes, said = ended([started("train", "--resume", only(tmp_path / "two, one"), *on)])
    assert codes == [0], said
    whole = only(tmp_path / "one")
    for other in (only(tmp_path / "two"), only(tmp_path / "two, one")):
        # As many devices, in one process or in two; to rounding, for the compiler may make other programs.
        expected, found = (pd.read_csv(each / "metrics.csv").drop(columns="seconds") for each in (whole, other))
        pd.testing.assert_frame_equal(found, expected, rtol=1e-4)
        arrays = [safetensors.numpy.load_file(each / "policy.safetensors") for each in (whole, other)]
        assert arrays[0].keys() == arrays[1].keys()
        for name, array in arrays[0].items():
            np.testing.assert_allclose(arrays[1][name], array, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_what_one_host_does_wrong_ends_both_with_a_line(tmp_path):
    run = [*LEARN, "--steps", UPDATE, "--results", tmp_path / "results"]
    codes, said = ended(both(run, [*run, "--seed", 1]))
    assert codes == [2, 2]
    assert all(line.startswith("All hosts must be given the same settings") for line in said), said
    codes, said = ended(both(run, [*run, "--world.force-n", -5]))
    assert codes == [2, 2]
    assert said[0].startswith("Another host refused this training")
    assert said[1].startswith("CartPole: `force_n` must be")
    (tmp_path / "file").touch()
    codes, said = ended(both([*run[:-1], tmp_path / "file"]))
    assert codes == [2, 2]
    assert said[0].startswith("Cannot write to")
    assert said[1].startswith("Another host refused this training")
    codes, said = ended(both([*run[:3], "--results", tmp_path / "results"]))
    assert codes == [2, 2]
    assert all(line.startswith("Only a learner with `n_parts`") for line in said), said
    assert not (tmp_path / "results").exists()


def until(true, timeout=60):
    deadline = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_host_that_is_stopped_or_lost_leaves_a_run_to_go_on_with(tmp_path, how):
    processes = both([*LEARN, "--steps", 10**9, "--results", tmp_path])
    try:
        until(lambda: [*tmp_path.glob("*/metrics.csv")] and len(pd.read_csv(only(tmp_path) / "metrics.csv")) > 3)
        os.kill(processes[1].pid, how)
        codes, said = ended(processes, timeout=60)
    finally:
        for process in processes:
            process.kill()
    if how == signal.SIGINT:
        assert codes == [130, 130], said
        assert said[0].startswith("Stopped at update")
        assert "the first host has saved it" in said[1]
        return
    assert codes == [2, -signal.SIGKILL], said
    assert said[0].startswith("Another host was lost")
    steps = len(pd.read_csv(only(tmp_path) / "metrics.csv")) * UPDATE + 2 * UPDATE
    codes, said = ended([started("train", "--resume", only(tmp_path), "--steps", steps)])
    assert codes == [0], said
    assert pd.read_csv(only(tmp_path) / "metrics.csv")["steps"].iloc[-1] == steps
