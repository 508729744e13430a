"""Attacks of one system call each: what a kernel lets any process do to others of its user, and to the machine.

In the manner of `hostile`, which takes them in; where every wall fails, each sets what is as it was, or takes little.
"""

from collections.abc import Mapping

LIBRARY = "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
TRIES = "if libc.{call} >= 0:\n    print('it did')\nelse:\n    raise OSError(ctypes.get_errno(), 'refused')\n"

STATEMENTS: Mapping[str, str] = {
    "takes processor time from its parent": (
        "import os, resource\n"
        "parent, kind = os.getppid(), resource.RLIMIT_CORE\n"
        "resource.prlimit(parent, kind, resource.prlimit(parent, kind))\n"
    ),
    "makes its parent the last to run": "import os\nos.sched_setscheduler(os.getppid(), 3, os.sched_param(0))\n",
    "makes its parent the last to read": LIBRARY + TRIES.format(call="syscall(251, 1, os.getppid(), 3 << 13)"),
    "makes its parent's files readable": "import os\nos.chmod('{secret}', 0o644)\n",
    "gives its parent's files away": "import os\nos.chown('{secret}', os.getuid(), os.getgid())\n",
    "makes its parent's files look older": "import os\nos.utime('{secret}', (1, 1))\n",
    "leaves a mark at its parent's files": "import os\nos.setxattr('{secret}', 'user.mark', b'x')\n",
    "empties a file without opening it": "import os\nos.truncate('{secret}', 5)\n",
    "leaves shared memory behind": LIBRARY + TRIES.format(call="shmget(0x61697261, 4096, 0o1600)"),
    "leaves semaphores behind": LIBRARY + TRIES.format(call="semget(0x61697261, 1, 0o1600)"),
    "leaves a queue behind": LIBRARY + TRIES.format(call="msgget(0x61697261, 0o1600)"),
    "holds memory that nobody counts": "import os\nos.write(os.memfd_create('hidden'), bytes(2**20))\n",
    "outlives the grader": LIBRARY + TRIES.format(call="prctl(1, 0, 0, 0, 0)"),
    "hides its open files": LIBRARY + TRIES.format(call="prctl(4, 0, 0, 0, 0)"),
    "has a signal sent to its parent": "import fcntl, os\nfcntl.fcntl(2, fcntl.F_SETOWN, os.getppid())\n",
}
CALLS = {
    name: ({"ERROR"}, source + "\ndef act(observation, rng):\n    return 0\n") for name, source in STATEMENTS.items()
}
