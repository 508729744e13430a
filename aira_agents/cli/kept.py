"""Compiled programs are kept between commands: a third of a first lesson's time is compiling, and of a second's none.

JAX keeps them, and knows which fit the machine, its own version and what is compiled. What is not used for long makes
room for what is; a file that came to harm is not used.
"""

import os
import socket
import sys
from pathlib import Path

WHERE = "JAX_COMPILATION_CACHE_DIR"
SETTINGS = {
    "JAX_COMPILATION_CACHE_MAX_SIZE": 500_000_000,  # bytes
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": 0.1,
}


def keep_programs() -> None:
    """Tells JAX, and processes to come, to keep compiled programs in the user's cache folder.

    Whoever has said where to keep them (`JAX_COMPILATION_CACHE_DIR`) is obeyed. Where nothing can be written, nothing
    is kept.
    """
    if WHERE in os.environ:
        return
    import platformdirs

    # A folder for each machine: a home may be shared, and a lock on it be slow.
    folder = Path(platformdirs.user_cache_dir("aira_agents", appauthor=False)) / "programs" / socket.gethostname()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    if not os.access(folder, os.W_OK):
        return
    os.environ[WHERE] = str(folder)
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, str(value))
    if "jax" in sys.modules:  # it has read its variables: scenarios import it before they begin
        import jax

        jax.config.update(WHERE.lower(), str(folder))
        for name, value in SETTINGS.items():
            jax.config.update(name.lower(), type(value)(os.environ[name]))
