"""Shapes are checked in every test: jaxtyping and beartype are hooked over the packages before any import."""

import ctypes
import gc
import os
import sys
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "Agg")
if "AIRA_COMPILE_QUICKLY" in os.environ:  # most tests run a program once; the others, `released`, run without
    os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"
    if version("jax").startswith("0.10."):  # later versions do not know the first, and gain nothing by the second
        os.environ["XLA_FLAGS"] = "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
# What was compiled once is not compiled again: not for a resumed run, not in a process of its own, not by the other
# worker, not tomorrow.
os.environ["JAX_COMPILATION_CACHE_DIR"] = str(Path(__file__).parents[1] / ".jax_cache")
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"

import jax
import mesa
import psutil
import pytest
from jaxtyping import install_import_hook

install_import_hook(["aira_agents", "environments", "scenarios", "viz"], "beartyped.check")
jax.config.update("jax_numpy_rank_promotion", "raise")

# Tracing makes millions of objects and few cycles: looked through as often as Python would, they take 7 % of the time.
gc.set_threshold(200_000, 50, 100)

# Mesa 3.5 bounds its type parameters by names that it imports for type checkers only; beartype needs them there.
for module, name in (("mesa.agentset", "Agent"), ("mesa.agent", "Model")):
    if module in sys.modules:
        setattr(sys.modules[module], name, getattr(mesa, name))


MOST_BYTES = 4e9  # compiled programs that a test process may hold before it lets them go


@pytest.fixture(autouse=True)
def bounded_memory():
    """Lets compiled programs go when there are too many: hundreds of tests would fill the machine."""
    yield
    if psutil.Process().memory_info().rss > MOST_BYTES:
        jax.clear_caches()
        gc.collect()
        if sys.platform == "linux":
            ctypes.CDLL("libc.so.6").malloc_trim(0)


SERVED, STATUS = pytest.StashKey[bool](), pytest.StashKey[int]()


def pytest_sessionfinish(session, exitstatus):
    session.config.stash[STATUS] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    """Leaves at once where a page was served: a tab's thread that still compiles would take the interpreter down."""
    if config.stash.get(SERVED, False):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.stash[STATUS])


@pytest.fixture(scope="session")
def page_address(request):
    """A server of the page in this process; skipped where there is no Chromium."""
    from browser import needs_chromium, serving  # noqa: PLC0415

    needs_chromium()
    request.config.stash[SERVED] = True
    with serving() as found:
        yield found


@pytest.fixture(scope="session")
def chromium(page_address):
    from browser import ARGUMENTS, CHROMIUM  # noqa: PLC0415
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium, page_address):
    """Opens tabs; when the test ends they are closed, and must have been content."""
    from browser import Visit  # noqa: PLC0415  the other tests need no page

    made = []

    def begin(**options):
        made.append(Visit(chromium, page_address, **options))
        return made[-1]

    yield begin
    for one in made:
        one.close()
