"""A page in a real browser: a server in this process, a headless Chromium, and no way out to the internet."""

import gc
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from playwright.sync_api import TimeoutError as TimedOut

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SHOTS = Path(__file__).parents[1] / "results" / "screenshots"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Mesa's and Solara's own, at import
    from viz.server import UVICORN, prepare

    prepare()
    import solara
    from solara.server.kernel_context import contexts
    from solara.server.starlette import ServerStarlette, app

    import viz.page
    from viz.classroom.endpoint import with_class
    from viz.lab import LABS, Lab
    from viz.settings import SETTINGS


def needs_chromium() -> None:
    """Skips where there is no Chromium; on CI its absence is a failure."""
    if CHROMIUM is None:
        reason = "there is no chromium to show the page in: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


@contextmanager
def serving(host: str = "127.0.0.1") -> Iterator[str]:
    """Serves the page, and that of a class; yields its address."""
    server = ServerStarlette(
        port=0,
        host=host,
        starlette_app=with_class(app),
        **{k: v for k, v in UVICORN.items() if k not in ("access_log", "loop")},
    )
    server.serve_threaded()
    server.wait_until_serving()
    try:
        yield server.base_url
    finally:
        server.stop_serving()


class Peek:
    """What the server holds of a tab, read in that tab's own context: `peek.choice` is the value of `lab.choice`."""

    def __init__(self, lab: Lab, context) -> None:
        self._lab, self.context = lab, context

    def __getattr__(self, name: str):
        with self.context:
            found = getattr(self._lab, name)
            return found.value if isinstance(found, solara.Reactive) else self._wrapped(found)

    def _wrapped(self, found):
        if not callable(found) or isinstance(found, type):
            return found

        def called(*args, **kwargs):
            with self.context:
                return found(*args, **kwargs)

        return called


class Visit:
    """One tab, and what went wrong in it."""

    def __init__(self, browser, address: str, *, width: int = 1440, height: int = 1000, context=None) -> None:
        self.context = context or browser.new_context(
            viewport={"width": width, "height": height}, accept_downloads=True
        )
        self.address = address
        self.outside: list[str] = []
        self.errors: list[str] = []
        self.context.route("**/*", self._only_here)
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)  # ms; only what fails waits so long
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _only_here(self, route) -> None:
        if route.request.url.startswith((self.address, "data:", "blob:")):
            route.continue_()
        else:
            self.outside.append(route.request.url)
            route.abort()

    def open(self, subject: str) -> Peek:
        """Opens a page, waits until the world is drawn, and returns what the server holds of it."""
        labs, before = set(LABS), set(contexts)
        self.page.goto(f"{self.address}/{subject}")
        self.canvas.wait_for()
        ((lab,), (kernel,)) = set(LABS) - labs, set(contexts) - before
        return Peek(lab, contexts[kernel])

    @property
    def canvas(self):
        return self.page.locator("canvas[data-drawn]")

    def step_drawn(self) -> int:
        """The step that is on the screen."""
        return int(self.canvas.get_attribute("data-step"))

    def wait_for_step(self, step: int) -> None:
        self.page.wait_for_function(
            "step => Number(document.querySelector('canvas[data-drawn]').dataset.step) >= step", arg=step
        )

    def press(self, name: str) -> None:
        """Presses a button of Mesa's."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def set_number(self, name: str, value: str) -> None:
        """Types a value into the box of a parameter."""
        self.page.locator(f"[data-parameter='{name}'] input[type=number]").fill(value)

    def choose(self, label: str, option: str) -> None:
        """Chooses from a list; clicks again, as anybody would, where the page moved under the first click."""
        chosen = self.page.locator(".menuable__content__active").get_by_role("option", name=option, exact=True)
        for _ in range(3):
            self.page.locator(".v-select", has=self.page.get_by_text(label, exact=True)).first.click()
            with suppress(TimedOut):
                chosen.wait_for(timeout=5_000)
                break
        chosen.click()

    def tab_to(self, what: str) -> None:
        """Presses Tab until something is focused: a button or switch by its name, or `canvas`."""
        for _ in range(120):
            self.page.keyboard.press("Tab")
            now = self.page.evaluate(
                "() => { const e = document.activeElement; return [e.tagName.toLowerCase(), e.innerText || '',"
                " e.getAttribute('aria-label') || '', e.closest('.v-input')?.innerText || ''] }"
            )
            if what in [part.strip() for part in now]:
                return
        raise AssertionError(f"Tab never reaches {what!r}")

    def pixels(self) -> str:
        """What the canvas shows."""
        return self.canvas.evaluate("canvas => canvas.toDataURL()")

    def point_of(self, x: float, y: float) -> tuple[float, float]:
        """Where on the canvas a place of a grid world is drawn, seen whole, in pixels."""
        box = self.canvas.bounding_box()
        return x * box["width"], (1 - y) * box["height"]

    def shot(self, name: str) -> None:
        """Keeps a screenshot to be looked at."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png")

    def close(self) -> None:
        """Closes the tab; fails if the page wanted the internet, or said that something is wrong."""
        outside, errors = [*self.outside], [*self.errors]  # of the time before: a page that goes loses its connection
        self.page.is_closed() or self.page.close(run_before_unload=True)
        self.context.close()
        assert not outside, f"the page wanted the internet: {outside}"
        assert not errors, f"the page said that something is wrong: {errors}"


def until(condition, page, seconds: float = 30.0) -> None:
    """Waits until `condition()` holds on the server, letting the page go on."""
    for _ in range(int(seconds / 0.05)):
        if condition():
            return
        page.wait_for_timeout(50)
    assert condition()


def freed(reference, page, seconds: float = 30.0) -> bool:
    """Says whether what `reference` pointed to is collected, soon."""
    for _ in range(int(seconds / 0.2)):
        gc.collect()
        if reference() is None:
            return True
        page.wait_for_timeout(200)
    return False


__all__ = [
    "LABS",
    "SETTINGS",
    "SHOTS",
    "Lab",
    "Visit",
    "contexts",
    "freed",
    "needs_chromium",
    "serving",
    "until",
    "viz",
]
