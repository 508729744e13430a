"""What is to be seen of a world, as arrays, bytes and pictures; no browser."""

import json
import math
import struct
from pathlib import Path

import compiled
import imageio_ffmpeg
import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest
from PIL import Image
from worlds import WORLDS

from aira_agents.drawing import Drawing, Links, Marks
from aira_agents.environment import Environment
from aira_agents.errors import InputError
from aira_agents.hosting.numbers import number_names, numbers
from aira_agents.populations import Population, State, clocks, founders, with_columns
from aira_agents.types import Float, Int
from environments.cartpole import CartPole
from environments.flocking import Flocking
from environments.foraging import Foraging
from environments.predator_prey import PredatorPrey
from environments.thermostat import Thermostat
from environments.traffic import Traffic
from viz.packet import packed
from viz.palette import SCALE
from viz.record import record
from viz.scene import Scales, scene_of


def begun(world, seed=0):
    return compiled.reset(world, jax.random.key(seed))


@pytest.mark.parametrize("name", WORLDS)
def test_every_world_shows_all_its_living_agents_within_its_extent(name):
    model, values, _ = WORLDS[name]
    world = model.environment_class(**values)
    state = begun(world)
    scene = scene_of(world, state)
    left, bottom, right, top = scene.extent
    for role, agents in state.agents.items():
        (layer, *_) = [layer for layer in scene.layers if layer.role == role]
        assert sorted(layer.uid.tolist()) == sorted(np.asarray(agents.uid)[np.asarray(agents.alive)].tolist())
    for layer in scene.layers:
        assert np.all((layer.x >= left) & (layer.x <= right) & (layer.y >= bottom) & (layer.y <= top))


def test_roles_differ_in_shape_and_the_dead_are_not_seen():
    world = PredatorPrey(n_prey=5, n_predators=3, prey_capacity=9, predator_capacity=9, width=6, height=6)
    state = begun(world)
    prey, predators = scene_of(world, state).layers
    assert prey.shape != predators.shape
    assert (len(prey.x), len(predators.x)) == (5, 3)
    dead = with_columns(state, "prey", alive=state.agents["prey"].alive.at[0].set(False))
    assert len(scene_of(world, dead).layers[0].x) == 4


def test_a_column_colours_by_its_range_which_only_grows():
    world = Foraging(n_agents=3, width=4, height=4)
    state = with_columns(begun(world), "forager", meals=jnp.array([0, 5, 10], jnp.int32))
    scales = Scales()
    (layer,) = scene_of(world, state, colour="meals", size="meals", scales=scales).layers
    assert layer.colour.tolist() == [0, 127, 255] == layer.scale.tolist()
    assert layer.legend == ("meals", 0.0, 10.0)
    fewer = with_columns(state, "forager", meals=jnp.array([0, 5, 5], jnp.int32))
    assert scene_of(world, fewer, colour="meals", scales=scales).layers[0].colour.tolist() == [0, 127, 127]
    declared = scene_of(Thermostat(n_rooms=2), begun(Thermostat(n_rooms=2))).layers[0].legend
    assert declared == ("temperature_c", 15, 25)


def test_cars_stand_around_a_ring_and_head_along_it():
    world = Traffic(length=40, density=0.1)
    state = with_columns(begun(world), "car", cell=jnp.arange(40) * 10 % 40)
    scene = scene_of(world, state)
    (cars,) = scene.layers
    radius = 40 / math.tau
    quarters = [(0, radius), (radius, 0), (0, -radius), (-radius, 0)]
    assert np.allclose(np.stack([cars.x, cars.y], axis=1), quarters, atol=1e-5)
    assert np.allclose(
        np.stack([np.sin(cars.heading), np.cos(cars.heading)]), [[1, 0, -1, 0], [0, -1, 0, 1]], atol=1e-5
    )
    assert scene.extent == (-radius - 1.1, -radius - 1.1, radius + 1.1, radius + 1.1)


def test_a_plane_is_shown_whole_wherever_its_birds_are():
    world = Flocking(n_birds=2, width=30, height=20)
    assert scene_of(world, begun(world)).extent == (0, 0, 30, 20)


