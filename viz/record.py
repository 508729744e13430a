"""Clips and pictures of a world, drawn by Matplotlib from the same scene as the page's."""

import importlib.util
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.markers import MarkerStyle
from matplotlib.transforms import Affine2D

from aira_agents.errors import InputError
from aira_agents.hosting.steered import model_of, steered
from aira_agents.policies.by_name import named_policies
from aira_agents.registry import find_environment
from aira_agents.results import unwritable
from viz.palette import GROUNDS, SCALE, colour_of
from viz.scene import Layer, Scales, Scene, scene_of

FORMATS = (".gif", ".mp4", ".png")
MARKERS = {"circle": "o", "triangle": "^", "square": "s", "diamond": "D", "cross": "x"}
LONGEST_SIDE_IN = 5.0
LEGEND_IN = 0.45
DPI = 100


def record(world: str, *, policy: str | None, out: Path, steps: int, seed: int, fps: int = 15) -> Path:
    """Runs `world` for `steps` and writes what was seen; returns `out`.

    Raises:
        InputError: A name or the format is unknown, `out` cannot be written to, or a film's package is missing.
        IncompatiblePolicyError: The policy is for another world.
    """
    _check(out)
    environment = find_environment(world)()
    model = steered(model_of(type(environment)), lambda: {"policy": named_policies(policy, environment)})(rng=seed)
    film = Film(model)
    if out.suffix == ".png":
        _run(model, steps)
        film.draw()
        _written(out, lambda: film.figure.savefig(out))
        return out
    frames = []
    for step in range(steps + 1):
        if step:
            _run(model, 1)
        film.draw()
        frames.append(film.pixels())
    _written(out, lambda: gif(out, frames, fps) if out.suffix == ".gif" else _mp4(out, frames, fps))
    return out


def draw_scene(ax: Axes, scene: Scene, theme: str = "light") -> None:
    """Draws a scene; equal units on both axes, no frame."""
    left, bottom, right, top = scene.extent
    for image in scene.images:
        colours = LinearSegmentedColormap.from_list(image.palette, GROUNDS[theme][image.palette])  # type: ignore[index]
        ax.imshow(image.pixels, origin="lower", cmap=colours, vmin=0, vmax=255, extent=(left, right, bottom, top))
    for x0, y0, x1, y1 in scene.links:
        ax.plot([x0, x1], [y0, y1], color="#7a808a", linewidth=0.8, zorder=1)
    ax.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")
    ax.set_axis_off()
    ax.apply_aspect()
    origin, unit = ax.transData.transform([(0, 0), (1, 0)])
    units_to_points = (unit[0] - origin[0]) * 72 / ax.figure.dpi
    for layer in scene.layers:
        _draw_layer(ax, layer, units_to_points, theme)


def _draw_layer(ax: Axes, layer: Layer, points: float, theme: str) -> None:
    own = colour_of(layer.slot, theme)
    if layer.shape == "needle":
        angle = np.zeros_like(layer.x) if layer.heading is None else layer.heading
        ends = layer.x + layer.size * np.sin(angle), layer.y + layer.size * np.cos(angle)
        ax.plot([layer.x, ends[0]], [layer.y, ends[1]], color=own, linewidth=4, solid_capstyle="round", zorder=3)
        return
    share = 1.0 if layer.scale is None else (1 + 2 * layer.scale.astype(float) / 255) / 3
    colours: Any = own
    if layer.colour is not None:
        colours = LinearSegmentedColormap.from_list("scale", SCALE[theme])(layer.colour)
    edge = None if layer.shape == "cross" else ("#111" if theme == "dark" else "white")
    marker: Any = MARKERS[layer.shape]
    for chosen, turned in _turned(layer, marker):
        ax.scatter(
            layer.x[chosen],
            layer.y[chosen],
            s=(layer.size * points * np.broadcast_to(share, layer.x.shape)[chosen]) ** 2,
            c=colours if layer.colour is None else colours[chosen],
            marker=turned,
            edgecolors=edge,
            linewidths=0.5 if edge else 1.5,
            zorder=2,
        )


