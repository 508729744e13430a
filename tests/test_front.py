"""The scripts that draw the world, and the renderer of the page; no browser."""

import re
import warnings

import pytest
from test_house import ROOT

pytestmark = pytest.mark.filterwarnings("ignore")  # Solara and its friends warn of one another

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import solara

    from viz.canvas import PARTS, SCRIPTS, script
    from viz.server import prepare

FRONT = ROOT / "viz" / "front"


def test_all_scripts_together_are_one_module_that_fetches_nothing():
    assert sorted(PARTS) == sorted(path.stem for path in FRONT.glob("*.js"))
    module = script(*SCRIPTS)
    assert re.findall(r"^export .*", module, re.M) == ["export default { render };"]
    assert not re.search(r"^\s*import |import\(|https?://|fetch\(", module, re.M)


def test_no_two_scripts_use_one_name():
    declared = re.findall(r"^(?:const|let|class|function) (\w+)", script(*SCRIPTS), re.M)
    assert len(declared) == len(set(declared)) > 20


def test_the_page_looks_only_at_what_changed(monkeypatch):
    monkeypatch.delenv("REACTON_FAST", raising=False)
    prepare()
    _, context = solara.render(solara.Text("a page"), handle_error=False)
    assert type(context).__name__ == "_RenderContextFast"  # else a frame takes three times as long
    context.close()
