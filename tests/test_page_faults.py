"""What goes wrong on the page: said in a line, with the world at rest and the page alive; and who may see what."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import jax
import pytest
from browser import SETTINGS, Visit, contexts, until

from aira_agents.cli.main import main
from aira_agents.errors import InputError
from aira_agents.policies.files import save_policies
from aira_agents.policies.networks import Network
from environments.foraging import Foraging
from viz.checks import check_page, missing_assets
from viz.server import free_port

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.browser]
SECRET = "ABCDEF"


@pytest.fixture
def shared(monkeypatch):
    """The server as a class reaches it."""
    monkeypatch.setattr(SETTINGS, "join_code", SECRET)


def test_a_world_whose_step_raises_stops_and_says_so_and_a_reset_mends_it(visit):
    tab = visit()
    lab = tab.open("foraging")
    tab.press("▶")
    tab.wait_for_step(2)
    lab.model._course.step = None
    tab.page.get_by_text("The step failed: TypeError").wait_for()
    until(lambda: not lab.model.running, tab.page)
    tab.shot("fault")
    tab.press("Reset")
    until(lambda: lab.model.steps == 0, tab.page)
    tab.press("Step")
    tab.wait_for_step(1)
    until(lambda: not tab.page.get_by_text("The step failed").count(), tab.page)


def test_a_lesson_or_world_that_is_unknown_or_a_policy_for_another_world_is_one_line(capsys, tmp_path):
    world = Foraging()
    networks = Network("mlp").builders(world)
    learned = {r.name: networks[r.name](r.n_features, r.n_outputs, jax.random.key(0)) for r in world.roles}
    save_policies(tmp_path, learned, world, network=Network("mlp"))
    for arguments, told in (
        (["view", "cartpole", "--policy", str(tmp_path)], "is for the world 'foraging' and cannot act in 'cartpole'"),
        (["view", "forraging"], "Did you mean 'foraging'?"),
        (["view", "scenarios/foragin"], "Did you mean 'scenarios/foraging'?"),
        (["view"], "needs a world or a lesson first"),
        (["view", "foraging", "--port", "0"], "must be in 1..65535; got 0"),
        (["view", "foraging", "--policy", "gredy"], "Did you mean 'greedy'?"),
        (["view", "foraging", "--policy", "./nowhere"], "There is no policy at ./nowhere"),
        (["view", "foraging", "--host", "8.8.8.8"], "8.8.8.8 is no address of this machine"),
        (["record", "foraging", "--out", "clip.avi"], "must end with .gif, .mp4, .png"),
        (["record", "foraging", "--out", "nowhere/clip.gif"], "There is no folder nowhere"),
        (["record", "foraging", "--out", "clip.gif", "--steps", "0"], "at least 1; got 0"),
        (["record", "foragin", "--out", "clip.gif"], "Did you mean 'foraging'?"),
    ):
        with pytest.raises(SystemExit) as leaving:
            main(arguments)
        assert leaving.value.code == 2
        error = capsys.readouterr().err.strip()
        assert told in error and len(error.splitlines()) == 1


def test_a_blank_page_is_foreseen(monkeypatch):
    monkeypatch.setattr("importlib.metadata.version", lambda name: "3.0.1")
    with pytest.raises(InputError, match='pip install "ipyvue<2" "ipyvuetify<2"'):
        check_page()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r'pip install "aira-agents\[viz\]"'):
        check_page()


def test_a_taken_port_gives_way_to_the_next():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = holder.getsockname()[1]
        assert taken < free_port("127.0.0.1", taken) <= taken + 50


def test_a_class_without_internet_and_without_offline_files_is_warned(monkeypatch):
    assert missing_assets() is None
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("importlib.metadata.version", raising(PackageNotFoundError))
    assert "pip install solara-assets" in missing_assets()


def test_the_command_takes_the_next_port_draws_and_leaves_on_ctrl_c_while_it_plays(chromium):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        command = [sys.executable, "-m", "aira_agents.cli.main", "view", "cartpole", "--no-open", "--port", port]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        with server, killed(server):
            said = [server.stdout.readline() for _ in range(3)]
            address = said[1].split()[-1].rstrip("/")
            assert said[0].startswith(f"Port {port} is taken; using ")
            tab = Visit(chromium, address)
            tab.page.goto(address)  # what is said can be followed at once
            tab.press("▶")
            tab.wait_for_step(3)
            server.send_signal(signal.SIGINT)
            assert server.wait(20) in (0, 130)
            assert "Traceback" not in server.stderr.read()
    tab.context.close()
    assert tab.outside == []


def test_solara_run_shows_the_page_as_mesa_users_expect(chromium):
    port = str(free_port("127.0.0.1", 18_765))
    app = Path(__file__).parents[1] / "viz" / "app.py"
    command = [sys.executable, "-m", "solara", "run", str(app), "--no-open", "--port", port, "--host", "127.0.0.1"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with server, killed(server):
        tab = Visit(chromium, f"http://127.0.0.1:{port}")
        reached(tab, tab.address)
        tab.press("Step")
        tab.wait_for_step(1)
        tab.close()


def test_a_shared_page_asks_for_the_code_before_anything_exists(visit, shared):
    tab = visit()
    tab.page.goto(f"{tab.address}/foraging")
    code = tab.page.get_by_label("Join code")
    code.fill("WRONG1")
    tab.page.get_by_role("button", name="Join").click()
    tab.page.get_by_text("That is not the code").wait_for()
    assert tab.page.locator("canvas").count() == 0
    tab.shot("join")
    code.fill(SECRET.lower())
    tab.page.get_by_role("button", name="Join").click()
    tab.canvas.wait_for()
    tab.page.reload()
    tab.canvas.wait_for()  # this browser is in


def test_a_stranger_reaches_no_prompt_no_file_and_no_other_tab(visit, chromium, page_address, shared):
    before = set(contexts)
    mine = visit()
    mine.page.goto(f"{mine.address}/foraging")
    mine.page.get_by_label("Join code").fill(SECRET)
    mine.page.get_by_role("button", name="Join").click()
    mine.canvas.wait_for()
    (kernel,) = set(contexts) - before
    for path in FILES:
        status, body = fetched(f"{page_address}{path}")
        assert status in (400, 404, 403, 500) or b"root:" not in body, path
        assert b"/work" not in body and b"site-packages" not in body and b"import solara" not in body, path
    stranger = visit()
    stranger.page.goto(f"{page_address}/foraging")
    stranger.page.get_by_label("Join code").wait_for()
    answers = stranger.page.evaluate(ATTACK, [page_address.replace("http", "ws"), kernel])
    said = json.dumps(answers)
    assert "forager" not in said and "uid=" not in said and "execute_reply" not in said
    assert "49" not in [part for answer in answers["own"] for part in answer.split('"')]
    assert mine.page.get_by_role("button", name="Step", exact=True).is_visible()
    mine.press("Step")
    mine.wait_for_step(1)
    assert "Command Console" not in mine.page.content()
    assert "/work" not in mine.page.content() and "site-packages" not in mine.page.content()
    stranger.errors.clear()  # its attacks fail, which the browser calls errors
    mine.errors.clear()


FILES = (
    "/static/public/../../../../etc/passwd",
    "/static/public/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/static/assets/..%2f..%2f..%2f..%2fetc/passwd",
    "/static/nbextensions/../../../../etc/passwd",
    "/static/nbextensions/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/_solara/cdn/..%2f..%2f..%2f..%2fetc/passwd",
    "/viz/app.py",
    "/static/public/app.py",
    "/resourcez",
    "/resourcez?verbose",
    "/jupyter/api/kernels/1",
)

ATTACK = """async ([server, kernel]) => {
    const talk = (path, messages) => new Promise((done) => {
        const heard = [];
        const socket = new WebSocket(server + path);
        const text = (data) => (typeof data === "string" ? data : data.text());
        socket.onmessage = async (event) => heard.push(await text(event.data));
        socket.onopen = () => messages.forEach((message) => socket.send(JSON.stringify(message)));
        setTimeout(() => { socket.close(); done(heard); }, 2500);
    });
    const message = (type, content, channel = "shell") => ({
        header: { msg_id: "1", msg_type: type, session: "s", username: "u", version: "5.3", date: "" },
        parent_header: {}, metadata: {}, content, channel, buffers: [],
    });
    const run = message("execute_request", { code: "print(7 * 7, __import__('os').popen('id').read())" });
    const widgets = message("comm_open", { comm_id: "c", target_name: "jupyter.widget.control", data: {} });
    const ask = message("comm_msg", { comm_id: "c", data: { method: "request_states" } });
    return {
        theirs: await talk(`/jupyter/api/kernels/${kernel}/channels?session_id=x`, [run, widgets, ask]),
        own: await talk("/jupyter/api/kernels/made-up-by-a-stranger/channels?session_id=y", [run, widgets, ask]),
    };
}"""


@contextmanager
def killed(server):
    try:
        yield
    finally:
        server.kill()


def reached(tab, address):
    """Opens the first page as soon as the server answers."""
    for _ in range(300):
        try:
            urllib.request.urlopen(address, timeout=2).close()
            break
        except OSError:
            time.sleep(0.1)
    tab.page.goto(address)
    tab.canvas.wait_for()


def raising(kind):
    def fail(*args):
        raise kind

    return fail


def fetched(address):
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
