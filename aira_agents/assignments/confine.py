"""What a submission's process gives up before it reads the submission: files, sockets, processes, signals, the clock.

Plain system calls, since the libraries for them are young, and this must work before anything else is imported.
Source: Linux, Documentation/userspace-api/landlock.rst (rights by version of the interface) and seccomp_filter.rst.
"""

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Iterable
from typing import Any

# Landlock: the same numbers on every processor.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE = 1, 1 << 1, 1 << 2, 1 << 3, 1 << 14
RIGHTS = {3: (1 << 15) - 1, 5: (1 << 16) - 1}  # from which version on; before the third, anybody may empty a file
OF_A_FILE = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE
# What Python, NumPy and JAX read of the machine.
SYSTEM = ("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/dev/urandom", "/dev/random", "/proc/self")
SYSTEM += ("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/sys/devices/system", "/sys/fs/cgroup")

PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_SECUREBITS, PR_SET_NO_NEW_PRIVS = 1, 24, 28, 38
SIGKILL = 9

# Seccomp: (x86_64, aarch64); -1: no such call there.
REFUSED = {
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "accept": (43, 202), "accept4": (288, 242), "io_uring_setup": (425, 425),
    "fork": (57, -1), "vfork": (58, -1), "execve": (59, 221), "execveat": (322, 281),
    "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "pidfd_open": (434, 434), "pidfd_send_signal": (424, 424),
    "pidfd_getfd": (438, 438), "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "clock_adjtime": (305, 266), "adjtimex": (159, 171),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97),
    "setns": (308, 268), "reboot": (169, 142), "kexec_load": (246, 104), "init_module": (175, 105),
    "finit_module": (313, 273), "delete_module": (176, 106), "bpf": (321, 280), "perf_event_open": (298, 241),
    "userfaultfd": (323, 282), "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    # What may be done to any process of the same user.
    "setrlimit": (160, 164), "setpriority": (141, 140), "ioprio_set": (251, 30), "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119), "sched_setparam": (142, 118), "sched_setattr": (314, 274),
    "process_madvise": (440, 440), "process_mrelease": (448, 448), "kcmp": (312, 272), "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    # What may be done to any file of the same user: Landlock leaves modes, owners, times and attributes alone.
    "chmod": (90, -1), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, -1),
    "fchown": (93, 55), "lchown": (94, -1), "fchownat": (260, 54), "utime": (132, -1), "utimes": (235, -1),
    "futimesat": (261, -1), "utimensat": (280, 88), "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16), "setxattrat": (463, 463),
    "removexattrat": (466, 466), "file_setattr": (469, 469), "truncate": (76, 45),
    # What outlives a process, and memory that is counted as nobody's.
    "shmget": (29, 194), "semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180),
    "memfd_create": (319, 279), "memfd_secret": (447, 447),
}  # fmt: skip
CLONE, CLONE3, SECCOMP = (56, 220), (435, 435), (317, 277)
PRLIMIT = (302, 261)  # allowed for itself: threads ask it how large their stack is
PR_SET_DUMPABLE, F_SETOWN, F_SETOWN_EX = 4, 8, 15
# Refused where an argument has one of these values: number of the argument, values. They would let a submission outlive
# the grader, hide its open files from it, and have the kernel signal others.
REFUSED_WITH = {
    "prctl": ((157, 167), 0, (PR_SET_PDEATHSIG, PR_SET_DUMPABLE)),
    "fcntl": ((72, 25), 1, (F_SETOWN, F_SETOWN_EX)),
}
ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
CLONE_THREAD, ENOSYS, EPERM = 0x10000, 38, 1
ALLOW, REFUSE = 0x7FFF0000, 0x00050000  # REFUSE | errno


def landlock_version() -> int:
    """Returns the version of Landlock's interface in this kernel; 0: none."""
    if not sys.platform.startswith("linux"):
        return 0
    return max(0, _libc().syscall(CREATE_RULESET, None, 0, 1))


def knows_seccomp() -> bool:
    """Says whether calls can be refused here: Linux on a processor whose calls are listed above."""
    return sys.platform.startswith("linux") and platform.machine() in ARCHITECTURES


