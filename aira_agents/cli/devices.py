"""How many devices a CPU is for a command."""

import contextlib
import os


def share_cpu(devices: int = 0) -> None:
    """Cuts the CPU into so many devices, by default one a core; one run of a small world keeps only one of them busy.

    Where JAX has begun already, or was told by its own flags, it stays as it is.
    """
    import jax

    if "xla_force_host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
        with contextlib.suppress(RuntimeError):
            jax.config.update("jax_num_cpu_devices", devices or os.cpu_count() or 1)
