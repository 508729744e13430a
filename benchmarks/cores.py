"""How far two cores are from each other: nanoseconds that a byte takes from one to the other and back.

    python benchmarks/cores.py

The cores of a virtual machine lie in one cluster of its host, which has a cache, or in two; the host moves them. What
two cores work on together takes up to 1.5 times as long in two clusters, so a figure says little without this one.
"""

import mmap
import os
import subprocess
import sys
import time

N_TRIPS = 20_000


def apart() -> str:
    """Measures in a process without threads, which can be doubled; says `unknown` where it cannot."""
    if not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2:
        return "unknown"
    found = subprocess.run([sys.executable, __file__], check=True, capture_output=True, text=True)
    return found.stdout.strip()


def pass_on(shared: mmap.mmap, core: int, mine: int, theirs: int) -> float:
    """Waits for its turn and gives it back, again and again; returns nanoseconds a turn."""
    os.sched_setaffinity(0, {core})
    begun = time.perf_counter()
    for _ in range(N_TRIPS):
        while shared[0] != mine:
            pass
        shared[0] = theirs
    return (time.perf_counter() - begun) / N_TRIPS * 1e9


def main() -> None:
    """Prints how far the first two cores are apart."""
    first, second = sorted(os.sched_getaffinity(0))[:2]
    shared = mmap.mmap(-1, 1)
    if not (child := os.fork()):
        pass_on(shared, second, 1, 0)
        os._exit(0)
    print(f"{pass_on(shared, first, 0, 1):.0f} ns")
    os.waitpid(child, 0)


if __name__ == "__main__":
    main()
