"""What takes seconds is done beside the page: it says so, and neither the world nor the page waits for it."""

import gc
import threading
import warnings
import weakref

import ipyvuetify as v
import pytest
import solara
from test_page_teaching import SMALL, make  # noqa: F401  a fixture
from test_teaching_panel import button, said, waited

from aira_agents.errors import InputError
from aira_agents.hosting.steered import Steered

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Mesa's and Solara's own, at import
    from viz.beside import COMPILING, Beside
    from viz.controls import Policies
    from viz.lab import Lab
    from viz.subjects import find_subject
    from viz.teaching_card import TeachingPanel

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def compiling(monkeypatch):
    """Holds whoever compiles policies; yields what says that somebody does, and what lets them go on."""
    begun, done = threading.Event(), threading.Event()
    prepare = Steered.prepare

    def slowly(model, policies):
        begun.set()
        assert done.wait(60)
        prepare(model, policies)

    monkeypatch.setattr(Steered, "prepare", slowly)
    yield begun, done
    done.set()


def test_begin_says_that_it_compiles_and_the_world_goes_on(make, compiling):  # noqa: F811
    lab, (begun, done) = make(), compiling
    lab.teaching.agree()
    _, page = solara.render(TeachingPanel(lab), handle_error=False)
    button(page, "Begin").click()
    assert begun.wait(60) and COMPILING in said(page)
    assert button(page, "Begin").disabled and not lab.teaching.is_on
    lab.model.value.step()
    assert lab.model.value.steps == 1
    done.set()
    waited(lambda: lab.teaching.is_on and not lab.beside.busy.value)
    waited(lambda: COMPILING not in said(page))  # the page is drawn anew a moment later, in that thread
    assert lab.choice.value == "taught here"
    page.close()


def test_another_policy_is_compiled_beside_the_page_also_over_a_reset(make, compiling):  # noqa: F811
    lab, (begun, done) = make(), compiling
    _, page = solara.render(Policies(lab), handle_error=False)
    (select,) = page.find(v.Select).widgets
    select.v_model = "greedy"
    assert begun.wait(60) and COMPILING in said(page) and lab.choice.value == "random"
    lab.model.value = lab.model_class(rng=1)
    done.set()
    waited(lambda: lab.choice.value == "greedy" and not lab.beside.busy.value)
    policy = lab.model.value.policies["forager"].policy.policy
    assert policy.act.__name__ == "greedy"
    page.close()


def test_of_what_is_asked_for_while_something_is_under_way_the_last_is_done_then():
    done, came = threading.Event(), []
    beside = Beside(came.append)
    beside.do(lambda: done.wait(60))
    for name in "abc":
        beside.do(lambda name=name: came.append(name))
    done.set()
    waited(lambda: not beside.busy.value)
    assert came == ["c"]


def test_a_tab_that_is_closed_while_it_compiles_is_freed_and_nobody_listens_there(make, compiling):  # noqa: F811
    make()  # sets the database
    lab, (begun, done) = Lab(find_subject("foraging")), compiling
    lab.values |= SMALL
    lab.teaching.agree()
    lab.beside.do(lambda lab=lab: lab.teaching.begin())
    assert begun.wait(60)
    lab.close()
    done.set()
    lab.beside.join(60)
    assert lab.teaching.live is None and lab.teaching.notebook.session == ""
    world = weakref.ref(lab.model.value)
    del lab
    gc.collect()
    assert world() is None


def test_a_rule_that_cannot_act_is_refused_in_words_and_who_acted_acts_on(make, monkeypatch):  # noqa: F811
    lab = make()

    def fails(model, policies):
        raise TypeError("no such thing\nand much more")

    monkeypatch.setattr(Steered, "prepare", fails)
    lab.choose("greedy")
    assert "TypeError: no such thing" in lab.message.value and lab.choice.value == "random"
    lab.model.value.step()
    assert lab.model.value.fault is None


def test_what_fails_beside_the_page_is_said_there_and_the_next_can_begin():
    told = []
    beside = Beside(told.append)
    for _ in range(2):
        beside.do(lambda: (_ for _ in ()).throw(InputError("never mind")))
        beside.join(10)
    assert len(told) == 2 and "InputError" in told[0] and not beside.busy.value


def test_the_list_shows_who_acts_after_a_policy_was_refused(make):  # noqa: F811
    lab = make()
    acts = lab.choice.value
    lab.stock["of another world"] = {"bird": lab.untrained(lab.environment())["forager"]}
    _, page = solara.render(Policies(lab), handle_error=False)
    (choices,) = page.find(v.Select).widgets
    choices.v_model = "of another world"
    waited(lambda: lab.message.value and not lab.beside.busy.value)
    waited(lambda: choices.v_model == acts)
    assert lab.choice.value == acts
    page.close()
