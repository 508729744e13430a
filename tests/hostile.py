"""What a hostile, or a hapless, student may hand in: by name, the states in which it may end, and the file.

Each is harmless if every wall fails: what it starts ends by itself, and what it takes is bounded.
"""

from hostile_calls import CALLS

WORKS = """
def act(observation, rng):
    return rng.integers(0, 5)
"""

ATTACKS = {
    "reads the hidden seeds": (
        {"ERROR"},
        """
SEEDS = open('{secret}').read()
"""
        + WORKS,
    ),
    "reads another submission by walking the disk": (
        {"ERROR"},
        """
import os
found = [os.path.join(d, f) for d, _, fs in os.walk('{outside}') for f in fs]
found[0]
"""
        + WORKS,
    ),
    "opens a socket": (
        {"ERROR"},
        """
import socket
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"seeds?", ("127.0.0.1", 9))
"""
        + WORKS,
    ),
    "listens at a socket": (
        {"ERROR"},
        """
import socket
socket.socket().bind(('127.0.0.1', 0))
"""
        + WORKS,
    ),
    "writes outside its folder": (
        {"ERROR"},
        """
open('{outside}/planted', 'w').write('x')
"""
        + WORKS,
    ),
    "starts a program": (
        {"ERROR"},
        """
import subprocess
subprocess.run(['true'], check=True)
"""
        + WORKS,
    ),
    "forks": (
        {"ERROR"},
        """
import os, time
for _ in range(50):
    if os.fork() == 0:
        time.sleep(5)
        os._exit(0)
"""
        + WORKS,
    ),
    "sleeps": (
        {"TIMEOUT"},
        """
import time
def act(observation, rng):
    time.sleep(20)
    return 0
""",
    ),
    "spins": (
        {"TIMEOUT"},
        """
import time
def act(observation, rng):
    end = time.time() + 20
    while time.time() < end:
        pass
    return 0
""",
    ),
    "sleeps at import": (
        {"TIMEOUT"},
        """
import time
time.sleep(20)
"""
        + WORKS,
    ),
    "allocates without end": (
        {"ERROR", "INVALID", "TIMEOUT"},
        """
import numpy as np, time
kept = []
def act(observation, rng):
    while len(kept) < 60:
        kept.append(np.ones(2**21))
        time.sleep(0.005)
    time.sleep(1)
    return 0
""",
    ),
    "prints without end": (
        {"INVALID"},
        """
for _ in range(20_000):
    print('x' * 1000)
import time
time.sleep(1)
"""
        + WORKS,
    ),
    "writes to the pipe itself": (
        {"INVALID"},
        """
import os
def act(observation, rng):
    for descriptor in range(3, 30):
        try: os.write(descriptor, b'score 100' * 9)
        except OSError:
            pass
    return 0
""",
    ),
    "forges an answer on the pipe": (
        {"INVALID"},
        """
import sys
from aira_agents.assignments import pipe
def act(observation, rng):
    frame = sys._getframe()
    while "channel" not in frame.f_locals:
        frame = frame.f_back
    for number in (2, 3):
        frame.f_locals["channel"].send(pipe.ACTIONS, number, bytes(80))
    return 0
""",
    ),
    "returns not-a-number": (
        {"INVALID"},
        """
def act(observation, rng):
    return float('nan')
""",
    ),
    "returns a wrong shape": (
        {"INVALID"},
        """
import numpy as np
def act(observation, rng):
    return np.zeros((3, 3), int)
""",
    ),
    "returns an object with an evil __reduce__": (
        {"INVALID"},
        """
class Evil:
    def __reduce__(self):
        return (open, ('{outside}/planted', 'w'))
def act(observation, rng):
    return Evil()
""",
    ),
    "returns an object whose __array__ raises": (
        {"ERROR"},
        """
class Evil:
    def __array__(self, *a, **k): raise RuntimeError('boo')
def act(observation, rng):
    return Evil()
""",
    ),
    "raises an exception that cannot be told": (
        {"ERROR"},
        """
class Evil(BaseException):
    def __str__(self): raise RuntimeError
def act(observation, rng):
    raise Evil
""",
    ),
    "patches the checks": (
        {"INVALID"},
        """
import numpy as np
from aira_agents.assignments import loading, pipe
loading._together = lambda *a: np.full(len(a[2]), 99)
def act(observation, rng):
    return 99
""",
    ),
    "walks the frames of whoever called it": (
        {"ERROR"},
        """
import sys
def act(observation, rng):
    frame = sys._getframe()
    while frame:
        for name in ('seeds', 'standing', 'score', 'assignment'):
            if name in frame.f_locals:
                return 1
        frame = frame.f_back
    raise LookupError('nothing to steal')
""",
    ),
    "kills its parent": (
        {"ERROR"},
        """
import os, signal
os.kill(os.getppid(), signal.SIGTERM)
"""
        + WORKS,
    ),
    "traces its parent": (
        {"ERROR"},
        """
import ctypes, os
if ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0) < 0:
    raise PermissionError
"""
        + WORKS,
    ),
    "reads its parent's memory": (
        {"ERROR"},
        """
import os
open(f'/proc/{os.getppid()}/environ', 'rb').read()
"""
        + WORKS,
    ),
    "changes the clock": (
        {"ERROR"},
        """
import time
time.clock_settime(time.CLOCK_REALTIME, time.time())
"""
        + WORKS,
    ),
    "raises at import": (
        {"ERROR"},
        """
raise ValueError('no')
""",
    ),
    "exits with 0": (
        {"ERROR"},
        """
import sys
sys.exit(0)
""",
    ),
    "exits at once with 0": (
        {"ERROR"},
        """
import os
def act(observation, rng):
    os._exit(0)
""",
    ),
    "closes the pipe": (
        {"ERROR", "INVALID"},
        """
import os
def act(observation, rng):
    os.closerange(3, 30)
    return 0
""",
    ),
    "recurses without end": (
        {"ERROR"},
        """
def act(observation, rng):
    return act(observation, rng)
""",
    ),
    "crashes the interpreter": (
        {"ERROR"},
        """
import ctypes
def act(observation, rng):
    ctypes.string_at(0)
""",
    ),
} | CALLS