def _turned(layer: Layer, marker: str) -> list[tuple[np.ndarray, Any]]:
    """Returns groups of marks with the marker turned as they head."""
    if layer.heading is None:
        return [(np.ones(len(layer.x), bool), marker)]
    turns = np.round(layer.heading / (2 * np.pi) * 16).astype(int) % 16
    groups = []
    for turn in np.unique(turns):
        style = MarkerStyle(marker, transform=Affine2D().rotate_deg(-turn * 22.5))
        groups.append((turns == turn, style))
    return groups


class Film:
    """A figure on which a model is drawn again and again."""

    def __init__(self, model: Any) -> None:
        self._model, self._scales = model, Scales()
        left, bottom, right, top = self._scene().extent
        width, height = right - left, top - bottom
        unit = LONGEST_SIDE_IN / max(width, height)
        # Without pyplot: no global state and no window.
        self.size = _even(max(2.0, width * unit)), _even(max(1.0, height * unit) + LEGEND_IN)
        self.figure = Figure(figsize=self.size, dpi=DPI)

    def _scene(self) -> Scene:
        environment, state, _ = self._model.moment()
        return scene_of(environment, state, scales=self._scales)

    def draw(self) -> None:
        """Draws the model as it is now."""
        self.figure.clear()
        height = self.size[1]
        ax = self.figure.add_axes((0.0, 0.0, 1.0, 1 - LEGEND_IN / height))
        scene = self._scene()
        draw_scene(ax, scene)
        counts = {layer.role: (layer, len(layer.x)) for layer in reversed(scene.layers) if layer.shape != "needle"}
        told = ", ".join(f"{count} {role}" for role, (_, count) in reversed(counts.items()))
        self.figure.text(
            0.02, 1 - 0.5 * LEGEND_IN / height, f"step {self._model.steps}: {told}", va="center", fontsize=10
        )

    def pixels(self) -> np.ndarray:
        """Returns what was drawn, `[height, width, 3]`."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  only where frames are made

        canvas = FigureCanvasAgg(self.figure)
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _even(inches: float) -> float:
    """An even number of pixels, which films need."""
    return round(inches * DPI / 2) * 2 / DPI


def _run(model: Any, steps: int) -> None:
    for _ in range(steps):
        model.step()
        if model.fault:
            raise InputError(model.fault)


def gif(out: Path, frames: list[np.ndarray], fps: int) -> None:
    """Writes frames, `[height, width, 3]` each, as a GIF."""
    from PIL import Image  # noqa: PLC0415  a GIF only

    # One palette, of every few frames: three times faster than one for each.
    some = Image.fromarray(np.concatenate(frames[:: max(1, len(frames) // 8)])).quantize(64)
    images = [Image.fromarray(frame).quantize(palette=some, dither=Image.Dither.NONE) for frame in frames]
    images[0].save(out, save_all=True, append_images=images[1:], duration=round(1000 / fps), loop=0)


def _mp4(out: Path, frames: list[np.ndarray], fps: int) -> None:
    height, width = frames[0].shape[:2]
    ffmpeg = importlib.import_module("imageio_ffmpeg").get_ffmpeg_exe()
    taken = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(fps), "-i", "-"]
    made = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-loglevel", "error", str(out)]
    ended = subprocess.run([ffmpeg, "-y", *taken, *made], input=np.stack(frames).tobytes(), capture_output=True)
    if ended.returncode:
        raise OSError(ended.stderr.decode(errors="replace").strip().splitlines()[-1])


def _check(out: Path) -> None:
    if out.suffix not in FORMATS:
        raise InputError(f"`--out` must end with {', '.join(FORMATS)}; got {out.name!r}.")
    if out.suffix == ".mp4" and importlib.util.find_spec("imageio_ffmpeg") is None:
        raise InputError(
            'An .mp4 needs a package that is not installed: `pip install "aira-agents[viz]"`, or name a .gif.'
        )
    if not out.parent.is_dir():
        raise InputError(f"There is no folder {out.parent} to write {out.name} to.")


def _written(out: Path, write: Any) -> None:
    try:
        write()
    except OSError as error:
        raise unwritable(out, error) from error
