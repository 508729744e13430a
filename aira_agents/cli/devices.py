"""How many devices a CPU is for a command, and with which other machines it works."""

import contextlib
import dataclasses
import os
import sys
from collections.abc import Iterator

from aira_agents.cli.console import console, errors
from aira_agents.errors import InputError
from aira_agents.meeting import SECONDS_TO_MEET, meet


@dataclasses.dataclass(frozen=True)
class Meeting:
    """Several machines that run this same command as one mesh of devices."""

    hosts: int = 1
    """how many machines there are"""
    host: int = 0
    """which of them this is; 0 writes the files"""
    coordinator: str = ""
    """address and port of host 0, as in 10.0.0.1:9911"""

    def checked(self) -> "Meeting":
        """Returns itself; raises `InputError` for what names no meeting."""
        if self.hosts < 1:
            raise InputError(f"`--hosts` must be a whole number of at least 1; got {self.hosts}.")
        if self.hosts > 1 and not self.coordinator:
            raise InputError("`--hosts` needs `--coordinator ADDRESS:PORT` of host 0.")
        if not 0 <= self.host < self.hosts:
            raise InputError(f"`--host` must be in 0..{self.hosts - 1} of `--hosts {self.hosts}`; got {self.host}.")
        return self

    def join(self, devices: int = 0) -> None:
        """Cuts the CPU into `devices`, on all hosts as the first says, and waits for the others, if there are any.

        Must come before anything starts JAX.
        """
        devices = devices or os.cpu_count() or 1
        if self.hosts == 1:
            share_cpu(devices)
            return
        console.print(f"Host {self.host} waits for the others of {self.hosts}, {SECONDS_TO_MEET:.0f} s at most.")
        share_cpu(meet(self.coordinator, self.hosts, self.host, devices))
        from aira_agents.hosts import join

        join(self.coordinator, self.hosts, self.host)

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Ends this process with one line where another host is lost; JAX would wait for it, and then abort."""
        import jax

        try:
            yield
        except jax.errors.JaxRuntimeError as error:
            if self.hosts == 1:
                raise
            said = str(error).splitlines()[0]
            told = f"Another host was lost ({said}). What is saved is whole; `--resume` goes on."
            errors.print(told, style="bold red")
            sys.stdout.flush()
            os._exit(2)


ALONE = Meeting()


def share_cpu(devices: int) -> None:
    """Cuts the CPU into so many devices; one run of a small world keeps only one core busy.

    Where JAX has begun already, or was told by its own flags, it stays as it is.
    """
    import jax

    if "xla_force_host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
        with contextlib.suppress(RuntimeError):
            jax.config.update("jax_num_cpu_devices", devices)
