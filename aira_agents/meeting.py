"""Waits until all hosts have come, before JAX waits for them: it ends whoever waits in vain, with nothing to catch."""

import contextlib
import socket
import struct
import time

from aira_agents.errors import InputError

SECONDS_TO_MEET = 60.0
SECONDS_BETWEEN_CALLS = 0.1
SECONDS_FOR_A_WORD = 5.0
CALL = struct.Struct("!II")  # how many hosts there are, and which of them calls
ANSWER = struct.Struct("!I")  # what the first tells all


def meet(coordinator: str, count: int, index: int, word: int, seconds: float = SECONDS_TO_MEET) -> int:
    """Returns the first host's `word`, a number from 0 on, when all hosts have come to its address.

    Args:
        coordinator: The address and port of the first.
        count: The number of hosts.
        index: Which of them this is.
        word: What the first has to tell.
        seconds: How long to wait.

    Raises:
        InputError: The address is none, or some did not come within `seconds`, or not as agreed.
    """
    name, _, port = coordinator.rpartition(":")
    if not name or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise InputError(
            f"`--coordinator` must be the address and port of host 0, as in 10.0.0.1:9911; got {coordinator!r}."
        )
    deadline = time.monotonic() + seconds
    try:
        if index == 0:
            _wait_for(count, int(port), ANSWER.pack(word), deadline)
            return word
        return _answer((name.strip("[]"), int(port)), CALL.pack(count, index), deadline)
    except OSError as error:
        raise InputError(f"The {count} hosts did not meet at {coordinator}: {error.strerror or error}.") from error


def _wait_for(count: int, port: int, answer: bytes, deadline: float) -> None:
    missing, both = set(range(1, count)), socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    with socket.create_server(("", port), family=family, dualstack_ipv6=both) as server, contextlib.ExitStack() as come:
        callers: list[socket.socket] = []
        while missing:
            server.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                caller = come.enter_context(server.accept()[0])
            except TimeoutError:
                absent = ", ".join(map(str, sorted(missing)))
                raise InputError(f"Of {count} hosts these did not come in time: {absent}.") from None
            call = _heard(caller, CALL)
            if call is None:  # somebody else who tried the port
                continue
            if call[0] != count or call[1] not in missing:
                raise InputError(f"Host {call[1]} of {call[0]} came; expected {count} hosts, each once.")
            missing.remove(call[1])
            callers.append(caller)
        for caller in callers:
            caller.sendall(answer)
        for caller in callers:
            _heard(caller, ANSWER)  # nothing: until they have left, for who closes first keeps the port busy


def _answer(address: tuple[str, int], call: bytes, deadline: float) -> int:
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise InputError("Host 0 did not come in time.")
        try:
            with socket.create_connection(address, timeout=left) as line:
                line.sendall(call)
                answer = _heard(line, ANSWER, max(deadline - time.monotonic(), 0.001))
        except ConnectionRefusedError:  # it has not begun to wait
            time.sleep(min(SECONDS_BETWEEN_CALLS, left))
            continue
        if answer is None:
            raise InputError("Host 0 refused to begin; what it said tells why.")
        return answer[0]


def _heard(line: socket.socket, form: struct.Struct, seconds: float = SECONDS_FOR_A_WORD) -> tuple[int, ...] | None:
    """Returns what was said, or `None` if it was nothing."""
    line.settimeout(seconds)
    try:
        with line.makefile("rb") as file:
            return form.unpack(file.read(form.size))
    except (struct.error, OSError):
        return None
