"""The page in a headless Chromium: time to the first picture, frames a second, clicks, memory; and Mesa's own renderer.

    python benchmarks/viewing.py [--json PATH] [--screenshots FOLDER]

Everything runs on this machine, the browser too, which shares its cores.
"""

import argparse
import contextlib
import io
import math
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
from figures import Figures
from playwright.sync_api import Browser, Page, sync_playwright

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SECONDS = 6
PORT = 8931
CANVAS = "canvas[data-drawn]"


@contextlib.contextmanager
def served() -> Iterator[tuple[str, subprocess.Popen[bytes], float]]:
    """Starts `aira view foraging`; yields its address, its process, and when it was started."""
    begun = time.perf_counter()
    command = [str(Path(sys.executable).parent / "aira"), "view", "foraging", "--no-open", "--port", str(PORT)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{PORT}", server, begun
    finally:
        server.terminate()
        server.wait(20)


def opened(browser: Browser, address: str) -> Page:
    """Opens a tab of its own, and waits for its world."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(f"{address}/foraging")
    page.locator(CANVAS).wait_for(timeout=60_000)
    return page


def until_served(address: str) -> None:
    """Waits for the server as a browser would."""
    while True:
        try:
            urllib.request.urlopen(address, timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)


def populate(page: Page, n_agents: int) -> None:
    """Sets the world to `n_agents` in four times as many cells, and plays it as fast as it goes."""
    side = math.ceil(math.sqrt(4 * n_agents))
    for name, value in (("width", side), ("height", side), ("n_agents", n_agents), ("max_steps", 10**6)):
        box = page.locator(f"[data-parameter='{name}'] input").last
        box.fill(str(value))
        box.press("Enter")
    page.wait_for_timeout(1000)  # typed numbers act when nothing more is typed
    page.get_by_role("button", name="Reset", exact=True).click()
    page.wait_for_function(
        f"() => document.querySelector('.legend').innerText.includes('{n_agents:,} ')", timeout=60_000
    )
    page.get_by_role("slider", name="Play Interval (ms)").press("Home")
    page.get_by_role("button", name="▶").click()
    page.wait_for_function(f"() => Number(document.querySelector('{CANVAS}').dataset.step) > 5", timeout=60_000)


def frames_per_second(page: Page) -> tuple[float, float]:
    """Returns frames and steps a second, over some seconds."""
    before = page.evaluate(f"() => ({{...document.querySelector('{CANVAS}').dataset}})")
    begun = time.perf_counter()
    page.wait_for_timeout(SECONDS * 1000)
    after = page.evaluate(f"() => ({{...document.querySelector('{CANVAS}').dataset}})")
    seconds = time.perf_counter() - begun
    return tuple((int(after[name]) - int(before[name])) / seconds for name in ("frames", "step"))  # type: ignore[return-value]


def busy_s(server: subprocess.Popen[bytes]) -> dict[str, float]:
    """Returns how long the processors have worked so far for the server and for each kind of process of the browser."""
    busy = {"server": sum(psutil.Process(server.pid).cpu_times()[:2])}
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            command = process.cmdline()
            if command and "chrom" in command[0]:
                kind = next((part.split("=")[1] for part in command if part.startswith("--type=")), "browser")
                busy[kind] = busy.get(kind, 0.0) + sum(process.cpu_times()[:2])
    return busy


def answers_ms(page: Page) -> list[float]:
    """Returns how long the inspector takes to show another agent, while the world plays."""
    page.locator(CANVAS).focus()
    page.keyboard.press("n")
    page.locator(".aira-mind").wait_for()
    return [page.evaluate(ANSWER) for _ in range(15)]


ANSWER = """() => new Promise((done) => {
    const card = document.querySelector(".aira-inspector");
    const title = () => card.querySelector(".v-card__title")?.innerText;
    const before = title(), begun = performance.now();
    const watch = new MutationObserver(() => {
        if (title() === before) return;
        watch.disconnect();
        done(performance.now() - begun);
    });
    watch.observe(card, { subtree: true, childList: true, characterData: true });
    const canvas = document.querySelector("canvas[data-drawn]");
    canvas.dispatchEvent(new KeyboardEvent("keydown", { key: "n", bubbles: true }));
})"""


def resident_mb(server: subprocess.Popen[bytes]) -> float:
    """Returns the memory of the server."""
    status = Path(f"/proc/{server.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def mesa_frames_per_second(n_agents: int) -> float:
    """Returns how fast Mesa's own renderer draws the same model, stepping included, without any browser."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mesa.visualization import SpaceRenderer  # noqa: PLC0415  takes its time
        from mesa.visualization.components import AgentPortrayalStyle  # noqa: PLC0415

        from environments.foraging import ForagingModel  # noqa: PLC0415

        side = math.ceil(math.sqrt(4 * n_agents))
        model = ForagingModel(n_agents=n_agents, width=side, height=side, max_steps=10**6, rng=0)
        renderer = SpaceRenderer(model=model, backend="matplotlib")
        seconds = []
        for _ in range(4):
            begun = time.perf_counter()
            model.step()
            renderer.canvas.clear()
            renderer.draw_agents(lambda agent: AgentPortrayalStyle(size=5))
            renderer.canvas.get_figure().savefig(io.BytesIO(), format="png")
            seconds.append(time.perf_counter() - begun)
    return 1 / statistics.median(seconds[1:])


def measure(figures: Figures, browser: Browser, screenshots: Path | None) -> None:
    """Measures all."""
    with served() as (address, server, begun):
        until_served(address)
        page = opened(browser, address)
        figures.add("first_drawn_world", time.perf_counter() - begun, "s", 6, at_least=False)
        canvas = {}
        for n_agents, target in ((10_000, 30), (100_000, 8)):
            populate(page, n_agents)
            before = busy_s(server)
            canvas[n_agents], steps = frames_per_second(page)
            figures.add(f"frames_{n_agents}", canvas[n_agents], "frames/s", target)
            shares = {kind: (now - before.get(kind, now)) / SECONDS for kind, now in busy_s(server).items()}
            costs = ", ".join(f"{kind} {1000 * s / canvas[n_agents]:.1f}" for kind, s in shares.items() if s > 0.01)
            print(f"  with {steps:.1f} steps/s; ms of a processor for each frame: {costs}")
            if n_agents == 10_000:
                times = answers_ms(page)
                figures.add("answer_to_a_click_10000", statistics.median(times), "ms", 100, at_least=False)
                print(f"  slowest of {len(times)}: {max(times):.0f} ms")
            if screenshots:
                page.screenshot(path=screenshots / f"agents-{n_agents}.png")
            page.get_by_role("button", name="❚❚").click()
        page.context.close()
        tabs = [opened(browser, address) for _ in range(10)]
        for tab in tabs:
            populate(tab, 1_000)
        tabs[-1].wait_for_timeout(2000)
        figures.add("ten_tabs_of_1000", resident_mb(server), "MB", 2500, at_least=False)
        for tab in tabs:
            tab.context.close()
    mesa = mesa_frames_per_second(10_000)
    print(f"Mesa's own renderer: {mesa:.2f} frames/s at 10,000 agents")
    figures.add("frames_against_mesa_10000", canvas[10_000] / mesa, "ratio", 20)


def main() -> None:
    """Measures, prints, and writes JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--screenshots", type=Path)
    arguments = parser.parse_args()
    figures = Figures()
    with sync_playwright() as playwright:
        browser: Any = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        measure(figures, browser, arguments.screenshots)
        browser.close()
    figures.finish(arguments.json)


if __name__ == "__main__":
    main()
