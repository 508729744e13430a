"""Whoever makes the calls, each is made and its result is there once, and what a task refuses is said."""

import os
import time

import pytest
from shell import free_address, python

from aira_agents.engines import Local, Processes, engine_named
from aira_agents.errors import InputError

STILL = "def act(observation, rng):\n    return 0\n"


def slowly(seconds, number):
    time.sleep(seconds)
    return number * number


def refuse(number):
    raise InputError(f"not {number}")


def vanish():
    os._exit(1)


@pytest.mark.parametrize("engine", [Local(), Processes(2)])
def test_each_call_is_made_once_whoever_is_done_first(engine):
    arguments = [(0.3, 1), (0.0, 2), (0.0, 3)]
    assert sorted(engine.calls(slowly, arguments)) == [(0, 1), (1, 4), (2, 9)]
    assert [*engine.calls(slowly, [])] == []


@pytest.mark.parametrize("engine", [Local(), Processes(1)])
def test_what_a_task_refuses_is_said(engine):
    with pytest.raises(InputError, match="not 3"):
        [*engine.calls(refuse, [(3,)])]


def test_a_process_that_is_lost_is_said():
    with pytest.raises(InputError, match="A process was killed"):
        [*Processes(1).calls(vanish, [()])]


def test_where_there_is_no_cluster_it_is_said_at_once():
    with pytest.raises(InputError, match=r"There is no Ray cluster at '127\.0\.0\.1:\d+'"):
        engine_named("ray", address=free_address())


BESIDE = """
import os
import ray
from ray.cluster_utils import Cluster
from aira_agents.engines import Ray

options = {"num_cpus": 1, "object_store_memory": 80_000_000, "include_dashboard": False}
others = Cluster(initialize_head=True, head_node_args=options)
os.environ.pop("RAY_ADDRESS", None)
Ray()
port = others.address.rpartition(":")[2]  # the same host has several names
own = ray.get_runtime_context().gcs_address
ray.shutdown()
joined = []
for named in (others.address, ""):
    Ray(named)
    joined.append(ray.get_runtime_context().gcs_address)
    ray.shutdown()
    os.environ["RAY_ADDRESS"] = others.address
others.shutdown()
assert not own.endswith(port), "joined a cluster that nobody named, and would have ended with it"
assert all(address.endswith(port) for address in joined), joined
"""


@pytest.mark.slow
def test_a_cluster_of_somebody_else_is_joined_only_if_named():
    done = python("-c", BESIDE, timeout=120)
    assert done.returncode == 0, done.stderr


def test_nonsense_is_refused():
    with pytest.raises(InputError, match="at least 1; got -1"):
        engine_named("processes", workers=-1)