def test_colours_of_a_scale_stand_out_from_the_page():
    def light(colour):
        shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
        return 0.05 + 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    # Contrast as the Web Content Accessibility Guidelines define it; agents have an edge besides.
    assert all(light("#FBFAF7") / light(colour) > 2 for colour in SCALE["light"])
    assert all(light(colour) / light("#191B1E") > 2 for colour in SCALE["dark"])


def test_numbers_of_agents_have_names_and_the_nearest_is_suggested():
    cart = begun(CartPole()).agents["cart"]
    assert number_names(cart) == ["motion[0]", "motion[1]", "motion[2]", "motion[3]", "push_n"]
    assert numbers(cart, "motion[2]").shape == (1,)
    with pytest.raises(InputError, match="Did you mean 'push_n'"):
        numbers(cart, "push")


class Nodes(Population):
    level: Float[jax.Array, " capacity"]


class Net(State):
    links: Int[jax.Array, "links 2"]


class Network(Environment):
    """Five nodes in a ring, one of them dead, and a link that is none."""

    populations = {"node": Nodes}
    draw = Drawing(links=Links("links", "node", "circular"), marks=(Marks("node", x=None, shape="diamond"),))
    max_steps: Int[jax.Array, ""] = 9  # type: ignore[assignment]

    @property
    def roles(self):
        raise NotImplementedError

    dynamics = rewards = roles

    def reset(self, key):
        nodes = Nodes(**founders(5, 4), level=jnp.arange(5.0))
        links = jnp.array([[0, 1], [1, 2], [2, 3], [3, 4], [-1, -1]], jnp.int32)
        return Net(agents={"node": nodes}, **clocks(6), links=links)


def test_a_network_is_laid_out_by_networkx_and_links_of_the_dead_are_not_drawn():
    world = Network()
    scene = scene_of(world, world.reset(None))
    circle = nx.circular_layout(nx.path_graph(5))
    (layer,) = scene.layers
    assert np.allclose(np.stack([layer.x, layer.y], axis=1), [circle[node] for node in range(4)], atol=1e-6)
    assert np.allclose(scene.links, [[*circle[a], *circle[b]] for a, b in ((0, 1), (1, 2), (2, 3))], atol=1e-6)


def test_a_packet_holds_every_column_at_its_place():
    world = Foraging(n_agents=3, width=5, height=4, food_at_start=0.5)
    state = begun(world)
    data = packed(scene_of(world, state, colour="x"), number=7, step=2)
    (length,) = struct.unpack("<I", data[:4])
    header = json.loads(data[4 : 4 + length])
    assert (header["number"], header["step"], header["extent"]) == (7, 2, [-0.5, -0.5, 4.5, 3.5])

    def column(at, kind, count):
        return np.frombuffer(data, kind, count, 4 + length + at)

    (image,), (layer,) = header["images"], header["layers"]
    food = column(image["at"], np.uint8, 20).reshape(4, 5)
    assert np.array_equal(food > 0, np.asarray(state.food))
    agents = state.agents["forager"]
    assert column(layer["uid"], np.int32, 3).tolist() == np.asarray(agents.uid).tolist()
    assert column(layer["x"], np.float32, 3).tolist() == np.asarray(agents.x).tolist()
    assert layer["heading"] is None and layer["colour"] is not None


def test_a_clip_and_a_picture_are_recorded_without_a_browser(tmp_path):
    clip = record("foraging", policy="greedy", out=tmp_path / "clip.gif", steps=6, seed=1)
    with Image.open(clip) as film:
        assert film.n_frames >= 5  # frames that are alike are one
        width, height = film.size
    assert width % 2 == height % 2 == 0
    for world in ("cartpole", "simple_spread", "thermostat"):
        picture = record(world, policy="random", out=tmp_path / f"{world}.png", steps=2, seed=1)
        with Image.open(picture) as image:
            assert len(np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0)) > 2


def test_a_film_is_recorded_with_a_frame_a_step(tmp_path):
    film = record("foraging", policy="greedy", out=tmp_path / "film.mp4", steps=6, seed=1, fps=5)
    n_frames, seconds = imageio_ffmpeg.count_frames_and_secs(film)
    assert n_frames == 7
    assert seconds == pytest.approx(7 / 5, abs=0.05)


def test_a_film_without_its_package_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install .*or name a .gif"):
        record("foraging", policy="random", out=Path(tmp_path / "clip.mp4"), steps=1, seed=0)