def limit(limits: dict[str, Any]) -> None:
    """Sets resource limits (name in `resource` -> value), and dies with the grader.

    As root without an identity of its own, it gives up every privilege that goes beyond owning files.
    """
    import resource  # noqa: PLC0415  not on Windows

    for name, value in limits.items():
        kind = getattr(resource, name, None)
        if kind is not None:
            _, hard = resource.getrlimit(kind)
            most = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (most, most))
    os.umask(0o077)
    if sys.platform.startswith("linux"):
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")  # short of memory, the machine ends this process first
        libc = _libc()
        libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
        if os.geteuid() == 0:
            _drop_privileges(libc)
        _checked(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no-new-privileges")


def restrict_files(readable: Iterable[str], writable: Iterable[str]) -> None:
    """Allows reading beneath `readable` and writing beneath `writable`, and no other file; raises `OSError`.

    Processes outside can no longer be traced or, from version 6 on, signalled.
    """
    libc, version = _libc(), landlock_version()
    rights = RIGHTS[max(v for v in RIGHTS if v <= version)]
    parts = [rights] + ([3] if version >= 4 else []) + ([3] if version >= 6 else [])  # TCP; signals, abstract sockets
    attributes = struct.pack(f"={len(parts)}Q", *parts)
    ruleset = _checked(libc.syscall(CREATE_RULESET, attributes, len(attributes), 0), "Landlock")
    read = EXECUTE | READ_FILE | READ_DIR
    for allowed, paths in ((read, (*SYSTEM, *readable)), (rights, writable), (READ_FILE | WRITE_FILE, ("/dev/null",))):
        for path in paths:
            _allow(libc, ruleset, path, allowed & rights)
    _checked(libc.syscall(RESTRICT_SELF, ruleset, 0), "Landlock")
    os.close(ruleset)


def refuse_calls() -> None:
    """Refuses sockets, new processes, signals, tracing, setting the clock, and all else above; threads stay.

    Raises:
        OSError: The kernel takes no such filter.
    """
    machine, architecture = ARCHITECTURES[platform.machine()]
    numbers = [call[machine] for call in REFUSED.values() if call[machine] >= 0]
    program = [_instruction(0x20, 4), _jump(0x15, architecture, 1, 0), _instruction(0x06, REFUSE | EPERM)]
    program += [_instruction(0x20, 0)]
    # Numbers of the x32 interface, which would slip by.
    program += [_jump(0x35, 0x40000000, 0, 1), _instruction(0x06, REFUSE | EPERM)]
    for number in numbers:
        program += [_jump(0x15, number, 0, 1), _instruction(0x06, REFUSE | EPERM)]
    # Of `prlimit64`, both halves of the first argument, a process, must be zero.
    program += [_jump(0x15, PRLIMIT[machine], 0, 6), _argument(0), _jump(0x15, 0, 0, 2), _argument(0, high=True)]
    program += [_jump(0x15, 0, 1, 0), _instruction(0x06, REFUSE | EPERM), _instruction(0x06, ALLOW)]
    for call, argument, values in REFUSED_WITH.values():
        program += [_jump(0x15, call[machine], 0, 2 + 2 * len(values)), _argument(argument)]
        for value in values:
            program += [_jump(0x15, value, 0, 1), _instruction(0x06, REFUSE | EPERM)]
        program += [_instruction(0x06, ALLOW)]
    # `clone3` hides its flags: where it does not exist, the C library falls back to `clone`.
    program += [_jump(0x15, CLONE3[machine], 0, 1), _instruction(0x06, REFUSE | ENOSYS)]
    program += [_jump(0x15, CLONE[machine], 0, 3), _argument(0), _jump(0x45, CLONE_THREAD, 1, 0)]
    program += [_instruction(0x06, REFUSE | EPERM), _instruction(0x06, ALLOW)]
    code = b"".join(program)
    held = ctypes.create_string_buffer(code, len(code))
    filters = struct.pack("@HP", len(code) // 8, ctypes.addressof(held))
    _checked(_libc().syscall(SECCOMP[machine], 1, 1, filters), "seccomp")  # for all threads


def _allow(libc: Any, ruleset: int, path: str, allowed: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # not on this machine
    try:
        if not os.path.isdir(path):
            allowed &= OF_A_FILE
        _checked(libc.syscall(ADD_RULE, ruleset, 1, struct.pack("=Qi", allowed, descriptor), 0), f"Landlock: {path}")
    finally:
        os.close(descriptor)


def _drop_privileges(libc: Any) -> None:
    libc.prctl(PR_SET_SECUREBITS, 0b11, 0, 0, 0)  # root gains nothing by starting programs
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    call = {"x86_64": 126, "aarch64": 91}.get(platform.machine())
    if call is not None:
        _checked(libc.syscall(call, struct.pack("=Ii", 0x20080522, 0), bytes(24)), "privileges")


def _argument(number: int, *, high: bool = False) -> bytes:
    """Loads one half of an argument of the call; both processors put the low one first."""
    return _instruction(0x20, 16 + 8 * number + 4 * high)


def _instruction(code: int, value: int) -> bytes:
    return _jump(code, value, 0, 0)


def _jump(code: int, value: int, yes: int, no: int) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result
